"""MyoGym (Koskimaki, Siirtola and Roning, UbiComp 2017): 30 gym exercises, 10 people.

``MyoGym.mat`` holds `raw_data` (N, 17): EMG stamp, 8 EMG channels, accelerometer stamp, its 3 axes
(g), gyroscope stamp, its 3 axes (deg/s), stamps in microseconds; and `raw_data_labels` (N, 2):
exercise (1..30, 99 for none) and person. A Myo armband sits on the right forearm, 50 Hz nominal.
Its packets arrive in bursts and rows repeat the last one, so that samples are placed by their
stamps and repeated ones fall out. A person whose stamps start anew has a recording for each run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from mujo_core.datasets._mat import read_variables
from mujo_core.datasets._runs import segments_of_codes
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import STANDARD_GRAVITY, increasing, join_sensors
from mujo_core.recording import Recording, Stream

log = logging.getLogger(__name__)

PLACEMENT = 'right_forearm'
EXERCISES = (
    'seated_cable_row', 'dumbbell_row', 'pulldown_behind_neck', 'bent_over_row',
    'reverse_grip_row', 'front_pulldown', 'bench_press', 'incline_fly', 'incline_press',
    'dumbbell_fly', 'push_up', 'chest_press', 'close_grip_bench_press', 'skullcrusher',
    'triceps_pushdown', 'dip', 'triceps_extension', 'triceps_kickback', 'spider_curl', 'arm_curl',
    'incline_hammer_curl', 'concentration_curl', 'cable_curl', 'hammer_curl', 'upright_row',
    'lateral_raise', 'front_raise', 'shoulder_press', 'car_driver', 'rear_delt_raise',
)  # fmt: skip
"""Exercises 1..30."""

NULL = 99
_CODES = {**dict(enumerate(EXERCISES, start=1)), NULL: 'rest'}
_FILE = 'MyoGym.mat'
_MICROSECOND = 1e-6
_RESTART = -1.0  # s; stamps that go back further start a new run
_BURST = 0.2  # s between packets over which the gyroscope is interpolated
_PAUSE = 2.0  # s without samples that end a segment


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data, labels = read_variables(path, 'raw_data', 'raw_data_labels')
    if data.ndim != 2 or data.shape[1] != 17 or labels.shape != (len(data), 2):
        raise ValueError(
            f'{path}: expected raw_data (N, 17) and raw_data_labels (N, 2), shapes {data.shape} '
            f'and {labels.shape} came'
        )
    return data, labels


def load_myogym(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a person (and run of stamps), with one IMU at `PLACEMENT`.

    Args:
        root: the folder with ``MyoGym.mat``, or that file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged; the line says how.
    """
    path = Path(root) if Path(root).is_file() else Path(root) / _FILE
    if not path.is_file():
        raise FileNotFoundError(f'expected {_FILE} under {root}, found none; give its folder')
    data, labels = _read(path)
    for person in np.unique(labels[:, 1]):
        rows = (labels[:, 1] == person) & np.isfinite(data[:, 9:17]).all(axis=1)
        columns, codes = data[rows][:, 9:17].astype(np.float64), labels[rows, 0].astype(int)
        stamps = columns[:, 0] * _MICROSECOND
        starts = np.flatnonzero(np.diff(stamps) < _RESTART) + 1
        edges = np.concatenate([[0], starts, [len(stamps)]])
        for run, (first, last) in enumerate(pairwise(edges), start=1):
            name = f'person{int(person)}' + (f'_{run}' if len(edges) > 2 else '')
            recording = _recording(name, str(int(person)), columns[first:last], codes[first:last])
            if recording is None:
                log.warning('%s: %s has no two samples; left out', path, name)
            else:
                yield recording


def _recording(name: str, person: str, columns: np.ndarray, codes: np.ndarray) -> Recording | None:
    stamps = columns[:, 0] * _MICROSECOND
    kept, samples = join_sensors(
        stamps,
        columns[:, 1:4] * STANDARD_GRAVITY,
        columns[:, 4] * _MICROSECOND,
        np.deg2rad(columns[:, 5:8]),
        max_gap=_BURST,
    )
    if len(kept) < 2:
        return None
    later = increasing(stamps)
    unknown = set(codes.tolist()) - set(_CODES)
    if unknown:
        log.warning('%s: exercises are 1 to 30 and 99, %s came; unlabelled', name, sorted(unknown))
    return Recording(
        name=name,
        dataset='myogym',
        subject=person,
        streams={f'imu/{PLACEMENT}': Stream(kept - kept[0], samples)},
        segments=segments_of_codes(stamps[later] - kept[0], codes[later], _CODES, _PAUSE),
    )


DATASET = DataSet(
    name='myogym',
    load=load_myogym,
    title='30 gym exercises, 10 people: an armband on the forearm',
    citation='Koskimaki, Siirtola and Roning, UbiComp/ISWC 2017 Adjunct; open for research',
    labels=(*EXERCISES, 'rest'),
)
