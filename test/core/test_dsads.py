"""Daily and Sports Activities: small files in exactly the published format."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.dsads import ACTIVITIES, DATASET, load_dsads

REAL = Path(os.environ.get('MUJO_DATA') or Path.home() / '.cache/mujo_ros_data') / 'dsads'


def write(root: Path, activity: int, person: int, *segments: int) -> None:
    folder = root / f'data/a{activity:02d}/p{person}'
    folder.mkdir(parents=True)
    row = ','.join(
        f'9.{unit},0.1,-0.2,0.{unit},-0.02,0.03,0.5,0.6,0.7' for unit in range(1, 6)
    )  # fmt: skip
    for segment in segments:
        (folder / f's{segment:02d}.txt').write_text('\n'.join([row] * 125) + '\n')


def test_units_columns_and_what_follows_each_other(tmp_path):
    write(tmp_path, 17, 3, 1, 2, 5)
    first, last = load_dsads(tmp_path)
    assert (first.name, last.name, first.subject) == ('a17_p3_s01', 'a17_p3_s05', '3')
    assert list(first.streams) == [
        'imu/chest', 'imu/right_wrist', 'imu/left_wrist', 'imu/right_thigh', 'imu/left_thigh',
    ]  # fmt: skip
    for unit, stream in enumerate(first.streams.values(), start=1):
        assert stream.values.shape == (250, 6) and stream.values.dtype == np.float32
        assert stream.values[0] == pytest.approx([9 + unit / 10, 0.1, -0.2, unit / 10, -0.02, 0.03])
    assert first.label == last.label == 'row'
    assert first.segments[0].end == pytest.approx(249 / 25)


def test_rows_of_zeros_are_no_samples(tmp_path, caplog):
    write(tmp_path, 5, 6, 1, 2)
    for path in tmp_path.rglob('s*.txt'):
        rows = path.read_text().splitlines()[:100] + [','.join(['0'] * 45)] * 25
        path.write_text('\n'.join(rows) + '\n')
    with caplog.at_level(logging.WARNING):
        (recording,) = load_dsads(tmp_path)
    stream = recording.streams['imu/chest']
    assert len(stream) == 200 and np.diff(stream.stamps).max() == pytest.approx(26 / 25)
    assert recording.segments[0].end == pytest.approx(224 / 25)
    assert 'got 50 of 250 rows of zeros' in caplog.text


def test_every_activity_has_a_label(tmp_path):
    for activity in range(1, 20):
        write(tmp_path, activity, 1, 1)
    assert [r.label for r in load_dsads(tmp_path / 'data')] == list(ACTIVITIES)


def test_damaged_files_are_named_and_the_rest_loads(tmp_path, caplog):
    write(tmp_path, 1, 1, 1, 2, 3)
    (tmp_path / 'data/a01/p1/s02.txt').write_text('1,2,3\n1,2\n')
    write(tmp_path, 20, 1, 1)
    with caplog.at_level(logging.WARNING):
        recordings = list(load_dsads(tmp_path))
    assert [r.name for r in recordings] == ['a01_p1_s01', 'a01_p1_s03']
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2 and 's02.txt, row 1' in lines[0] and 'got 20' in lines[1]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='found none; give the folder'):
        list(load_dsads(tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason=f'no data in {REAL}; set MUJO_DATA')
def test_real_people_stand_upright():
    recordings = list(load_dsads(REAL.parent))
    assert {r.label for r in recordings} == set(DATASET.labels)
    for recording in recordings:
        if recording.name.startswith('a02'):
            chest = recording.streams['imu/chest'].values
            assert np.linalg.norm(chest[:, :3], axis=1).mean() == pytest.approx(9.8, abs=0.2)
            assert chest[:, 0].mean() > 8.0
