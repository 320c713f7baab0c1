"""MyoGym: a small MAT file in exactly the published format."""

import logging

import numpy as np
import pytest
import scipy.io

from mujo_core.datasets.myogym import EXERCISES, load_myogym
from mujo_core.labels import taxonomy


def write(root, stamps, codes, people, **more) -> None:
    """`raw_data` as published: EMG stamp and channels, then accelerometer and gyroscope."""
    data = np.zeros((len(stamps), 17))
    data[:, 0] = stamps
    data[:, 1:9] = 7.0
    data[:, 9] = data[:, 13] = stamps
    data[:, 10:13] = [0.6, 0.8, 0.0]
    data[:, 14:17] = [90.0, -45.0, 180.0]
    labels = np.stack([codes, people], axis=1).astype(np.uint8)
    scipy.io.savemat(root / 'MyoGym.mat', {'raw_data': data, 'raw_data_labels': labels, **more})


def steps(count: int, start: float = 1.0e9) -> np.ndarray:
    return start + np.arange(count) * 20_000.0  # microseconds


def test_units_people_and_segments(tmp_path):
    codes = [99] * 50 + [20] * 100 + [99] * 50 + [1] * 40
    people = [1] * 200 + [2] * 40
    stamps = np.concatenate([steps(200), steps(40, 5.0e8)])
    write(tmp_path, stamps, codes, people)
    first, second = load_myogym(tmp_path)
    assert (first.subject, second.subject) == ('1', '2')
    stream = first.streams['imu/right_forearm']
    assert stream.stamps[0] == 0.0 and stream.stamps[-1] == pytest.approx(199 / 50)
    expected = [0.6 * 9.80665, 0.8 * 9.80665, 0.0, *np.deg2rad([90.0, -45.0, 180.0])]
    assert stream.values[0] == pytest.approx(expected)
    assert np.linalg.norm(stream.values[:, :3], axis=1) == pytest.approx(9.81, abs=0.01)
    segments = [(s.label, round(s.start, 2), round(s.end, 2)) for s in first.segments]
    assert segments == [('rest', 0.0, 0.98), ('arm_curl', 1.0, 2.98), ('rest', 3.0, 3.98)]
    assert [s.label for s in second.segments] == ['seated_cable_row']


def test_repeated_rows_fall_out_and_the_gyroscope_is_put_on_the_same_stamps(tmp_path):
    stamps = np.repeat(steps(60), 2)  # every packet twice, as they are buffered
    write(tmp_path, stamps, [3] * 120, [7] * 120)
    content = scipy.io.loadmat(tmp_path / 'MyoGym.mat')
    content['raw_data'][:, 13] += 10_000.0
    content['raw_data'][:, 14] = (content['raw_data'][:, 13] - 1.0e9) / 1e6 * 180.0 / np.pi
    kept = {key: content[key] for key in ('raw_data', 'raw_data_labels')}
    scipy.io.savemat(tmp_path / 'MyoGym.mat', kept)
    (recording,) = load_myogym(tmp_path / 'MyoGym.mat')
    stream = recording.streams['imu/right_forearm']
    assert len(stream) == 59  # the first has no turn yet
    assert (np.diff(stream.stamps) > 0).all()
    assert stream.values[:, 3] == pytest.approx(stream.stamps + 0.02, abs=1e-5)


def test_stamps_that_start_anew_make_another_recording(tmp_path):
    stamps = np.concatenate([steps(30, 9.0e9), steps(20, 1.0e6)])
    write(tmp_path, stamps, [5] * 50, [1] * 50)
    recordings = list(load_myogym(tmp_path))
    assert [r.name for r in recordings] == ['person1_1', 'person1_2']
    assert [len(r.streams['imu/right_forearm']) for r in recordings] == [30, 20]


def test_a_pause_ends_a_segment(tmp_path):
    stamps = np.concatenate([steps(30), steps(30, 1.01e9)])
    write(tmp_path, stamps, [5] * 60, [1] * 60)
    (recording,) = load_myogym(tmp_path)
    assert [round(s.start, 1) for s in recording.segments] == [0.0, 10.0]


def test_an_unknown_exercise_is_named(tmp_path, caplog):
    write(tmp_path, steps(20), [31] * 10 + [2] * 10, [1] * 20)
    with caplog.at_level(logging.WARNING):
        (recording,) = load_myogym(tmp_path)
    assert [s.label for s in recording.segments] == ['dumbbell_row']
    assert '31' in caplog.text


@pytest.mark.parametrize('content', [b'', b'MATLAB 5.0 MAT-file and no more' * 10])
def test_a_damaged_file_is_named_in_one_line(tmp_path, content):
    (tmp_path / 'MyoGym.mat').write_bytes(content)
    with pytest.raises(ValueError, match=r'MyoGym\.mat') as error:
        list(load_myogym(tmp_path))
    assert '\n' not in str(error.value)


def test_missing_variables_and_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'MyoGym\.mat'):
        list(load_myogym(tmp_path))
    scipy.io.savemat(tmp_path / 'MyoGym.mat', {'raw_data': np.zeros((3, 17))})
    with pytest.raises(ValueError, match='raw_data_labels'):
        list(load_myogym(tmp_path))


def test_all_thirty_exercises_are_in_the_taxonomy():
    assert len(EXERCISES) == len(set(EXERCISES)) == 30
    assert set(EXERCISES) <= set(taxonomy())
