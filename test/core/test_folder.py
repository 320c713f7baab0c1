"""A folder of one's own: every file of the format, what is wrong with one, and the way back."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from mujo_core.cli.main import main
from mujo_core.datasets.export import write_folder
from mujo_core.datasets.folder import load_folder, own_labels
from mujo_core.datasets.registry import load_recordings
from mujo_core.layouts import LAYOUTS
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import CANONICAL_JOINTS

REST = (0.0, 0.0, 9.81, 0.1, 0.2, 0.3)


def arrays(seconds: float = 4.0, placement: str = 'right_wrist') -> dict[str, np.ndarray]:
    t = np.arange(0, seconds, 0.02)
    samples = np.tile(np.array(REST, np.float32), (len(t), 1))
    names = (f'imu/{placement}/{part}' for part in ('t', 'acc', 'gyro'))
    return dict(zip(names, (t, samples[:, :3], samples[:, 3:]), strict=True))


def skeleton(layout: str, seconds: float = 4.0) -> dict[str, np.ndarray]:
    t = np.arange(0, seconds, 1 / 30)
    rng = np.random.default_rng(1)
    xyz = rng.normal(size=(len(t), len(LAYOUTS[layout].joints), 3)).astype(np.float32)
    return {'skeleton/t': t, 'skeleton/xyz': xyz, 'skeleton/layout': np.array(layout)}


def manifest(root: Path, *rows: str, header: str = 'recording,subject,label,start,end,split'):
    (root / 'manifest.csv').write_text('\n'.join([header, *rows]) + '\n')


def warnings(caplog, root: Path) -> tuple[list[Recording], list[str]]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        recordings = list(load_folder(root))
    lines = [record.getMessage() for record in caplog.records]
    assert not any('\n' in line for line in lines)
    return recordings, lines


def test_npz_and_manifest(tmp_path, caplog):
    np.savez(tmp_path / 'one.npz', **arrays(), **skeleton('kinect20'))
    manifest(tmp_path, 'one,ann,waving,0.5,1.5,train', 'one,ann,tie shoes,2,3,train')
    (recording,), lines = warnings(caplog, tmp_path)
    assert not [line for line in lines if 'swapped' not in line]
    assert (recording.name, recording.subject, recording.dataset) == ('one', 'ann', 'folder')
    assert set(recording.streams) == {'imu/right_wrist', 'pose'}
    assert recording.streams['imu/right_wrist'].values[3] == pytest.approx(REST)
    assert recording.streams['pose'].layout == 'kinect20'
    assert recording.segments == [Segment('wave', 0.5, 1.5), Segment('tie_shoes', 2.0, 3.0)]


def test_an_empty_span_is_all_of_the_recording(tmp_path, caplog):
    np.savez(tmp_path / 'one.npz', **arrays())
    manifest(tmp_path, 'one,ann,walk,,', header='recording,subject,label,start,end')
    (recording,), lines = warnings(caplog, tmp_path)
    assert lines == []
    assert recording.segments == [Segment('walk', 0.0, pytest.approx(3.98))]
    assert recording.activities() == [recording]


def test_csv_files(tmp_path, caplog):
    rows = [f'{i * 0.02:.2f},{",".join(map(str, REST))}' for i in range(100)]
    (tmp_path / 'two.imu.left_thigh.csv').write_text('\n'.join(['t,ax,ay,az,gx,gy,gz', *rows]))
    joints = LAYOUTS['h36m17'].joints
    columns = ['t', *(f'{j}_{c}' for j in joints for c in 'xyzv')]
    lines = ['# layout=h36m17', ','.join(columns)]
    for i in range(50):
        fields = [f'{k},{k + 0.1},{k + 0.2},{0.2 if k == 3 else 0.9}' for k in range(len(joints))]
        lines.append(f'{i / 25},' + ','.join(fields))
    lines[4] = lines[4].replace(',4,4.1,4.2,', ',,,,')  # not seen
    (tmp_path / 'two.skeleton.csv').write_text('\n'.join(lines) + '\n')
    manifest(tmp_path, 'two,bob,squat,,,')
    (recording,), _ = warnings(caplog, tmp_path)
    assert recording.streams['imu/left_thigh'].values[50] == pytest.approx(REST)
    pose = recording.streams['pose']
    assert pose.values.shape == (50, 17, 3) and pose.layout == 'h36m17'
    assert np.isnan(pose.values[:, 3]).all()  # hidden
    assert np.isnan(pose.values[2, 4]).all() and np.isfinite(pose.values[3, 4]).all()
    assert pose.values[0, 7] == pytest.approx([7.0, 7.1, 7.2])


def test_a_layout_of_ones_own(tmp_path, caplog):
    names = [f'J{i}' for i in range(16)]
    canonical = ''.join(f'    J{i}: {name}\n' for i, name in enumerate(CANONICAL_JOINTS))
    (tmp_path / 'layout.yaml').write_text(
        f'mine:\n  joints: [{", ".join(names)}]\n  up: [0, 1, 0]\n  canonical:\n{canonical}'
    )
    t = np.arange(0, 2, 0.04)
    xyz = np.random.default_rng(0).normal(size=(len(t), 16, 3))
    np.savez(tmp_path / 'a.npz', **{
        'skeleton/t': t, 'skeleton/xyz': xyz, 'skeleton/layout': np.array('mine'),
    })  # fmt: skip
    manifest(tmp_path, 'a,1,walk,,,')
    (recording,), _ = warnings(caplog, tmp_path)
    pose = recording.streams['pose']
    assert pose.layout == 'canonical16' and pose.up == (0.0, 0.0, 1.0)
    wrist = CANONICAL_JOINTS.index('left_wrist')
    x, y, z = xyz[5, wrist]
    assert pose.values[5, wrist] == pytest.approx([x, -z, y], abs=1e-5)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('mine: {joints: [a]}', 'left_hip'),
        ('mine: {joints: [a], canonical: {a: nose}}', 'a: nose'),
        ('- a', 'mapping'),
        ('a: [', 'YAML'),
    ],
)
def test_a_wrong_layout_file_is_said(tmp_path, text, says):
    (tmp_path / 'layout.yaml').write_text(text)
    manifest(tmp_path, 'a,1,walk,,,')
    with pytest.raises(ValueError, match=says):
        list(load_folder(tmp_path))


def test_labels_of_ones_own_stand_before_the_taxonomys(tmp_path):
    (tmp_path / 'labels.yaml').write_text('waving: a flag is waved with both arms\n')
    np.savez(tmp_path / 'one.npz', **arrays())
    manifest(tmp_path, 'one,ann,Waving,,,')
    (recording,) = load_folder(tmp_path)
    assert recording.label == 'waving'
    assert own_labels(tmp_path)['waving'].description == 'a flag is waved with both arms'


def test_splits_come_from_the_manifest(tmp_path):
    for name in ('a', 'b', 'c'):
        np.savez(tmp_path / f'{name}.npz', **arrays())
    manifest(tmp_path, 'a,1,walk,,,train', 'b,2,walk,,,test', 'c,3,jog,,,train')
    assert [r.name for r in load_recordings('folder', tmp_path, split='train')] == ['a', 'c']
    with pytest.raises(ValueError, match='train, test, all'):
        load_recordings('folder', tmp_path, split='unseen')


def test_what_is_wrong_is_named_by_file_and_row_and_the_rest_loads(tmp_path, caplog):
    np.savez(tmp_path / 'good.npz', **arrays())
    np.savez(tmp_path / 'grams.npz', **{
        key: value / 9.81 if key.endswith('acc') else value for key, value in arrays().items()
    })  # fmt: skip
    back = arrays()
    back['imu/right_wrist/t'][7] = 0.0
    np.savez(tmp_path / 'back.npz', **back, **skeleton('kinect20'))
    (tmp_path / 'broken.npz').write_bytes(b'PK and no more')
    header = 't,ax,ay,az,gx,gy,gz'
    (tmp_path / 'row.imu.head.csv').write_text(
        f'{header}\n0,1,2,3,4,5,6\n1,x,2,3,4,5,6\n2,1,2,3,4,5,6'
    )
    np.savez(tmp_path / 'unknown.npz', **{**skeleton('kinect20'), 'skeleton/layout': 'kinect99'})
    manifest(
        tmp_path, 'good,1,walk,1,2,', 'good,1,jog,5,9,', 'good,1,jog,3,2,', ',1,walk,,,',
        'good,1,walk,a,b,', 'missing,1,walk,,,', '../up,1,walk,,,', 'grams,2,walk,,,',
        'back,2,walk,,,', 'broken,2,walk,,,', 'row,2,walk,,,', 'unknown,2,walk,,,',
    )  # fmt: skip
    recordings, lines = warnings(caplog, tmp_path)
    assert {r.name: list(r.streams) for r in recordings} == {
        'good': ['imu/right_wrist'], 'grams': ['imu/right_wrist'], 'back': ['pose'],
    }  # fmt: skip
    assert recordings[0].segments == [Segment('walk', 1.0, 2.0)]
    for parts in (
        ('manifest.csv, row 3', '5 to 9 s'),
        ('manifest.csv, row 4', 'start before end'),
        ('manifest.csv, row 5', 'empty'),
        ('manifest.csv, row 6', 'seconds'),
        ('manifest.csv, row 7', 'missing'),
        ('manifest.csv, row 8', '../up'),
        ('grams: imu/right_wrist', 'looks like g'),
        ('back.npz: imu/right_wrist', 't must increase', 'sample 8'),
        ('broken.npz', 'npz'),
        ('row.imu.head.csv', 'row 3'),
        ('unknown.npz: skeleton', 'kinect99', 'layout.yaml'),
    ):
        assert any(all(part in line for part in parts) for line in lines), parts


def test_a_label_that_goes_on_beyond_its_recording_is_named_and_cut(tmp_path, caplog):
    np.savez(tmp_path / 'one.npz', **arrays(seconds=6.6))
    manifest(tmp_path, 'one,ann,walk,1,90,', 'one,ann,jog,-8,1,')
    (recording,), lines = warnings(caplog, tmp_path)
    assert recording.segments == [Segment('jog', 0.0, 1.0), Segment('walk', 1.0, recording.end)]
    assert len(lines) == 2
    assert 'manifest.csv, row 2' in lines[0] and '1 to 90 s' in lines[0] and '6.58 s' in lines[0]
    assert 'manifest.csv, row 3' in lines[1] and '-8 to 1 s' in lines[1]


def test_a_hand_that_labels_may_be_off_by_half_a_second(tmp_path, caplog):
    np.savez(tmp_path / 'one.npz', **arrays(seconds=6.6))
    manifest(tmp_path, 'one,ann,walk,-0.4,3,', 'one,ann,jog,2.6,7,')
    (recording,), lines = warnings(caplog, tmp_path)
    assert lines == []
    assert recording.segments == [Segment('walk', -0.4, 3.0), Segment('jog', 2.6, 7.0)]


@pytest.mark.parametrize(
    ('rows', 'named'),
    [
        (
            ('one,ann,walk,0,3,', 'one,ann,jog,2,4,'),
            ('row 3: jog from 2 to 4 s', '(manifest.csv, row 2)'),
        ),
        (('one,ann,jog,0,9,', 'one,ann,walk,1,2,', 'one,ann,walk,8,9,'), ('row 3', 'row 4')),
        (('one,ann,wave,1,1.4,', 'one,ann,clap,1.1,1.5,'), ('row 3: clap',)),
        (('one,ann,walk,,,', 'one,ann,walk,5,6,'), ('row 3: walk from 5 to 6 s',)),
    ],
)
def test_labels_that_overlap_are_named_and_kept(tmp_path, caplog, rows, named):
    np.savez(tmp_path / 'one.npz', **arrays(seconds=9.2))
    manifest(tmp_path, *rows)
    (recording,), lines = warnings(caplog, tmp_path)
    assert len(recording.segments) == len(rows)
    assert len(lines) == len([part for part in named if part.startswith('row')])
    assert all(any(part in line and 'overlaps' in line for line in lines) for part in named)


def test_a_row_that_is_there_twice_counts_once(tmp_path, caplog):
    np.savez(tmp_path / 'one.npz', **arrays())
    manifest(tmp_path, 'one,ann,walk,1,2,', 'one,ann,jog,2,3,', 'one,ann,Walking,1.0,2.0,')
    (recording,), lines = warnings(caplog, tmp_path)
    assert recording.segments == [Segment('walk', 1.0, 2.0), Segment('jog', 2.0, 3.0)]
    assert len(lines) == 1 and 'row 4' in lines[0] and 'manifest.csv, row 2' in lines[0]


@pytest.mark.parametrize('seconds', ['nan', 'inf'])
def test_seconds_that_are_no_number_are_named(tmp_path, caplog, seconds):
    np.savez(tmp_path / 'one.npz', **arrays())
    manifest(tmp_path, f'one,ann,walk,{seconds},,', 'one,ann,jog,2,3,')
    (recording,), lines = warnings(caplog, tmp_path)
    assert recording.segments == [Segment('jog', 2.0, 3.0)]
    assert len(lines) == 1 and 'row 2' in lines[0] and seconds in lines[0]


@pytest.mark.parametrize(('unit', 'named'), [(1.0, False), (100.0, True), (1000.0, True)])
def test_a_skeleton_that_is_not_in_metres_is_named(tmp_path, caplog, data_dir, unit, named):
    with np.load(data_dir / 'utd_mhad_a27_s7_t1_squat.npz') as file:
        xyz, t = file['skeleton/xyz'] * unit, file['skeleton/t']
    xyz[:, 2] = np.nan  # a joint that is never seen
    xyz[3] = np.nan
    layout = np.array('kinect20')
    np.savez(
        tmp_path / 'one.npz', **{'skeleton/t': t, 'skeleton/xyz': xyz, 'skeleton/layout': layout}
    )
    manifest(tmp_path, 'one,ann,squat,,,')
    (recording,), lines = warnings(caplog, tmp_path)
    assert 'pose' in recording.streams
    assert [line for line in lines if 'metres' in line and 'one: pose' in line] == lines
    assert bool(lines) is named


def test_no_manifest_and_a_manifest_without_a_column(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'manifest\.csv'):
        list(load_folder(tmp_path))
    manifest(tmp_path, 'a,1', header='recording,subject')
    with pytest.raises(ValueError, match='label, start, end is missing') as caught:
        list(load_folder(tmp_path))
    assert "'recording,subject' came" in str(caught.value)


def test_a_manifest_that_lists_nothing_is_said(tmp_path, capsys):
    manifest(tmp_path)
    assert main(['data', 'folder', '--root', str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert 'manifest.csv lists no recording' in line


def recordings_of_all_kinds() -> list[Recording]:
    rng = np.random.default_rng(5)
    t = np.cumsum(rng.uniform(0.01, 0.03, 200))
    imu = rng.normal(size=(200, 6)).astype(np.float32) + np.array(REST, np.float32)
    joints = rng.normal(size=(90, 33, 3)).astype(np.float32)
    joints[4, 2] = np.nan
    depth = rng.integers(0, 4000, size=(6, 12, 16)).astype(np.uint16)
    seen = np.linspace(0.1, 3.3, 90)
    streams = {
        'imu/left_ankle': Stream(t, imu),
        'pose': Stream(seen, joints, 'mediapipe33', (0.0, -1.0, 0.0)),
        'video': Stream(np.arange(6) / 3, depth),
    }
    segments = [Segment('walk', 0.1, 1.0 / 3.0), Segment('juggle_balls', 1.0, 2.5)]
    return [
        Recording('first', 'x', 'ann', streams, segments),
        Recording('second', 'x', 'bob', {'imu/head': Stream(t, imu)}, []),
    ]


def test_what_is_written_is_read_the_same(tmp_path):
    written = recordings_of_all_kinds()
    splits = {'train': lambda r: r.subject == 'ann'}
    assert write_folder(written, tmp_path / 'out', splits) == 2
    read = list(load_folder(tmp_path / 'out'))
    assert [(r.name, r.subject, r.segments) for r in read] == [
        (r.name, r.subject, r.segments) for r in written
    ]
    for before, after in zip(written, read, strict=True):
        assert set(before.streams) == set(after.streams)
        for name, stream in before.streams.items():
            same = after.streams[name]
            assert np.array_equal(same.stamps, stream.stamps)
            assert np.array_equal(same.values, stream.values, equal_nan=name == 'pose')
            assert same.values.dtype == stream.values.dtype
            assert (same.layout, same.up) == (stream.layout, stream.up)
    assert set(own_labels(tmp_path / 'out')) == {'walk', 'juggle_balls'}
    named = load_recordings('folder', tmp_path / 'out', split='train')
    assert [r.name for r in named] == ['first']


def test_a_folder_is_not_written_over(tmp_path):
    write_folder(recordings_of_all_kinds(), tmp_path)
    with pytest.raises(FileExistsError, match=r'manifest\.csv'):
        write_folder(recordings_of_all_kinds(), tmp_path)
    twice = [recordings_of_all_kinds()[0]] * 2
    with pytest.raises(ValueError, match='first'):
        write_folder(twice, tmp_path / 'other')


def test_data_reports_a_folder_and_exports_it(tmp_path, capsys):
    source = tmp_path / 'in'
    write_folder(recordings_of_all_kinds(), source)
    with (source / 'manifest.csv').open('a') as file:
        file.write('third,bob,walk,,,\n')
    out, copy = tmp_path / 'data.json', tmp_path / 'copy'
    arguments = ['data', 'folder', '--root', source, '--json', out, '--export', copy]
    assert main([str(a) for a in arguments]) == 0
    report = json.loads(out.read_text())
    assert report['recordings'] == 2 and report['subjects'] == ['ann', 'bob']
    assert report['classes'] == {'walk': 1, 'juggle_balls': 1}
    assert report['class_seconds']['juggle_balls'] == pytest.approx(1.5)
    assert report['streams'] == {'imu/left_ankle': 1, 'imu/head': 1, 'pose': 1, 'video': 1}
    assert report['rates']['video'] == pytest.approx(3.0)
    assert len(report['problems']) == 1 and 'row 5' in report['problems'][0]
    said = capsys.readouterr().out
    assert 'problem: manifest.csv, row 5' in said and 'juggle_balls' in said
    assert [r.name for r in load_folder(copy)] == ['first', 'second']


def test_a_video_is_read_when_it_is_asked_for(tmp_path):
    cv2 = pytest.importorskip('cv2', reason='OpenCV is not installed')
    writer = cv2.VideoWriter(
        str(tmp_path / 'film.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10.0, (64, 48)
    )
    for level in range(0, 200, 10):
        writer.write(np.full((48, 64, 3), (0, 0, level), np.uint8))
    writer.release()
    manifest(tmp_path, 'film,1,walk,,,')
    (recording,) = load_folder(tmp_path)
    video = recording.streams['video']
    assert len(video) == 20 and video.values.shape == (20, 48, 64, 3)
    assert video.stamps[-1] == pytest.approx(1.9)
    part = recording.cut(1.0, 1.5).streams['video']
    frames = np.asarray(part.values)
    assert frames.shape == (6, 48, 64, 3) and frames.dtype == np.uint8
    assert frames[:, 20, 20, 0] == pytest.approx(np.arange(100, 160, 10), abs=8)
    assert video.values[19][20, 20, 0] == pytest.approx(190, abs=8)
    (tmp_path / 'film.mp4').write_bytes(b'no film')
    assert list(load_folder(tmp_path)) == []
