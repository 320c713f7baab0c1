"""WISDM: small files in exactly the published format."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.wisdm import DATASET, LABELS, load_wisdm

REAL = Path(os.environ.get('MUJO_DATA') or Path.home() / '.cache/mujo_ros_data') / 'wisdm'
STEP = 49_500_000  # ns


def rows(person: int, code: str, start: int, values: np.ndarray) -> list[str]:
    stamps = start + np.arange(len(values)) * STEP
    return [
        f'{person},{code},{stamp},{x:.6f},{y:.6f},{z:.6f};'
        for stamp, (x, y, z) in zip(stamps, values, strict=True)
    ]


def write(root: Path, person: int, accel: list[str], gyro: list[str]) -> Path:
    watch = root / 'wisdm-dataset/raw/watch'
    for sensor, lines in (('accel', accel), ('gyro', gyro)):
        (watch / sensor).mkdir(parents=True, exist_ok=True)
        (watch / sensor / f'data_{person}_{sensor}_watch.txt').write_text('\n'.join(lines) + '\n')
    return watch


def still(count: int) -> np.ndarray:
    return np.tile([9.7, -1.0, 0.5], (count, 1))


def test_the_sensors_are_joined_by_their_stamps(tmp_path):
    start = 90_426_708_196_641
    turns = np.column_stack([np.arange(100) * 0.01, np.zeros(100), np.ones(100)])
    accel = rows(1600, 'A', start, still(100))
    gyro = rows(1600, 'A', start + STEP // 2, turns)
    watch = write(tmp_path, 1600, [*accel[:50], accel[49], *accel[50:]], gyro)
    for root in (tmp_path, tmp_path / 'wisdm-dataset', watch.parent, watch):
        (recording,) = load_wisdm(root)
        stream = recording.streams['imu/right_wrist']
        assert (recording.name, recording.subject, recording.label) == ('1600_A', '1600', 'walk')
        assert len(stream) == 99 and (np.diff(stream.stamps) > 0).all()
        assert stream.values[0] == pytest.approx([9.7, -1.0, 0.5, 0.005, 0.0, 1.0], abs=1e-5)
        assert stream.stamps[0] == pytest.approx(STEP * 1e-9)


def test_nothing_is_made_up_in_a_gap(tmp_path):
    gyro = rows(1601, 'K', 0, still(100))
    write(tmp_path, 1601, rows(1601, 'K', 0, still(100)), [*gyro[:40], *gyro[60:]])
    (recording,) = load_wisdm(tmp_path)
    assert np.diff(recording.streams['imu/right_wrist'].stamps).max() == pytest.approx(22 * 0.0495)
    assert recording.label == 'drink'


def test_damage_is_named_and_the_rest_loads(tmp_path, caplog):
    both = rows(1602, 'R', 0, still(50))
    write(tmp_path, 1602, [*both, '1602,R,abc,1,2,3;', *rows(1602, 'S', 0, still(50))], both)
    watch = write(tmp_path, 1603, both, both)
    (watch / 'gyro/data_1603_gyro_watch.txt').unlink()
    with caplog.at_level(logging.WARNING):
        recordings = list(load_wisdm(tmp_path))
    assert [r.name for r in recordings] == ['1602_R']
    lines = [record.getMessage() for record in caplog.records]
    assert ['got 1 of 101' in lines[0], 'activity S' in lines[1], '1603' in lines[2]] == [True] * 3
    assert len(lines) == 3


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='found none; give the folder'):
        list(load_wisdm(tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason=f'no data in {REAL}; set MUJO_DATA')
def test_real_watches_read_gravity_at_rest():
    recordings = list(load_wisdm(REAL))
    assert {r.label for r in recordings} == set(LABELS.values()) == set(DATASET.labels)
    standing = [r.streams['imu/right_wrist'].values for r in recordings if r.name.endswith('_E')]
    sizes = [np.median(np.linalg.norm(values[:, :3], axis=1)) for values in standing]
    assert np.median(sizes) == pytest.approx(9.8, abs=0.2)
    assert np.median([values[:, 0].mean() for values in standing]) > 6.0
