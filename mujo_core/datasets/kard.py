"""KARD (Gaglio, Lo Re and Morana, IEEE Trans. Human-Machine Systems 2015): 18 actions, 10 people.

``a<AA>_s<SS>_e<E>_realworld.txt``, three tries of each action: OpenNI's 15 joints, a line ``x y z``
each in mm, 30 fps without stamps.

y is up and z points away from the sensor. x grows to the sensor's right, so that a person who
faces it has the right side at the smaller x: a left-handed frame, hence x is negated. After that no
sit down or stand up (bent knees, the surest sign) reads as swapped, before it all do; high waves
and phone calls are the right hand's without exception. Taking an umbrella and bending read as
swapped in most files all the same, since hands are all that tells there; caps and umbrellas are
always taken with the left hand.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._joints import files_under, read_openni
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

RATE = 30.0
LABELS = (
    'wave_horizontal', 'wave', 'wave_both_hands', 'catch_cap', 'throw', 'draw_x', 'draw_tick',
    'toss_paper', 'kick_forward', 'kick_sideways', 'take_umbrella', 'bend', 'clap', 'walk',
    'phone_call', 'drink', 'stand_to_sit', 'sit_to_stand',
)  # fmt: skip
"""Actions 1..18."""

_JOINTS = (
    'head', 'neck', 'right_shoulder', 'right_elbow', 'right_hand', 'left_shoulder', 'left_elbow',
    'left_hand', 'torso', 'right_hip', 'right_knee', 'right_foot', 'left_hip', 'left_knee',
    'left_foot',
)  # fmt: skip
_NAME = re.compile(r'a(\d+)_s(\d+)_e(\d+)_realworld\.txt')


def load_kard(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a try, in order of action, person and try.

    Args:
        root: the folder with the ``*_realworld.txt`` files, or the one above it. A damaged file
            is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'a01_s01_e01_realworld.txt'
    for path in files_under(root, 'a*_realworld.txt', example, 'kard', 'KARD'):
        match = _NAME.fullmatch(path.name)
        if not match or not 1 <= int(match[1]) <= len(LABELS):
            log.warning('%s: expected a name such as %s, actions 01 to 18; left out', path, example)
            continue
        try:
            xyz = read_openni(path, _JOINTS)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        xyz[..., 0] *= -1
        stamps = np.arange(len(xyz)) / RATE
        yield Recording(
            name=path.stem.removesuffix('_realworld'),
            dataset='kard',
            subject=str(int(match[2])),
            streams={'pose': Stream(stamps, xyz, layout='openni15')},
            segments=[Segment(LABELS[int(match[1]) - 1], 0.0, float(stamps[-1]))],
        )


DATASET = DataSet(
    name='kard',
    load=load_kard,
    title='18 gestures and everyday actions, 10 people: OpenNI skeleton',
    citation='Gaglio, Lo Re and Morana, IEEE Transactions on Human-Machine Systems 2015; CC BY 4.0',
    labels=LABELS,
    rests=True,
    products=True,
)
