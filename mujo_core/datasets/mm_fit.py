"""MM-Fit (Stromback, Huang and Radu, IMWUT 2020): 10 exercises and the time between, 21 workouts.

A folder ``w00`` .. ``w20`` a workout, with ``w00_<sensor>.npy`` and ``w00_labels.csv``:

- ``sw_l``, ``sw_r`` (watches), ``sp_l``, ``sp_r`` (phones in trouser pockets), ``eb_l`` (earbud),
  each ``_acc`` and ``_gyr``: (N, 5) video frame, stamp in ms, x, y, z. Watches and phones report
  m/s^2 with gravity and rad/s. What an earbud reports is not published: g and deg/s are told
  from m/s^2 and rad/s by their size.
- ``pose_3d``: (3, N, 18) x, y, z of the video frame's number and then 17 joints, mm, z up.
- ``labels``: first frame, last frame, repetitions, exercise; no header.

Not every workout has every sensor. The published joint list names left before right, Human3.6M's
(from whose estimator the joints come) right before left: where a body named by the first would
bend its knees backward, the second is taken.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from mujo_core.datasets.dataset import DataSet, Windows
from mujo_core.inertial import STANDARD_GRAVITY, increasing, join_sensors, looks_like_unit
from mujo_core.labels import merge
from mujo_core.layouts import LAYOUTS
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.sides import SWAPPED, handedness

log = logging.getLogger(__name__)

FRAME_RATE = 30.0
SUBJECTS = (2, 0, 1, 0, 1, 2, 0, 1, 0, 1, 0, 1, 3, 4, 0, 1, 5, 6, 7, 8, 9)
"""The person of workouts 0..20."""

WORKOUTS = {
    'train': (1, 2, 3, 4, 6, 7, 8, 16, 17, 18),
    'validation': (14, 15, 19),
    'test': (9, 10, 11),
    'unseen': (0, 5, 12, 13, 20),
}
"""The published split: `test` has people of `train`, `unseen` has not."""

DEVICES = {
    'sw_l': 'left_wrist', 'sw_r': 'right_wrist', 'sp_l': 'left_pocket', 'sp_r': 'right_pocket',
    'eb_l': 'head',
}  # fmt: skip

_LEGS, _ARMS = ('hip', 'knee', 'ankle'), ('shoulder', 'elbow', 'wrist')
_JOINTS = (
    'pelvis', *(f'left_{j}' for j in _LEGS), *(f'right_{j}' for j in _LEGS),
    'spine', 'thorax', 'nose', 'head_top',
    *(f'right_{j}' for j in _ARMS), *(f'left_{j}' for j in _ARMS),
)  # fmt: skip
_H36M = LAYOUTS['h36m17']
_PUBLISHED_ORDER = [_JOINTS.index(name) for name in _H36M.joints]
_FASTEST_TURN = 30.0  # rad/s; workouts stay below, in deg/s they do not
_SHORTEST_REST = 1.0  # s between two sets

_Clock = Callable[[np.ndarray], np.ndarray]


def load_mm_fit(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a workout: IMUs by placement, `pose` (layout ``h36m17``), segments.

    Between the sets people rest, walk about and drink: that is the published `non_activity`,
    here `rest`. Time 0 is the first stamp of the workout.

    Args:
        root: the folder that holds ``w00`` and so on, or the one above it (``mm-fit``). A missing
            label file or a damaged file is named in the log and left out.

    Raises:
        FileNotFoundError: no workout under `root`.
    """
    folders = {
        number: folder / f'w{number:02d}'
        for folder in (Path(root) / 'mm-fit', Path(root))
        for number in range(len(SUBJECTS))
        if (folder / f'w{number:02d}').is_dir()
    }
    if not folders:
        raise FileNotFoundError(
            f'expected folders w00 to w20 with files such as w00_sw_l_acc.npy under {root}, found '
            'none; give the folder that holds them'
        )
    for number, folder in sorted(folders.items()):
        recording = _workout(folder, str(SUBJECTS[number]))
        if recording is not None:
            yield recording


def _read(path: Path, dimensions: int, width: int) -> np.ndarray | None:
    """Return an array with `width` columns; None where it is not there or damaged (named)."""
    if not path.is_file():
        return None
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        log.warning('%s: not readable as an array (%s); left out', path, error)
        return None
    shape = (3, None, width)[3 - dimensions :]
    fits = array.ndim == dimensions and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape, strict=False)
    )
    if not fits or array.dtype.kind not in 'fiu' or array.shape[-2] < 2:
        log.warning('%s: expected numbers of shape %s, %s came; left out', path, shape, array.shape)
        return None
    return array.astype(np.float64)


