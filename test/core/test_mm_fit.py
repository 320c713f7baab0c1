"""MM-Fit: workouts written in exactly the published format."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.mm_fit import WORKOUTS, load_mm_fit
from mujo_core.datasets.registry import load_recordings
from mujo_core.layouts import LAYOUTS
from mujo_core.sides import handedness

# As the authors' notebook lists them: left before right, from 1 on.
PUBLISHED = (
    'pelvis', 'left_hip', 'left_knee', 'left_ankle', 'right_hip', 'right_knee', 'right_ankle',
    'spine', 'thorax', 'nose', 'head_top', 'right_shoulder', 'right_elbow', 'right_wrist',
    'left_shoulder', 'left_elbow', 'left_wrist',
)  # fmt: skip
# A body that faces +x with bent knees, mm, z up.
BODY = {
    'pelvis': (0, 0, 900), 'spine': (0, 0, 1150), 'thorax': (0, 0, 1400), 'nose': (100, 0, 1550),
    'head_top': (0, 0, 1650), 'hip': (0, 130, 900), 'knee': (200, 130, 500),
    'ankle': (0, 130, 100), 'shoulder': (0, 170, 1400), 'elbow': (50, 200, 1150),
    'wrist': (250, 200, 1100),
}  # fmt: skip
START_MS = 1_580_000_000_000.0


def joint(name: str) -> tuple[float, float, float]:
    side, _, part = name.partition('_')
    if side not in ('left', 'right'):
        return BODY[name]
    x, y, z = BODY[part]
    return x, y if side == 'left' else -y, z


def sensor(seconds: float, rate: float, row: tuple[float, ...]) -> np.ndarray:
    """(N, 5): frame, stamp in ms, x, y, z."""
    t = np.arange(0, seconds, 1 / rate)
    return np.column_stack([np.floor(t * 30) + 100, START_MS + t * 1000, np.tile(row, (len(t), 1))])


def workout(root: Path, number: int, names=PUBLISHED, seconds: float = 30.0, **sensors) -> Path:
    name = f'w{number:02d}'
    folder = root / name
    folder.mkdir(parents=True)
    frames = np.arange(int(seconds * 30)) + 100.0
    pose = np.empty((3, len(frames), 18))
    pose[:, :, 0] = frames
    pose[:, :, 1:] = np.array([joint(n) for n in names], dtype=float).T[:, None]
    np.save(folder / f'{name}_pose_3d.npy', pose)
    if not sensors:
        sensors = {
            'sw_l_acc': sensor(seconds, 100, (0.0, 9.81, 0.0)),
            'sw_l_gyr': sensor(seconds, 100, (1.0, -2.0, 3.0)),
        }
    for key, array in sensors.items():
        np.save(folder / f'{name}_{key}.npy', array)
    (folder / f'{name}_labels.csv').write_text('250,400,10,squats\n550,850,9,bicep_curls\n')
    return folder


def test_a_workout_has_its_streams_units_and_sets(tmp_path):
    workout(tmp_path / 'mm-fit', 5)
    (recording,) = load_mm_fit(tmp_path)
    assert (recording.name, recording.subject) == ('w05', '2')
    assert set(recording.streams) == {'imu/left_wrist', 'pose'}
    wrist = recording.streams['imu/left_wrist']
    assert wrist.values[0] == pytest.approx([0.0, 9.81, 0.0, 1.0, -2.0, 3.0])
    assert wrist.stamps[0] == 0.0 and np.median(np.diff(wrist.stamps)) == pytest.approx(0.01)
    pose = recording.streams['pose']
    assert pose.stamps[[0, -1]] == pytest.approx([0.0, 899 / 30], abs=0.02)
    assert pose.layout == 'h36m17' and pose.up == (0.0, 0.0, 1.0)
    place = LAYOUTS['h36m17'].index
    assert pose.values[7, place['left_wrist']] == pytest.approx([0.25, 0.2, 1.1])
    assert pose.values[7, place['right_knee']] == pytest.approx([0.2, -0.13, 0.5])
    segments = [(s.label, round(s.start, 1), round(s.end, 1)) for s in recording.segments]
    assert segments == [
        ('rest', 0.0, 5.0), ('squat', 5.0, 10.0), ('rest', 10.0, 15.0),
        ('arm_curl', 15.0, 25.0), ('rest', 25.0, 30.0),
    ]  # fmt: skip


def test_each_set_can_be_cut_out(tmp_path):
    workout(tmp_path, 1)
    (recording,) = load_mm_fit(tmp_path)
    parts = recording.activities()
    assert [p.label for p in parts] == ['rest', 'squat', 'rest', 'arm_curl', 'rest']
    assert parts[3].name == 'w01.4' and parts[3].subject == '0'
    assert parts[3].end - parts[3].start == pytest.approx(10.0, abs=0.05)
    assert len(parts[3].streams['pose']) == pytest.approx(300, abs=2)


def test_the_sides_are_those_of_the_body(tmp_path):
    human36m = tuple(
        n.replace('left', '#').replace('right', 'left').replace('#', 'right') for n in PUBLISHED
    )
    workout(tmp_path, 0)
    workout(tmp_path, 1, names=human36m)
    for recording in load_mm_fit(tmp_path):
        pose = recording.streams['pose']
        assert handedness(pose.values, 'h36m17') > 0.5
        left = pose.values[0, LAYOUTS['h36m17'].index['left_hip']]
        assert left == pytest.approx([0.0, 0.13, 0.9])


def test_an_earbuds_unit_is_told_by_its_size(tmp_path):
    rng = np.random.default_rng(0)
    turns = sensor(20, 90, (0.0, 0.0, 0.0))
    turns[:, 2:] += rng.normal(size=(len(turns), 3)) * 60.0
    workout(
        tmp_path, 0, eb_l_acc=sensor(20, 90, (0.0, 0.0, 1.0)), eb_l_gyr=turns,
        sp_r_acc=sensor(20, 210, (0.0, 9.8, 0.0)), sp_r_gyr=sensor(20, 210, (2.0, 0.0, 0.0)),
    )  # fmt: skip
    (recording,) = load_mm_fit(tmp_path)
    assert set(recording.streams) == {'imu/head', 'imu/right_pocket', 'pose'}
    head = recording.streams['imu/head'].values
    assert head[:, 2] == pytest.approx(9.80665)
    assert head[:, 3:].std() == pytest.approx(np.deg2rad(60.0), rel=0.05)
    assert recording.streams['imu/right_pocket'].values[5, 3] == pytest.approx(2.0)


def test_the_published_split_is_by_workout(tmp_path):
    for number in (0, 1, 9, 14):
        workout(tmp_path, number, seconds=12.0)
    for split, numbers in WORKOUTS.items():
        recordings = load_recordings('mm_fit', tmp_path, split=split)
        assert [int(r.name[1:]) for r in recordings] == [n for n in (0, 1, 9, 14) if n in numbers]
    with pytest.raises(ValueError, match='unseen'):
        load_recordings('mm_fit', tmp_path, split='odd')


def test_what_is_missing_or_damaged_is_named_and_the_rest_loads(tmp_path, caplog):
    for number in range(4):
        workout(tmp_path, number, seconds=12.0)
    (tmp_path / 'w00/w00_pose_3d.npy').write_bytes(b'\x93NUMPY and no more')
    np.save(tmp_path / 'w01/w01_sw_l_acc.npy', np.zeros((5, 4)))
    (tmp_path / 'w02/w02_labels.csv').write_text('250,400,10,squats\n550,x,9,lunges\n')
    (tmp_path / 'w03/w03_labels.csv').unlink()
    with caplog.at_level(logging.WARNING):
        recordings = list(load_mm_fit(tmp_path))
    assert {r.name: set(r.streams) for r in recordings} == {
        'w00': {'imu/left_wrist'}, 'w01': {'pose'},
    }  # fmt: skip
    lines = [record.getMessage() for record in caplog.records]
    for part in ('w00_pose_3d.npy', 'w01_sw_l_acc.npy', 'w02_labels.csv, row 2', 'w03_labels.csv'):
        assert any(part in line for line in lines), part
    assert not any('\n' in line for line in lines)


def test_pickled_arrays_are_not_opened(tmp_path, caplog):
    workout(tmp_path, 0, seconds=12.0)
    np.save(tmp_path / 'w00/w00_sw_l_gyr.npy', np.array([{}], dtype=object), allow_pickle=True)
    (recording,) = load_mm_fit(tmp_path)
    assert set(recording.streams) == {'pose'} and 'w00_sw_l_gyr.npy' in caplog.text
