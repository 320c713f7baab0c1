"""MSRC-12 (Fothergill, Mentis, Kohli and Nowozin, CHI 2012): 12 gestures, 30 people.

``P<I>_<K>_<G>[A]_p<NN>.csv``: a person repeats gesture G; 81 numbers a row: the time in us and 20
joints ``x y z state`` of a first Kinect, metres, y up, x to the person's right, z away; about 30
fps with stamps of its own. Beside it ``.tagstream`` rows ``tick;G<G> <words>``, a tick of
another clock (49.875 ticks a us), for the instant at which a gesture can be told. Such an instant
has no length: from 1.3 s before it to 1.0 s after it lies the gesture.

Handedness agrees in every recording, and a push to the right moves the right hand to the
person's right in all 78 that can be measured. Tags beyond the part that a file holds are left out.
Rows of zeros show nobody.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from mujo_core.datasets._joints import KINECT_V1, advancing, files_under, in_layout
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

LABELS = (
    'raise_both_arms', 'squat', 'swipe_right', 'goggles', 'wind_up', 'shoot_pistol', 'bow',
    'throw', 'hold_head', 'change_weapon', 'beat_both_arms', 'kick',
)  # fmt: skip
"""Gestures 1..12: start system, duck, push right, goggles, wind it up, shoot, bow, throw, had
enough, change weapon, beat both, kick."""

BEFORE, AFTER = 1.3, 1.0
"""Seconds before and after the tag that hold the gesture."""
_AGAIN = 0.5  # seconds within which a second tag says the same
_COLUMNS = 1 + 4 * len(KINECT_V1)
_NAME = re.compile(r'P(\d)_(\d)_(\d+)(A?)_p(\d+)\.csv')
_TAG = re.compile(r'(\d+);G(\d+) .*')


def tag_seconds(tick: int) -> float:
    """Return a tick of a tagstream on the clock of the skeletons, in s."""
    return ((tick * 1000 + 49875 / 2) / 49875) / 1e6


def _tags(path: Path, gesture: int) -> list[float]:
    lines = path.read_text(encoding='latin-1').splitlines()[1:]
    times = []
    for number, line in enumerate(lines, start=2):
        match = _TAG.fullmatch(line.strip())
        if line.strip() and (not match or int(match[2]) != gesture):
            raise ValueError(
                f'{path}, row {number}: expected a tick and G{gesture}, {line.strip()[:60]!r} '
                'came; get the file again'
            )
        if match:
            times.append(tag_seconds(int(match[1])))
    kept: list[float] = []
    for time in sorted(times):
        if not kept or time - kept[-1] > _AGAIN:
            kept.append(time)
    return kept


def _segments(tags: list[float], label: str, end: float) -> list[Segment]:
    """Return what lies around the tags from 0 to `end`; neighbours meet halfway between two."""
    bounds = [-np.inf, *((first + second) / 2 for first, second in pairwise(tags)), np.inf]
    return [
        Segment(label, float(max(tag - BEFORE, low, 0.0)), float(min(tag + AFTER, high, end)))
        for tag, (low, high) in zip(tags, pairwise(bounds), strict=True)
        if 0.0 <= tag <= end
    ]


def load_msrc12(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a file, from 0 s on, in order of their names.

    Args:
        root: the folder with the ``P*.csv`` and ``P*.tagstream`` files, or the one above it. A
            damaged file, or one without its tags, is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'P1_1_1_p06.csv'
    for path in files_under(
        root, 'P*_p*.csv', example, 'msrc12', 'MicrosoftGestureDataset', 'data'
    ):
        match = _NAME.fullmatch(path.name)
        if not match or not 1 <= int(match[3]) <= len(LABELS):
            log.warning('%s: expected a name such as %s, gestures 1-12; left out', path, example)
            continue
        try:
            table = read_numbers(path.read_text(encoding='latin-1'), str(path), _COLUMNS)
            table = advancing(table, str(path))
            joints = table[:, 1:].reshape(len(table), len(KINECT_V1), 4)[..., :3]
            xyz = in_layout(joints, KINECT_V1, 'kinect20', str(path))
            tags = _tags(path.with_suffix('.tagstream'), int(match[3]))
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        start = table[0, 0] / 1e6
        stamps = table[:, 0] / 1e6 - start
        yield Recording(
            name=path.stem,
            dataset='msrc12',
            subject=str(int(match[5])),
            streams={'pose': Stream(stamps, xyz, layout='kinect20')},
            segments=_segments(
                [tag - start for tag in tags], LABELS[int(match[3]) - 1], float(stamps[-1])
            ),
        )


DATASET = DataSet(
    name='msrc12',
    load=load_msrc12,
    title='12 gestures of games and music, 30 people: Kinect skeleton, repeated',
    citation='Fothergill, Mentis, Kohli and Nowozin, CHI 2012; non-commercial research',
    labels=LABELS,
)
