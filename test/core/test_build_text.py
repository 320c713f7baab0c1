"""What is said of a video: titles, chapters, captions, and the plan that comes of them."""

import json
import math
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from mujo_core.builder.captions import between, read_captions
from mujo_core.builder.chapters import read_chapters, read_info
from mujo_core.builder.describe import with_descriptions
from mujo_core.builder.plan import make_plan
from mujo_core.builder.settings import BuildSettings, CutSettings, TextSettings, read_settings
from mujo_core.builder.sources import Unusable, find_sources
from mujo_core.builder.titles import describe, label_of, words_of


@pytest.mark.parametrize(
    ('title', 'words'),
    [
        ('Exercise 3 of 10: Jumping Jacks (30 sec)', 'jumping jacks'),
        ('exercise 3/10 - Squats', 'squats'),
        ('03. Push-Ups', 'push-ups'),
        ('#4 Plank', 'plank'),
        ('12x Burpees', 'burpees'),
        ('Burpees x 12', 'burpees'),
        ('3 x 15 reps Lunges', 'lunges'),
        ('20 reps of Crunches', 'crunches'),
        ('High Knees 0:30', 'high knees'),
        ('High knees for 45 seconds', 'high knees'),
        ('Round 2: Mountain Climbers', 'mountain climbers'),
        ('Bicep Curls [each side]', 'bicep curls'),
        ('Side Plank - each side', 'side plank'),
        ('Warrior II', 'warrior ii'),
        ('Ten push ups', 'ten push ups'),
        ('Draw X', 'draw x'),
        ('100', ''),
        ('30 sec', ''),
        ('', ''),
    ],
)
def test_counts_durations_and_numbering_are_taken_out(title, words):
    assert words_of(title) == words


def test_labels_are_the_taxonomys_where_it_has_them():
    assert label_of('squats') == 'squat'
    assert label_of('bicep curls') == 'arm_curl'
    assert label_of('rest') == label_of('water break') == 'rest'
    assert label_of('intro') == label_of('thanks for watching') == label_of('') == ''
    assert label_of('wood chop') == 'wood_chop'
    assert describe('squat', 'squats').startswith('a person') or 'knees' in describe('squat', 'x')
    assert describe('wood_chop', 'wood chop') == 'a person does wood chop'


def test_chapters_come_from_yt_dlp_or_a_table(tmp_path):
    info = {'id': 'v', 'title': 'all', 'chapters': [
        {'start_time': 0, 'end_time': 30.5, 'title': 'Intro'},
        {'start_time': 30.5, 'title': 'Squats'}]}  # fmt: skip
    (tmp_path / 'a.info.json').write_text(json.dumps(info))
    chapters, facts = read_info(tmp_path / 'a.info.json')
    assert [(c.start, c.end, c.title) for c in chapters] == [
        (0.0, 30.5, 'Intro'), (30.5, math.inf, 'Squats')]  # fmt: skip
    assert facts['id'] == 'v'
    (tmp_path / 'b.csv').write_text('start,end,title\n0,,Squats\n1:05,1:02:03,"Jog, slowly"\n')
    assert [(c.start, c.end, c.title) for c in read_chapters(tmp_path / 'b.csv')] == [
        (0.0, 65.0, 'Squats'), (65.0, 3723.0, 'Jog, slowly')]  # fmt: skip


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        ('start,title\n0,a\n', 'end is missing'),
        ('start,end,title\n5,3,a\n', 'row 2: expected 0 <= start < end'),
        ('start,end,title\n0,nan,a\n', 'row 2: expected 0 <= start < end'),
        ('start,end,title\nx,3,a\n', "row 2: expected seconds or h:m:s, 'x' came"),
    ],
)
def test_a_wrong_table_names_the_row(tmp_path, text, line):
    (tmp_path / 'c.csv').write_text(text)
    with pytest.raises(ValueError, match=r'c\.csv') as caught:
        read_chapters(tmp_path / 'c.csv')
    assert line in str(caught.value)


