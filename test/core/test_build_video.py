"""A real video with two people in it, from a file with chapters to windows to train on."""

import importlib.util
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mediapipe', reason='the extra build is not installed')

from mujo_core.builder.plan import make_plan
from mujo_core.builder.run import build
from mujo_core.builder.settings import BuildSettings, CutSettings, PoseSettings
from mujo_core.builder.sources import find_sources
from mujo_core.builder.video_clip import build_video_clip
from mujo_core.datasets.registry import load_recordings
from mujo_core.sides import handedness
from mujo_core.skeleton import JOINT

SPORTS2D = importlib.util.find_spec('Sports2D')
VIDEO = Path(SPORTS2D.submodule_search_locations[0]) / 'Demo' / 'demo.mp4' if SPORTS2D else None
pytestmark = pytest.mark.skipif(
    VIDEO is None or not VIDEO.is_file(), reason='the video of sports2d is not installed'
)


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """3.2 s of a man who does jumping jacks on a roof while a woman walks by below him."""
    folder = tmp_path_factory.mktemp('video')
    (folder / 'park.mp4').symlink_to(VIDEO)
    (folder / 'park.info.json').write_text(json.dumps({
        'id': 'xyz', 'chapters': [
            {'start_time': 0.0, 'end_time': 1.0, 'title': 'Intro'},
            {'start_time': 1.0, 'end_time': 4.2, 'title': '1/3: Walking (3 sec)'}],
    }))  # fmt: skip
    (folder / 'park.en.vtt').write_text('WEBVTT\n\n00:03.000 --> 00:04.000\nkeep going\n')
    settings = BuildSettings(pose=PoseSettings(rate=15.0))
    return folder / 'out', build(folder, folder / 'out', settings)


def test_two_people_are_two_tracks(built):
    folder, content = built
    assert content['samples'] == 2 and not content['failures']
    assert [one['reason'] for one in content['left_out']] == ['no activity in its title (Intro)']
    samples = {}
    with tarfile.open(folder / content['shards'][0]['name']) as tar:
        for member in tar:
            key, _, extension = member.name.partition('.')
            samples.setdefault(key, {})[extension] = tar.extractfile(member).read()
    facts = [json.loads(sample['json']) for sample in samples.values()]
    assert {one['label'] for one in facts} == {'walk'}
    assert all(one['captions'] == ['keep going'] and one['words'] == 'walking' for one in facts)
    assert all(one['start'] >= 1.0 and one['end'] <= 4.2 for one in facts)
    assert all(one['quality']['visible'] > 0.7 for one in facts)
    for sample in samples.values():
        assert sample['jpg'][:2] == b'\xff\xd8'
        frames = np.load(io.BytesIO(sample['npz']))['video/frames']
        assert frames.shape[1:] == (48, 48, 3)
        assert frames.std() > 20


def test_she_walks_ahead_on_a_floor_and_he_stays(built):
    recordings = load_recordings('fimad', built[0])
    ways = []
    for recording in recordings:
        joints = recording.streams['pose'].values
        assert handedness(joints, 'canonical16') >= 0
        head = np.nanmedian(joints[:, JOINT['head'], 2])
        assert 1.2 < head < 2.1
        assert abs(np.nanquantile(joints[:, 14:, 2], 0.05) - 0.08) < 0.02
        path = joints[:, 0, :2][np.isfinite(joints[:, 0]).all(axis=1)]
        ways.append(path[-1] - path[0])
        # A body that stands or walks feels gravity upward.
        chest = np.median(recording.streams['imu/chest'].values[:, :3], axis=0)
        for name, stream in recording.streams.items():
            if name.startswith('imu/'):  # What no device would measure is not there.
                assert np.abs(stream.values[:, :3]).max() <= 16 * 9.80665
        assert 8.0 < np.linalg.norm(chest) < 11.5 and chest[2] > 7.0
    she = max(ways, key=lambda way: np.linalg.norm(way))
    he = min(ways, key=lambda way: np.linalg.norm(way))
    assert 1.5 < she[0] < 4.0 and abs(she[1]) < 0.8
    assert np.linalg.norm(he) < 1.0


def test_a_file_that_is_no_video_fails_alone(built, tmp_path):
    (tmp_path / 'damaged.mp4').write_bytes(b'\0' * 4096)
    (tmp_path / 'damaged.chapters.csv').write_text('start,end,title\n0,3,Squats\n')
    content = build(tmp_path, tmp_path / 'out', BuildSettings())
    assert content['samples'] == 0
    assert content['failures'] == [
        {'name': 'damaged.mp4', 'reason': 'damaged.mp4: expected a video, it cannot be read'}
    ]


def test_a_clip_without_a_sample_says_why(tmp_path):
    (tmp_path / 'park.mp4').symlink_to(VIDEO)
    (tmp_path / 'park.chapters.csv').write_text('start,end,title\n3.0,3.4,Squats\n')
    (clip,) = make_plan(find_sources(tmp_path), CutSettings()).clips
    result = build_video_clip(clip, BuildSettings(pose=PoseSettings(people=1)))
    (left,) = result.left_out
    assert not result.samples and (left.start, left.end) == (3.0, 3.4)
    assert left.reason == 'nobody is followed for 0.5 s'