def _workout(folder: Path, subject: str) -> Recording | None:
    name = folder.name
    tables = {
        key: table
        for device in DEVICES
        for key in (f'{device}_acc', f'{device}_gyr')
        if (table := _read(folder / f'{name}_{key}.npy', 2, 5)) is not None
    }
    clock, start = _frame_clock(list(tables.values()))
    streams = {}
    for device, placement in DEVICES.items():
        pair = [tables.get(f'{device}_{sensor}') for sensor in ('acc', 'gyr')]
        if pair[0] is not None and pair[1] is not None:
            stream = _imu(pair[0], pair[1], start)
            if len(stream) > 1:
                streams[f'imu/{placement}'] = stream
        elif pair[0] is not None or pair[1] is not None:
            log.warning('%s: %s has one of acc and gyr alone; left out', folder, device)
    pose = _read(folder / f'{name}_pose_3d.npy', 3, len(_JOINTS) + 1)
    if pose is not None:
        streams['pose'] = _pose(pose, clock)
    if not streams:
        log.warning('%s: no sensor can be read; left out', folder)
        return None
    recording = Recording(name, 'mm_fit', subject, streams)
    try:
        sets = _sets(folder / f'{name}_labels.csv', clock)
    except (OSError, ValueError) as error:
        log.warning('%s; left out', error)
        return None
    segments = _with_rest(sets, recording.start, recording.end)
    return Recording(name, 'mm_fit', subject, streams, segments)


def _frame_clock(tables: list[np.ndarray]) -> tuple[_Clock, float]:
    """Return what takes video frames to seconds of the recording, and its start in ms."""
    if not tables:
        return lambda frames: np.asarray(frames, dtype=np.float64) / FRAME_RATE, 0.0
    start = min(float(table[:, 1].min()) for table in tables)
    table = max(tables, key=len)
    frames, first = np.unique(table[:, 0], return_index=True)
    stamps = np.maximum.accumulate((table[first, 1] - start) / 1000.0)

    def seconds(wanted: np.ndarray) -> np.ndarray:
        wanted = np.asarray(wanted, dtype=np.float64)
        inside = np.clip(wanted, frames[0], frames[-1])
        return np.interp(inside, frames, stamps) + (wanted - inside) / FRAME_RATE

    return seconds, start


def _imu(acceleration: np.ndarray, gyro: np.ndarray, start: float) -> Stream:
    force, turns = acceleration[:, 2:], gyro[:, 2:]
    if looks_like_unit(force) == 'g':
        force = force * STANDARD_GRAVITY
    if np.percentile(np.linalg.norm(turns, axis=1), 99) > _FASTEST_TURN:
        turns = np.deg2rad(turns)
    stamps, samples = join_sensors(
        (acceleration[:, 1] - start) / 1000.0, force, (gyro[:, 1] - start) / 1000.0, turns
    )
    return Stream(stamps, samples)


def _pose(pose: np.ndarray, clock: _Clock) -> Stream:
    stamps = clock(pose[0, :, 0])
    kept = increasing(stamps)
    xyz = (pose[:, kept, 1:].transpose(1, 2, 0) / 1000.0).astype(np.float32)
    xyz[(xyz == xyz[:, :1]).all(axis=(1, 2))] = np.nan  # nobody found: one point for all joints
    named = xyz[:, _PUBLISHED_ORDER]
    if handedness(named[::15], 'h36m17') < SWAPPED:
        named = xyz
    return Stream(stamps[kept], named, layout='h36m17', up=(0.0, 0.0, 1.0))


def _sets(path: Path, clock: _Clock) -> list[Segment]:
    segments = []
    with path.open(newline='', encoding='utf-8') as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row:
                continue
            try:
                first, last, word = float(row[0]), float(row[1]), row[3].strip()
            except (ValueError, IndexError) as error:
                raise ValueError(
                    f'{path}, row {number}: expected first frame, last frame, repetitions and '
                    f'exercise, {",".join(row)!r} came'
                ) from error
            start, end = clock(np.array([first, last]))
            segments.append(Segment(merge(word), float(start), float(end)))
    return sorted(segments, key=lambda segment: segment.start)


def _with_rest(sets: list[Segment], start: float, end: float) -> list[Segment]:
    """Return the sets and what lies between them, as rest."""
    edges = [Segment('', start, start), *sets, Segment('', end, end)]
    gaps = [
        Segment(merge('non_activity'), before.end, after.start)
        for before, after in pairwise(edges)
        if after.start - before.end >= _SHORTEST_REST
    ]
    inside = [s for s in sets if s.end > start and s.start < end]
    return sorted([*inside, *gaps], key=lambda segment: segment.start)


DATASET = DataSet(
    name='mm_fit',
    load=load_mm_fit,
    title='10 exercises, 10 people in 21 workouts: watches, phones, earbud, 3D pose',
    citation='Stromback, Huang and Radu, IMWUT 4(4), 2020; MIT',
    labels=(
        'squat', 'lunge', 'arm_curl', 'sit_up', 'push_up', 'triceps_extension', 'dumbbell_row',
        'jumping_jack', 'shoulder_press', 'lateral_raise', 'rest',
    ),
    recording_splits={
        split: tuple(f'w{number:02d}' for number in numbers) for split, numbers in WORKOUTS.items()
    },
    windows=Windows(5.0, 0.2),
)  # fmt: skip
