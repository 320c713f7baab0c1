"""SisFall: small files in exactly the published format."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.sisfall import DATASET, load_sisfall

REAL = Path(os.environ.get('MUJO_DATA') or Path.home() / '.cache/mujo_ros_data') / 'sisfall'


def write(root: Path, name: str, counts: np.ndarray, end: str = ';') -> Path:
    path = root / name.split('_')[1] / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('\n'.join(','.join(f'{n:4d}' for n in row) + end for row in counts) + '\n')
    return path


def upright(seconds: float) -> np.ndarray:
    return np.tile([0, -256, 0, 0, 0, 0, 0, -1024, 0], (round(seconds * 200), 1))


def turn(counts: np.ndarray, start: float, end: float, axis: int, dps: float) -> None:
    counts[round(start * 200) : round(end * 200), 3 + axis] = round(dps * 65536 / 4000)


@pytest.mark.parametrize('end', [';', '', '; '])
def test_units_and_rate(tmp_path, end):
    counts = upright(10)
    counts[:, 4] = 1638
    write(tmp_path, 'D01_SA01_R01.txt', counts, end)
    (recording,) = load_sisfall(tmp_path)
    stream = recording.streams['imu/waist']
    assert (recording.name, recording.subject, recording.label) == ('D01_SA01_R01', 'SA01', 'walk')
    assert len(stream) == 500 and stream.stamps[1] == pytest.approx(0.02)
    expected = [0, -9.80665, 0, 0, np.deg2rad(1638 * 4000 / 65536), 0]
    assert stream.values[250] == pytest.approx(expected, abs=1e-3)


def test_what_50_hz_cannot_hold_is_filtered_out(tmp_path):
    counts = upright(5)
    counts[:, 0] = 500 * np.cos(2 * np.pi * 60 * np.arange(1000) / 200)
    write(tmp_path, 'D03_SE02_R01.txt', counts)
    (recording,) = load_sisfall(tmp_path / 'SE02')
    assert np.abs(recording.streams['imu/waist'].values[50:-50, 0]).max() < 0.2


def test_a_fall_is_the_time_around_its_impact(tmp_path):
    counts = upright(15)
    counts[800:804, 1] = -900  # a hard step
    counts[1600:1612, :3] = (0, -1500, -800)
    turn(counts, 7.5, 8.2, 0, 200.0)
    counts[1640:, :3] = (0, 0, -256)
    write(tmp_path, 'F01_SA03_R01.txt', counts)
    (recording,) = load_sisfall(tmp_path)
    assert [s.label for s in recording.segments] == ['fall_forward', 'lie']
    assert recording.segments[0].start == pytest.approx(8.03 - 1.2, abs=0.05)
    assert recording.segments[1].end == pytest.approx(14.98)


def test_transitions_and_the_posture_between_them(tmp_path):
    counts = upright(12)
    turn(counts, 2.0, 3.5, 0, 60.0)
    turn(counts, 7.0, 8.5, 0, -60.0)
    write(tmp_path, 'D07_SA01_R01.txt', counts)
    counts[700:1400, :3] = (256, 0, 0)
    write(tmp_path, 'D12_SA01_R01.txt', counts)
    chair, bed = load_sisfall(tmp_path)
    assert [s.label for s in chair.segments] == ['stand_to_sit', 'sit', 'sit_to_stand']
    edges = [chair.segments[0].start, chair.segments[1].start, chair.segments[2].start]
    assert edges == pytest.approx([1.7, 3.8, 6.7], abs=0.3)
    assert [s.label for s in bed.segments] == ['lie_down', 'lie']
    turn(counts, 4.0, 7.0, 0, 60.0)
    write(tmp_path, 'D07_SA01_R01.txt', counts)
    assert next(load_sisfall(tmp_path)).label == 'sit_stand'


def test_damaged_files_are_named_and_the_rest_loads(tmp_path, caplog):
    write(tmp_path, 'D01_SA01_R01.txt', upright(2))
    write(tmp_path, 'D02_SA01_R01.txt', upright(2)[:, :8])
    write(tmp_path, 'D03_SA01_R01.txt', upright(0.1))
    write(tmp_path, 'D20_SA01_R01.txt', upright(2))
    with caplog.at_level(logging.WARNING):
        recordings = list(load_sisfall(tmp_path))
    assert [r.name for r in recordings] == ['D01_SA01_R01']
    lines = [record.getMessage() for record in caplog.records]
    assert ['D02_SA01' in lines[0], 'got 20 rows' in lines[1], 'D20' in lines[2]] == [True] * 3


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='found none; give the folder'):
        list(load_sisfall(tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason=f'no data in {REAL}; set MUJO_DATA')
def test_real_people_stand_upright_and_fall_forward():
    recordings = list(load_sisfall(REAL))
    assert {s.label for r in recordings for s in r.segments} == set(DATASET.labels)
    assert {r.subject for r in recordings} <= {*DATASET.splits['young'], *DATASET.splits['elderly']}
    forward = [r.streams['imu/waist'].values for r in recordings if r.name.startswith('F01')]
    assert np.median([v[:50, 1].mean() for v in forward]) == pytest.approx(-9.6, abs=0.4)
    assert np.median([v[-75:, 2].mean() for v in forward]) < -8.0
