"""A build of motion capture: shards, what reads them, resuming, what fails and what is left out."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import types
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mujo_core.builder.plan import make_plan
from mujo_core.builder.run import build
from mujo_core.builder.settings import BuildSettings, CutSettings, ImuSettings, ShardSettings
from mujo_core.builder.shards import read_result
from mujo_core.builder.sources import find_sources
from mujo_core.builder.work import build_clip
from mujo_core.builder.workers import by_processes
from mujo_core.cli.main import main
from mujo_core.datasets.registry import load_recordings
from mujo_core.datasets.summary import collected_problems
from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT
from mujo_core.virtual_imu import read_likeness, virtual_imu

ROOT = Path(__file__).parents[2]
CMU = ROOT.parent / 'shared' / 'data' / 'cmu_mocap'
KILLS = int(os.environ.get('MUJO_KILLS', '2'))
"""`make soak` asks for ten."""

SETTINGS = BuildSettings(
    cut=CutSettings(validation=0.3), shard=ShardSettings(clips=3, megabytes=64)
)


@pytest.fixture(scope='module')
def captures(tmp_path_factory, write_bvh):
    """Eight files of motion capture with labels, one that is broken and one that is short."""
    folder = tmp_path_factory.mktemp('captures')
    rows = ['file,label,subject']
    for number in range(8):
        write_bvh(folder / f'take{number}.bvh', number, prefix='mixamorig:' if number % 2 else '')
        rows.append(f'take{number}.bvh,{("jog", "squat")[number % 2]},p{number // 2}')
    write_bvh(folder / 'short.bvh', 9, seconds=0.6)
    (folder / 'broken.bvh').write_text('HIERARCHY\nROOT x {')
    (folder / 'labels.csv').write_text('\n'.join(rows) + '\n')
    return folder


@pytest.fixture(scope='module')
def built(captures, tmp_path_factory):
    """A build of them, undisturbed, by two workers."""
    folder = tmp_path_factory.mktemp('built')
    return folder, build(captures, folder, SETTINGS, workers=2)


def contents(folder):
    names = ('build.json', 'README.md', 'report.html', 'labels.yaml', 'schema.json')
    files = [*sorted(folder.glob('fimad-*.tar')), *(folder / name for name in names)]
    return {file.name: file.read_bytes() for file in files}


def test_what_is_built_left_out_and_failed(built):
    folder, content = built
    assert (content['clips'], content['samples']) == (10, 8)
    assert [one['reason'] for one in content['left_out']] == ['0.6 s long, expected 1 or more']
    (failure,) = content['failures']
    assert failure['name'].startswith('broken') and 'broken.bvh: expected' in failure['reason']
    done = subprocess.run(['sha256sum', '-c', 'checksums.sha256'], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout
    card, page = ((folder / n).read_text() for n in ('README.md', 'report.html'))
    assert '8 clips' in card and content['shards'][0]['name'] in card
    for drawing in re.findall('<svg.*?</svg>', page):
        ElementTree.fromstring(drawing)
    assert page.count('class="sample"') == 8 and 'broken.bvh' in page
    assert 'http' not in page.replace('http://www.w3.org', '')


def test_shards_are_webdatasets_and_their_facts_fit_the_schema(built):
    folder, content = built
    schema = json.loads((folder / 'schema.json').read_text())
    validate = pytest.importorskip('jsonschema').validate
    for shard in content['shards']:
        with tarfile.open(folder / shard['name']) as tar:
            members = tar.getmembers()
            assert all((m.mtime, m.uid, m.gid, m.uname, m.gname) == (0, 0, 0, '', '')
                       for m in members)  # fmt: skip
            for member in members:
                if member.name.endswith('.json'):
                    validate(json.load(tar.extractfile(member)), schema)
    webdataset = pytest.importorskip('webdataset', reason='the extra build is not installed')
    urls = [str(folder / shard['name']) for shard in content['shards']]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert len(samples) == 8
    assert samples[0]['json']['imu'] and samples[0]['npz']['skeleton/xyz'].shape[1:] == (16, 3)


def test_the_data_set_holds_pose_virtual_imu_and_labels(built):
    folder, _ = built
    recordings = load_recordings('fimad', folder)
    assert len(recordings) == 8 and {r.label for r in recordings} == {'jog', 'squat'}
    for recording in recordings:
        joints = recording.streams['pose'].values
        assert recording.streams['pose'].stamps[0] == 0.0
        lengths = np.linalg.norm(
            joints[:, JOINT['left_knee']] - joints[:, JOINT['left_hip']], axis=1
        )
        np.testing.assert_allclose(lengths, 0.4, atol=0.001)  # z up, metres
        assert 1.2 < np.median(joints[:, JOINT['head'], 2]) < 1.8
        # 30 cm/s ahead, along x or near it.
        path = joints[-1, 0] - joints[0, 0]
        assert path[0] > 0.8 and abs(path[1]) < 0.6
        wrist = recording.streams['imu/right_wrist']
        again = virtual_imu(recording.streams['pose'].stamps, joints, 'right_wrist')
        np.testing.assert_array_equal(wrist.values, again.values)
    splits = {split: load_recordings('fimad', folder, split=split)
              for split in ('train', 'validation')}  # fmt: skip
    assert {split: len(part) for split, part in splits.items()} == {
        s: sum(shard['samples'] for shard in built[1]['shards'] if shard['split'] == s)
        for s in splits
    }
    people = [{r.subject for r in part} for part in splits.values()]
    assert all(people) and not people[0] & people[1]


def test_virtual_devices_made_like_real_ones_are_the_same_in_every_build(
    built, captures, utd, tmp_path, capsys
):
    """Fitted to a wrist without a skeleton; noise beside it; other devices get noise alone."""
    like = tmp_path / 'like.json'
    fit = ['data', 'utd_mhad', '--root', str(utd), '--beside', str(built[0])]
    assert main([*fit, '--likeness', str(like)]) == 0
    plan = make_plan(find_sources(captures), CutSettings())
    (clip,) = (clip for clip in plan.clips if clip.path.endswith('take0.bvh'))
    copy = str(shutil.copy(like, tmp_path / 'copy.json'))
    ways = (('wearable', str(like)), ('wearable', copy), ('wearable', ''), ('', ''))
    settings = [replace(SETTINGS, imu=ImuSettings(*way)) for way in ways]
    assert len({clip.key(one.work()) for one in settings}) == 3
    results = [build_clip(clip, one) for one in settings]
    assert results[0] == results[1]
    arrays = []
    for result in results:
        ((sample,), _) = read_result(result)
        arrays.append(np.load(io.BytesIO(sample.files['npz'])))
    like_and_noise, _, noisy, clean = arrays
    for sensor, most in (('acc', 2.0), ('gyro', 0.3)):
        chest, wrist = (f'imu/{place}/{sensor}' for place in ('chest', 'right_wrist'))
        assert np.array_equal(like_and_noise[chest], noisy[chest])
        assert 0 < np.abs(noisy[chest] - clean[chest]).max() < most
        assert np.abs(like_and_noise[wrist] - noisy[wrist]).max() > most
    sensed = np.hstack([clean[f'imu/right_wrist/{sensor}'] for sensor in ('acc', 'gyro')])
    moved = read_likeness(like).apply(Stream(clean['imu/right_wrist/t'], sensed), 'right_wrist')
    error = like_and_noise['imu/right_wrist/gyro'] - moved.values[:, 3:]
    assert np.abs(error).max() < 0.6
    (tmp_path / 'none.json').write_text('{}')
    for wrong, line in (
        (['--imu.noise', 'loud'], 'wearable'),
        (['--imu.like', str(tmp_path / 'none.json')], 'fit it again'),
    ):
        assert main(['build', str(captures), '--output', str(tmp_path / 'o'), *wrong]) == 2
        assert line in capsys.readouterr().err


def test_training_draws_one_or_two_of_the_virtual_devices(built):
    from mujo_core.training.mixture.clips import dataset_clips
    from mujo_core.training.sampler import WindowSampler
    from mujo_core.window import WindowSpec

    clips = dataset_clips(load_recordings('fimad', built[0]))
    assert all(set(clip.streams) == {'pose'} and len(clip.virtual) > 10 for clip in clips)
    sampler = WindowSampler(clips, WindowSpec())
    rng = np.random.default_rng(0)
    for _ in range(20):
        window, _ = sampler.draw(0, rng)
        assert 1 <= sum(name.startswith('imu/') for name in window.coverage) <= 2


def test_a_damaged_shard_is_named_and_the_rest_loads(built, tmp_path):
    folder = tmp_path / 'copy'
    shutil.copytree(built[0], folder)
    shards = built[1]['shards']
    path = folder / shards[0]['name']
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (folder / shards[1]['name']).unlink()
    with collected_problems() as problems:
        kept = load_recordings('fimad', folder)
    assert len(kept) == 8 - shards[0]['samples'] - shards[1]['samples']
    assert len(problems) == 2
    assert shards[0]['name'] in problems[0] and 'get the shard again' in problems[0]
    assert shards[1]['name'] in problems[1]
    (folder / 'build.json').write_text('{"format": 99, "shards": []}')
    with pytest.raises(ValueError, match='expected format 1, 99 came'):
        load_recordings('fimad', folder)
    (folder / 'build.json').unlink()
    with pytest.raises(FileNotFoundError, match='finished'):
        load_recordings('fimad', folder)


def test_a_build_that_is_done_is_not_done_again_and_a_new_file_is_added(
    built, captures, write_bvh, tmp_path
):
    folder, more = tmp_path / 'copy', tmp_path / 'more'
    shutil.copytree(built[0], folder)
    shutil.copytree(captures, more)
    write_bvh(more / 'zoom.bvh', 11)
    before = {path.name: path.stat().st_mtime_ns for path in (folder / 'results').iterdir()}
    steps = []
    content = build(more, folder, SETTINGS, progress=steps.append)
    assert content['samples'] == 9
    assert steps[0].done == 9  # all but the broken one and the new one
    after = {path.name: path.stat().st_mtime_ns for path in (folder / 'results').iterdir()}
    assert before.items() <= after.items() and len(after) == len(before) + 1


def start(sources, output):
    command = [sys.executable, '-m', 'mujo_core.cli.main', 'build', str(sources), '--output',
               str(output), '--cut.validation', '0.3', '--shard.clips', '3',
               '--shard.megabytes', '64']  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_killed_at_any_moment_and_resumed_it_gives_the_same_bytes(built, captures, tmp_path):
    """SIGKILL after a number of files have appeared, which is somewhere in the work or after it."""
    folder = tmp_path / 'out'
    rng = np.random.default_rng(KILLS)
    survived = 0
    for moment in sorted(rng.integers(0, 12, KILLS)):
        process = start(captures, folder)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            results = folder / 'results'
            there = sum(1 for _ in results.iterdir()) if results.is_dir() else 0
            shards = len(list(folder.glob('*fimad-*')))
            if there + shards >= moment:
                break
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        workers = _children(process.pid)
        process.send_signal(signal.SIGKILL)
        survived += process.wait() != -signal.SIGKILL
        process.stdout.close()
        while any((Path('/proc') / pid).is_dir() for pid in workers):
            assert time.monotonic() < deadline, 'a worker outlives the build it belongs to'
            time.sleep(0.01)
    assert survived < KILLS
    last = start(captures, folder)
    said, _ = last.communicate(timeout=120)
    assert last.returncode == 0, said.decode()
    assert contents(folder) == contents(built[0])
    assert not [p.name for p in folder.rglob('.*') if p.name != '.lock']


def _children(pid):
    try:
        return Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except OSError:
        return []


def test_a_clip_that_takes_its_process_with_it_fails_alone(captures):
    clips = make_plan(find_sources(captures), CutSettings()).clips[2:5]

    def kill():
        for pid in _children(os.getpid()):
            if 'spawn_main' in Path(f'/proc/{pid}/cmdline').read_text():
                os.kill(int(pid), signal.SIGKILL)

    done = threading.Event()

    def keep_killing():
        while not done.wait(0.05):  # a process takes far longer to import what it needs
            kill()

    killer = threading.Thread(target=keep_killing)
    killer.start()
    outcomes = by_processes(clips, SETTINGS, 1)
    first = next(outcomes)
    done.set()
    killer.join()
    assert first.result is None and first.error == 'its process died (signal SIGKILL)'
    kill()
    assert next(outcomes).result
    kill()  # it has nothing to do
    assert [outcome.clip for outcome in outcomes if outcome.result] == clips[2:]


def test_two_builds_in_one_folder_and_wrong_use_end_in_a_line(captures, built, tmp_path, capsys):
    import fcntl

    with (built[0] / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OSError, match='another build'):
            build(captures, built[0], SETTINGS)
    for arguments, line in (
        ([str(tmp_path / 'none')], 'expected a folder of videos or a manifest'),
        ([str(tmp_path)], 'there are none'),
        ([str(captures), '--workers', '0'], 'expected --workers from 1 on'),
        ([str(captures), '--pose.peple', '2'], 'peple'),
    ):
        assert main(['build', *arguments, '--output', str(tmp_path / 'o')]) == 2
        assert line in capsys.readouterr().err
    assert main(['data', 'fimad', '--root', str(tmp_path)]) == 2


@pytest.mark.skipif('MUJO_KILLS' not in os.environ, reason='Ray takes long to start: make soak')
def test_ray_gives_the_same_bytes(built, captures, tmp_path):
    pytest.importorskip('ray', reason='the extra build is not installed')
    build(captures, tmp_path, SETTINGS, ray='local')
    assert contents(tmp_path) == contents(built[0])


@pytest.mark.skipif(not CMU.is_dir(), reason='CMU mocap is not beside the repository')
def test_trials_of_cmu_come_by_their_own_reader(tmp_path):
    names = ('02_01.amc', '02.asf', '02_01.bvh', '16_15.amc', '16.asf')
    for name in names:
        shutil.copy(CMU / name, tmp_path)
    rows = (CMU / 'labels.csv').read_text().splitlines()
    kept = [rows[0], *(row for row in rows if row.startswith(names))]
    (tmp_path / 'labels.csv').write_text('\n'.join(kept) + '\n')
    content = build(tmp_path, tmp_path / 'out', BuildSettings())
    assert content['clips'] == content['samples'] == 2 and not content['failures']
    (spare,) = content['left_out']
    assert (spare['clip'], spare['reason']) == (
        '02_01.bvh', 'the same trial as 02_01.amc, in another format'
    )  # fmt: skip
    recordings = {r.name.split('-')[1]: r for r in load_recordings('fimad', tmp_path / 'out')}
    assert recordings['02_01'].label == 'walk'
    joints = recordings['02_01'].streams['pose'].values
    assert joints[-1, 0, 0] - joints[0, 0, 0] > 2.0  # walks ahead
    assert np.abs(np.ptp(joints[:, 0, 1])) < 0.5


def test_a_ray_that_does_not_start_is_a_line(captures, tmp_path, monkeypatch, capsys):
    def init(**_):
        raise Exception('The current node timed out during startup.\nLook at the logs.')

    monkeypatch.setitem(sys.modules, 'ray', types.SimpleNamespace(init=init))
    out = str(tmp_path / 'out')
    assert main(['build', str(captures), '--output', out, '--ray', 'local']) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert 'timed out during startup.); start it' in line
