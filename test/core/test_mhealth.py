"""MHEALTH: small files in exactly the published format."""

import logging

import numpy as np
import pytest

from mujo_core.datasets.mhealth import LABELS, load_mhealth


def rows(*codes: int) -> list[str]:
    """24 columns; what each device reads at rest, and numbers that say where they come from."""
    start = '-9.8184\t0.009971\t0.29563\t0.0041863\t0.0041863'
    ankle = '0.5\t-9.79\t0.25\t90\t-180\t45\t-0.37\t-0.36327\t0.29963'
    wrist = '-9.75\t0.8\t0.6\t9\t18\t-36\t-2.35\t-1.6102\t-0.030899'
    return [f'{start}\t{ankle}\t{wrist}\t{code}' for code in codes]


def test_devices_units_and_segments(tmp_path):
    codes = [0] * 5 + [1] * 50 + [0] * 10 + [4] * 100
    (tmp_path / 'mHealth_subject10.log').write_text('\n'.join(rows(*codes)) + '\n')
    (recording,) = load_mhealth(tmp_path)
    assert (recording.subject, list(recording.streams)) == (
        '10', ['imu/left_ankle', 'imu/right_wrist'],
    )  # fmt: skip
    ankle = recording.streams['imu/left_ankle']
    assert ankle.values[0] == pytest.approx([0.5, -9.79, 0.25, *np.deg2rad([90, -180, 45])])
    wrist = recording.streams['imu/right_wrist'].values[0]
    assert wrist == pytest.approx([-9.75, 0.8, 0.6, *np.deg2rad([9, 18, -36])])
    for stream in recording.streams.values():
        assert np.linalg.norm(stream.values[:, :3], axis=1) == pytest.approx(9.81, abs=0.05)
        assert stream.stamps[-1] == pytest.approx(164 / 50)
    segments = [(s.label, round(s.start, 3), round(s.end, 3)) for s in recording.segments]
    assert segments == [('stand', 0.1, 1.08), ('walk', 1.3, 3.28)]


def test_every_activity_has_a_label(tmp_path):
    (tmp_path / 'MHEALTHDATASET').mkdir()
    codes = [code for code in range(13) for _ in range(3)]
    (tmp_path / 'MHEALTHDATASET/mHealth_subject1.log').write_text('\n'.join(rows(*codes)))
    (recording,) = load_mhealth(tmp_path)
    assert [s.label for s in recording.segments] == list(LABELS)
    parts = recording.activities()
    assert [p.label for p in parts] == list(LABELS)
    assert all(len(p.streams['imu/left_ankle']) == 3 for p in parts)


def test_damaged_files_are_named_and_the_rest_loads(tmp_path, caplog):
    whole = rows(*[1] * 10)
    (tmp_path / 'mHealth_subject1.log').write_text('\n'.join(whole))
    (tmp_path / 'mHealth_subject2.log').write_text('\n'.join([*whole[:4], '1\t2', *whole]))
    (tmp_path / 'mHealth_subject3.log').write_text('\n'.join([*whole, whole[0][:40]]))
    (tmp_path / 'mHealth_subject4.log').write_bytes(b'')
    with caplog.at_level(logging.WARNING):
        recordings = list(load_mhealth(tmp_path))
    assert [r.subject for r in recordings] == ['1', '3']
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert 'mHealth_subject2.log, row 5' in lines[0] and 'mHealth_subject4.log' in lines[1]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'mHealth_subject1\.log'):
        list(load_mhealth(tmp_path))
