"""UMAFall: small files in exactly the published format."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.umafall import DATASET, load_umafall

REAL = Path(os.environ.get('MUJO_DATA') or Path.home() / '.cache/mujo_ros_data') / 'umafall'
PLACES = {1: 'WRIST', 2: 'WAIST', 3: 'CHEST'}
PERIOD = 50  # ms


def head(places: dict[int, str]) -> list[str]:
    sensors = [f'%C4:BE:84:70:64:8A; {n}; {place}; SensorTag   ' for n, place in places.items()]
    phone = '%f8:95:c7:f3:ba:82; 0; RIGHTPOCKET; lge-LG-H815-5.1   '
    return [
        '% Universidad de Malaga - ETSI de Telecomunicacion (Spain)   ', '   ',
        '% MAC Address; Sensor_ID; Position; Device Model   ', phone, *sensors, '   ',
        '% TimeStamp; Sample No; X-Axis; Y-Axis; Z-Axis; Sensor Type; Sensor ID;   ',
    ]  # fmt: skip


def rows(sensor: int, force: np.ndarray, turn: np.ndarray, period: int = PERIOD) -> list[str]:
    return [
        f'{100 + n * period + 10 * kind};{n};{x:.4f};{y:.4f};{z:.4f};{kind};{sensor}'
        for kind, values in ((0, force), (1, turn))
        for n, (x, y, z) in enumerate(values)
    ]


def write(root: Path, what: str, lines: list[str]) -> Path:
    path = root / f'UMAFall_Subject_02_{what}_1_2016-06-13_20-25-34.csv'
    path.write_text('\n'.join(lines) + '\n')
    return path


def upright(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    return np.tile([1.0, 0.0, 0.0], (count, 1)), np.zeros((count, 3))


def test_places_come_from_the_header_and_gyroscopes_share_the_axes(tmp_path):
    lines = head(PLACES)
    for sensor in PLACES:
        force, turn = upright()
        force[:, 2], turn[:] = sensor / 10, (90.0, 180.0, 45.0)
        lines += rows(sensor, force, turn)
    write(tmp_path, 'ADL_Walking', [*lines[:-600], *lines[-600:-599], *lines[-600:]])
    (recording,) = load_umafall(tmp_path)
    assert (recording.subject, recording.label) == ('2', 'walk')
    assert recording.name == 'Subject_02_ADL_Walking_1_2016-06-13_20-25-34'
    for place, sensor in (('right_wrist', 1), ('waist', 2), ('chest', 3)):
        stream = recording.streams[f'imu/{place}']
        assert (np.diff(stream.stamps) > 0).all() and 19.5 < 1 / np.diff(
            stream.stamps
        ).mean() < 20.5
        expected = [9.80665, 0, 0.980665 * sensor, *np.deg2rad([-90, 180, -45])]
        assert stream.values[5] == pytest.approx(expected, rel=1e-5)


def test_a_fall_is_found_and_the_person_lies_after_it(tmp_path):
    force, turn = upright()
    force[100], turn[90:104] = (4.0, 0, 0), (0, 200.0, 0)
    force[104:], force[20] = (0, 0, -1.0), (2.5, 0, 0)
    write(tmp_path, 'Fall_forwardFall', head({2: 'WAIST'}) + rows(2, force, turn))
    (recording,) = load_umafall(tmp_path)
    fall, lie = recording.segments
    assert (fall.label, lie.label) == ('fall_forward', 'lie')
    assert (fall.start, fall.end) == pytest.approx((5.0 - 1.2, 5.0 + 0.8), abs=0.02)
    assert (lie.start, lie.end) == pytest.approx((7.0, 14.95), abs=0.05)


def test_rest_around_a_short_event_is_not_in_its_segment(tmp_path):
    force, turn = upright()
    turn[100:140] = (0, 60.0, 0)
    write(tmp_path, 'ADL_Bending', head({3: 'CHEST'}) + rows(3, force, turn))
    (recording,) = load_umafall(tmp_path)
    (bend,) = recording.segments
    assert bend.label == 'bend'
    assert (bend.start, bend.end) == pytest.approx((4.7, 7.25), abs=0.3)


def test_damage_and_gappy_sensors_are_named_and_the_rest_loads(tmp_path, caplog):
    slow = rows(1, *upright(40), period=199)
    write(tmp_path, 'ADL_Hopping', [*head(PLACES), *rows(2, *upright()), *slow])
    lost = '1323;26;1.098.388.671.875;-0.20068359375;0.204345703125;0;2'
    write(tmp_path, 'ADL_Jogging', [*head(PLACES), *rows(2, *upright()), lost, *slow])
    with caplog.at_level(logging.WARNING):
        (recording,) = load_umafall(tmp_path)
    assert list(recording.streams) == ['imu/waist']
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert 'expected WRIST at 8 Hz or more, got 5.0 Hz' in lines[0] and '1.098.388' in lines[1]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='found none; give the folder'):
        list(load_umafall(tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason=f'no data in {REAL}; set MUJO_DATA')
def test_real_people_start_upright_and_end_on_the_floor():
    recordings = list(load_umafall(REAL))
    assert {s.label for r in recordings for s in r.segments} == set(DATASET.labels)
    forward = [r.streams['imu/waist'].values for r in recordings
               if '_forwardFall_' in r.name and 'imu/waist' in r.streams]  # fmt: skip
    assert np.median([v[:20, 0].mean() for v in forward]) == pytest.approx(9.7, abs=0.4)
    assert np.median([v[-40:, 2].mean() for v in forward]) < -8.0