def test_captions_lose_markup_and_lines_that_roll_on(tmp_path):
    vtt = tmp_path / 'a.vtt'
    vtt.write_text(
        'WEBVTT\nKind: captions\n\n'
        '00:00:01.000 --> 00:00:02.000 align:start\nkeep <c>your</c> back\n'
        '\n00:00:02.000 --> 00:00:04.000\nkeep your back\nstraight &amp; go\n'
    )
    srt = tmp_path / 'a.srt'
    srt.write_text(
        '1\n00:00:01,000 --> 00:00:02,000\n<i>down</i>\n\n'
        '2\n00:00:03,000 --> 00:00:04,500\nand up\n'
    )
    captions = read_captions(vtt)
    assert [(c.start, c.text) for c in captions] == [
        (1.0, 'keep your back'), (2.0, 'straight & go')]  # fmt: skip
    assert [(c.start, c.end, c.text) for c in read_captions(srt)] == [
        (1.0, 2.0, 'down'), (3.0, 4.5, 'and up')]  # fmt: skip
    assert between(captions, 0.0, 2.0) == ('keep your back',)
    vtt.write_text('WEBVTT\n')
    with pytest.raises(ValueError, match=r'a\.vtt: expected captions'):
        read_captions(vtt)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Videos of ten minutes by name alone: a plan only asks how long they are."""
    monkeypatch.setattr('mujo_core.builder.pictures.video_seconds', lambda path: 600.0)
    for number in range(40):
        (tmp_path / f'v{number}.mp4').write_bytes(b'%d' % number)
        (tmp_path / f'v{number}.chapters.csv').write_text(
            'start,end,title\n0,20,Intro\n20,380,Exercise 1: Squats\n380,,Jog in place\n'
        )
    return tmp_path


def test_clips_are_short_and_a_video_is_in_one_split(folder):
    plan = make_plan(find_sources(folder), CutSettings())
    assert all(0 < c.end - c.start < 120 for c in plan.clips)
    squats = [c for c in plan.clips if c.group == 'v7.mp4' and c.label == 'squat']
    assert squats[0].start == 20.0 and squats[-1].end == 380.0
    assert all(a.end == b.start for a, b in pairwise(squats))
    assert max(c.end for c in plan.clips) == 600.0
    splits = {}
    for clip in plan.clips:
        splits.setdefault(clip.group, set()).add(clip.split)
    assert all(len(of) == 1 for of in splits.values())
    assert {'train', 'validation'} == set().union(*splits.values())
    assert len([one for one in plan.left_out if 'no activity' in one.reason]) == 40
    # Another video changes nothing about those that were there.
    (folder / 'w.mp4').write_bytes(b'w')
    again = {c.name: c for c in make_plan(find_sources(folder), CutSettings()).clips}
    assert all(again[clip.name] == clip for clip in plan.clips)


def test_a_file_that_cannot_be_used_is_named_and_the_rest_is_planned(folder):
    (folder / 'v3.chapters.csv').write_text('start,end,title\n9,1,x\n')
    (folder / 'v4.info.json').write_text('{"chapters": 3}')
    plan = make_plan(find_sources(folder), CutSettings())
    assert {one.name for one in plan.failures} == {'v3.mp4', 'v4.mp4'}
    assert len({clip.group for clip in plan.clips}) == 38


def test_a_manifest_chooses_titles_groups_and_splits(folder):
    (folder / 'sources.csv').write_text(
        'file,title,group,split\nv1.mp4,Lunges,p,validation\nv2.mp4,,p,\nno.mp4,,,\nv2.mp4,,,\n'
    )
    found = list(find_sources(folder))
    assert [type(one) is Unusable for one in found] == [False, False, True, True]
    plan = make_plan(found, CutSettings())
    first = [clip for clip in plan.clips if clip.label == 'lunge']
    assert first and {clip.split for clip in first} == {'validation'}
    assert {one.name: one.reason for one in plan.failures}['no.mp4'] == 'no such file'


class _Service(BaseHTTPRequestHandler):
    asked: ClassVar[list] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.asked.append((self.path, self.headers.get('Authorization'), body))
        answer = {'choices': [{'message': {'content': ' Bends\n the knees. '}}]}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_a_service_that_the_user_names_describes_each_activity_once(folder, tmp_path, monkeypatch):
    plan = make_plan(find_sources(folder), CutSettings())
    assert with_descriptions(plan, TextSettings(), tmp_path) is plan
    monkeypatch.setenv('MUJO_DESCRIBE_KEY', 'secret')
    server = HTTPServer(('127.0.0.1', 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f'http://127.0.0.1:{server.server_port}/v1'
        settings = TextSettings(endpoint=url, model='m')
        told = with_descriptions(plan, settings, tmp_path)
        assert {clip.description for clip in told.clips} == {'Bends the knees.'}
        assert with_descriptions(plan, settings, tmp_path) == told
    finally:
        server.shutdown()
        server.server_close()
    paths, keys, bodies = zip(*_Service.asked, strict=True)
    assert paths == ('/v1/chat/completions',) * 2 and set(keys) == {'Bearer secret'}
    assert [body['model'] for body in bodies] == ['m', 'm']
    with pytest.raises(OSError, match='is the service running'):
        with_descriptions(plan, TextSettings(endpoint=url, model='other'), tmp_path)
    with pytest.raises(ValueError, match=r'text\.model'):
        with_descriptions(plan, TextSettings(endpoint=url), tmp_path)


def test_settings_say_which_one_is_wrong(tmp_path):
    file = tmp_path / 's.yaml'
    file.write_text('pose: {people: 3}\n')
    default = Path(__file__).parents[2] / 'config' / 'build' / 'default.yaml'
    assert read_settings(default) == BuildSettings()
    settings = read_settings(file, ['--quality.visible', '0.7'])
    assert (settings.pose.people, settings.quality.visible) == (3, 0.7)
    for overrides, word in (
        (['--pose.peple', '1'], 'peple'),
        (['--pose.people', 'x'], 'people'),
        (['--pose.people', '0'], 'pose.people'),
        (['--cut.longest', '121'], 'cut.longest'),
        (['--cut.longest'], '--cut.longest'),
    ):
        with pytest.raises(ValueError, match=re.escape(word)):
            read_settings(None, overrides)
