"""Florence 3D Actions (Seidenari et al., CVPR Workshops 2013): 9 actions, 10 people.

``a<AA>_s<S>_id<N>.txt``, 215 files: 15 joints, a line ``x y z`` each in mm, no stamps. The limbs
follow each other, each from the shoulder or hip to its end: left arm, right arm, left leg, right
leg.

y is up, z points away and x grows to the person's right: a right-handed frame as a Kinect's, in
which all actions but the bow agree with a body as it is. 30 fps is what is said of it, yet hands
move about three times as far from frame to frame as KARD's do in the same actions (2.8 to 4.1), and
at 30 fps someone would sit down in 0.2 s: the frames are taken as 10 a second. People begin at
rest, but most claps, shoes and sittings down end in the middle.
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

RATE = 10.0
LABELS = (
    'wave', 'drink', 'phone_call', 'clap', 'tie_shoelaces', 'stand_to_sit', 'sit_to_stand',
    'check_watch', 'bow',
)  # fmt: skip
"""Actions 1..9."""

_JOINTS = (
    'head', 'neck', 'torso', 'left_shoulder', 'left_elbow', 'left_hand', 'right_shoulder',
    'right_elbow', 'right_hand', 'left_hip', 'left_knee', 'left_foot', 'right_hip', 'right_knee',
    'right_foot',
)  # fmt: skip
_NAME = re.compile(r'a(\d+)_s(\d+)_id(\d+)\.txt')


def load_florence3d(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a file, in order of their names.

    Args:
        root: the folder with the ``a*_s*_id*.txt`` files, or the one above it. A damaged file is
            named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'a01_s1_id2.txt'
    for path in files_under(root, 'a*_s*_id*.txt', example, 'florence3d', 'Florence_3d_actions'):
        match = _NAME.fullmatch(path.name)
        if not match or not 1 <= int(match[1]) <= len(LABELS):
            log.warning('%s: expected a name such as %s, actions 01 to 09; left out', path, example)
            continue
        try:
            xyz = read_openni(path, _JOINTS)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        stamps = np.arange(len(xyz)) / RATE
        yield Recording(
            name=path.stem,
            dataset='florence3d',
            subject=match[2],
            streams={'pose': Stream(stamps, xyz, layout='openni15')},
            segments=[Segment(LABELS[int(match[1]) - 1], 0.0, float(stamps[-1]))],
        )


DATASET = DataSet(
    name='florence3d',
    load=load_florence3d,
    title='9 everyday actions, 10 people: Kinect skeleton, short pieces',
    citation='Seidenari, Varano, Berretti, Del Bimbo and Pala, CVPR Workshops 2013; for research',
    labels=LABELS,
)
