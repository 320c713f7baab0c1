"""WISDM smartphone and smartwatch data (Weiss, Yoneda and Hayajneh, IEEE Access 2019; UCI).

``raw/watch/accel/data_<person>_accel_watch.txt`` and the same of ``gyro``: rows
``person,code,nanoseconds,x,y,z;`` at 20 Hz of 18 activities (codes A to S without N); an LG G
Watch on the wrist of the dominant hand. Android reads specific force (m/s^2) and rad/s in the
watch's right-handed axes. The phone's files are not read.

Both sensors have stamps of their own and are joined by them. A person's activities were recorded
apart; the stamps of each are taken from its first sample. 10 of 824 are at 100 Hz.

At rest 9.8 is read. While people stand x points up, as it does on a right arm; down (below -3) in 7
of 46, who wear it on the left arm or turned. All are called `right_wrist`. The direction of gravity
turns as the gyroscope says: correlation 0.87 over all activities, 0.95 eating and drinking.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import join_sensors
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

LABELS = {
    'A': 'walk', 'B': 'jog', 'C': 'stairs', 'D': 'sit', 'E': 'stand', 'F': 'type',
    'G': 'brush_teeth', 'H': 'eat', 'I': 'eat', 'J': 'eat', 'K': 'drink', 'L': 'eat',
    'M': 'kick_ball', 'O': 'catch', 'P': 'basketball_dribble', 'Q': 'write', 'R': 'clap',
    'S': 'fold_clothes',
}  # fmt: skip
"""By code; H, I, J and L are soup, chips, pasta and a sandwich."""

PLACEMENT = 'right_wrist'
"""Stands for the wrist of the dominant hand: which that was is not published."""

_MAX_GAP = 0.2  # seconds over which the gyroscope is interpolated
_LEAST = 1.0  # seconds of both sensors
_NAME = re.compile(r'data_(\d+)_(accel|gyro)_watch\.txt')


def _files(root: Path) -> dict[str, dict[str, Path]]:
    """Return the files of both sensors of each person."""
    found: dict[str, dict[str, Path]] = {}
    for inner in ('wisdm/wisdm-dataset/raw/watch', 'wisdm-dataset/raw/watch', 'raw/watch',
                  'watch', '.'):  # fmt: skip
        for path in sorted((root / inner).glob('*/data_*_watch.txt')):
            if match := _NAME.fullmatch(path.name):
                found.setdefault(match[1], {})[match[2]] = path
    return found


def _row(line: str) -> tuple[str, int, float, float, float] | None:
    fields = line.strip().rstrip(';').split(',')
    if len(fields) != 6 or fields[1] not in LABELS:
        return None
    try:
        stamp, (x, y, z) = int(fields[2]), map(float, fields[3:])
    except ValueError:
        return None
    return (fields[1], stamp, x, y, z) if np.isfinite([x, y, z]).all() else None


def _read(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return stamps (N,) in ns and samples (N, 3) of each code."""
    lines = [line for line in path.read_text(encoding='latin-1').splitlines() if line.strip(' ;')]
    rows = [row for line in lines if (row := _row(line)) is not None]
    if len(rows) < len(lines):
        log.warning(
            '%s: expected rows of person,code,ns,x,y,z, got %d of %d that are not; left out',
            path, len(lines) - len(rows), len(lines),
        )  # fmt: skip
    if not rows:
        return {}
    codes = np.array([row[0] for row in rows])
    stamps = np.array([row[1] for row in rows], np.int64)
    samples = np.array([row[2:] for row in rows])
    return {code: (stamps[codes == code], samples[codes == code]) for code in np.unique(codes)}


def load_wisdm(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a person and activity, with one IMU at `PLACEMENT`.

    Args:
        root: the folder with ``raw/watch/accel`` and ``raw/watch/gyro``, or one above or below
            ``raw``. Damaged rows and what only one sensor has are named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    files = _files(Path(root))
    if not files:
        raise FileNotFoundError(
            f'expected raw/watch/accel/data_1600_accel_watch.txt and the like under {root}, '
            'found none; give the folder that holds them'
        )
    for person, paths in sorted(files.items()):
        if len(paths) < 2:
            log.warning(
                '%s: expected a file of the other sensor beside it, got none; left out',
                *paths.values(),
            )
            continue
        try:
            acceleration, turns = _read(paths['accel']), _read(paths['gyro'])
        except OSError as error:
            log.warning('%s; left out', error)
            continue
        for code in sorted(acceleration.keys() | turns.keys()):
            stamps, samples = np.empty(0), np.empty((0, 6), np.float32)
            if code in acceleration and code in turns:
                first = acceleration[code][0][0]
                stamps, samples = join_sensors(
                    (acceleration[code][0] - first) * 1e-9, acceleration[code][1],
                    (turns[code][0] - first) * 1e-9, turns[code][1], _MAX_GAP,
                )  # fmt: skip
            if not len(stamps) or stamps[-1] - stamps[0] < _LEAST:
                log.warning(
                    '%s: expected activity %s from both sensors for %g s, got less; left out',
                    paths['accel'], code, _LEAST,
                )  # fmt: skip
                continue
            yield Recording(
                name=f'{person}_{code}',
                dataset='wisdm',
                subject=person,
                streams={f'imu/{PLACEMENT}': Stream(stamps, samples)},
                segments=[Segment(LABELS[code], float(stamps[0]), float(stamps[-1]))],
            )


DATASET = DataSet(
    name='wisdm',
    load=load_wisdm,
    title='18 activities, 51 people: a watch on the dominant hand',
    citation='Weiss, Yoneda and Hayajneh, IEEE Access 7, 2019; UCI, CC BY 4.0',
    labels=tuple(dict.fromkeys(LABELS.values())),
    rests=False,
    products=True,
)
