"""MotionSense: the real files where they are, and small ones in the published layout."""

import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.motionsense import load_motionsense
from mujo_core.datasets.registry import load_recordings

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'motionsense'
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason='MotionSense is not beside the repository'
)
HEADER = (
    ',attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,'
    'rotationRate.x,rotationRate.y,rotationRate.z,'
    'userAcceleration.x,userAcceleration.y,userAcceleration.z'
)
FLAT = '0.0,0.0,0.0,0.0,0.0,-1.0,0.1,0.2,0.3,0.0,0.0,0.0'  # on its back, Core Motion's gravity


def write(root: Path, name: str, rows: list[str]) -> None:
    path = root / 'A_DeviceMotion_data' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [HEADER, *(f'{number},{row}' for number, row in enumerate(rows))]
    path.write_text('\n'.join(lines) + '\n')


def test_a_phone_on_its_back_reads_upward_along_z(tmp_path):
    write(tmp_path, 'sit_5/sub_3.csv', [FLAT] * 4)
    (recording,) = load_motionsense(tmp_path)
    assert (recording.subject, recording.label) == ('3', 'sit')
    stream = recording.streams['imu/right_pocket']
    assert stream.values[0] == pytest.approx([0, 0, 9.80665, 0.1, 0.2, 0.3])
    assert stream.stamps == pytest.approx([0, 0.02, 0.04, 0.06])


def test_user_acceleration_adds_to_gravity(tmp_path):
    row = '0,0,0,0,0,-1.0,0,0,0,0,0,-0.5'  # pushed upward, Core Motion reads further down
    write(tmp_path, 'jog_9/sub_1.csv', [row] * 2)
    (recording,) = load_motionsense(tmp_path)
    assert recording.streams['imu/right_pocket'].values[0, 2] == pytest.approx(1.5 * 9.80665)


def test_zip_folder_and_more_trials_come_together(tmp_path):
    write(tmp_path, 'wlk_7/sub_1.csv', [FLAT] * 3)
    write(tmp_path, 'wlk_15/sub_1.csv', [FLAT] * 3)
    inside = (tmp_path / 'A_DeviceMotion_data/wlk_15/sub_1.csv').read_bytes()
    with zipfile.ZipFile(tmp_path / 'A_DeviceMotion_data.zip', 'w') as archive:
        archive.writestr('A_DeviceMotion_data/wlk_15/sub_1.csv', inside)
        archive.writestr('A_DeviceMotion_data/dws_1/sub_24.csv', inside)
        archive.writestr('__MACOSX/A_DeviceMotion_data/dws_1/._sub_24.csv', b'no')
    names = ['dws_1_sub_24', 'wlk_7_sub_1', 'wlk_15_sub_1']
    assert [r.name for r in load_motionsense(tmp_path)] == names
    assert [r.name for r in load_motionsense(tmp_path / 'A_DeviceMotion_data')] == names[1:]
    only_zip = load_motionsense(tmp_path / 'A_DeviceMotion_data.zip')
    assert [r.name for r in only_zip] == ['dws_1_sub_24', 'wlk_15_sub_1']
    chosen = load_recordings('motionsense', tmp_path, split='long_trials')
    assert [r.name for r in chosen] == names[:2]


def test_damaged_files_are_named_and_the_rest_loads(tmp_path, caplog):
    write(tmp_path, 'wlk_7/sub_1.csv', [FLAT] * 3)
    write(tmp_path, 'wlk_7/sub_2.csv', [FLAT, FLAT.replace('-1.0', 'x'), FLAT])
    write(tmp_path, 'wlk_7/sub_3.csv', [FLAT, FLAT, FLAT[:20]])  # cut off: its last row is dropped
    write(tmp_path, 'wlk_7/sub_4.csv', [])
    (tmp_path / 'A_DeviceMotion_data/wlk_7/sub_5.csv').write_text('x,y,z\n1,2,3\n')
    (tmp_path / 'A_DeviceMotion_data.zip').write_bytes(b'PK no more')
    with caplog.at_level(logging.WARNING):
        recordings = list(load_motionsense(tmp_path))
    assert [(r.subject, len(r.streams['imu/right_pocket'])) for r in recordings] == [
        ('1', 3), ('3', 2),
    ]  # fmt: skip
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4 and not any('\n' in line for line in lines)
    for part in ('A_DeviceMotion_data.zip', 'sub_2.csv, row 3', 'sub_4.csv', 'sub_5.csv'):
        assert any(part in line for line in lines), part


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'A_DeviceMotion_data\.zip'):
        list(load_motionsense(tmp_path))


@needs_real
def test_the_real_files_have_their_people_and_units():
    recordings = list(load_motionsense(REAL))
    assert len(recordings) == 144 and len({r.subject for r in recordings}) == 24
    labels = {'walk_downstairs', 'walk_upstairs', 'walk', 'jog', 'sit', 'stand'}
    assert {r.label for r in recordings} == labels
    for recording in recordings:
        samples = recording.streams['imu/right_pocket'].values
        assert samples.dtype == np.float32 and np.isfinite(samples).all()
        if recording.label in ('sit', 'stand'):
            force = np.linalg.norm(samples[:, :3], axis=1)
            assert np.median(force) == pytest.approx(9.81, abs=0.15), recording.name


@needs_real
@pytest.mark.parametrize('trial', ['wlk_15/sub_1', 'jog_16/sub_5', 'ups_12/sub_9'])
def test_the_files_gravity_pulls_and_turns_as_their_attitude_and_gyroscope_say(trial):
    with zipfile.ZipFile(REAL / 'A_DeviceMotion_data.zip') as archive:
        lines = archive.read(f'A_DeviceMotion_data/{trial}.csv').decode().splitlines()
    table = np.loadtxt(lines, delimiter=',', skiprows=1)
    roll, pitch = table[:, 1], table[:, 2]
    pull = [np.cos(pitch) * np.sin(roll), -np.sin(pitch), -np.cos(pitch) * np.cos(roll)]
    gravity, turn = table[:, 4:7], table[:, 7:10]
    assert gravity == pytest.approx(np.stack(pull, axis=1), abs=1e-3)
    # What is fixed in the world turns against the device: dg/dt = -w x g.
    change = np.gradient(gravity, 0.02, axis=0)
    assert np.corrcoef(change.ravel(), -np.cross(turn, gravity).ravel())[0, 1] > 0.95
