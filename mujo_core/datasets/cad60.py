"""CAD-60 (Sung, Ponce, Selman and Saxena, ICRA 2012): 14 activities at home, 4 people.

``a<NN>_<NAME>_<K>_p<P>.txt``: OpenNI's 15 joints, a line ``x y z`` each in mm, 30 fps without
stamps; pieces of about 4 s, the rotations of the joints left out. Pieces of one recording follow
each other, so that only people may be held apart, never pieces. The last piece of most recordings
ends in two rows of zeros, which are no frame.

y is up, z points away, x grows to the person's right: right-handed, and `handedness` finds a body
as it is. It is a mirror image all the same: of the four people, one of whom is left-handed, three
drink, phone, rinse and stir with the hand that is called left in every piece, and one with the
other. Hence x is negated and left and right change their names.
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
ACTIVITIES = {
    'still': 'stand', 'talking_on_the_phone': 'phone_call',
    'writing_on_whiteboard': 'write_on_whiteboard', 'drinking_water': 'drink',
    'rinsing_mouth_with_water': 'rinse_mouth', 'brushing_teeth': 'brush_teeth',
    'wearing_contact_lenses': 'put_in_contact_lenses', 'talking_on_couch': 'talk_seated',
    'relaxing_on_couch': 'relax_seated', 'cooking_(chopping)': 'chop',
    'cooking_(stirring)': 'stir', 'opening_pill_container': 'open_container',
    'working_on_computer': 'type',
}  # fmt: skip
"""The activities of the file names; ``random`` is any movement and has no label."""

_JOINTS = (
    'head', 'neck', 'torso', 'right_shoulder', 'right_elbow', 'left_shoulder', 'left_elbow',
    'right_hip', 'right_knee', 'left_hip', 'left_knee', 'right_hand', 'left_hand', 'right_foot',
    'left_foot',
)  # fmt: skip
"""With the sides that the people have: the files call each the other one."""
_NAME = re.compile(r'a\d+_(.+?)(\d*)_(\d+)_p(\d+)\.txt')


def load_cad60(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a piece, in order of the file names.

    Args:
        root: the folder with the ``a*_p*.txt`` files, or the one above it. A damaged file is
            named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'a01_still_1_p1.txt'
    for path in files_under(root, 'a*_p*.txt', example, 'cad60', 'CAD-60'):
        match = _NAME.fullmatch(path.name)
        if not match or (match[1] not in ACTIVITIES and match[1] != 'random'):
            log.warning('%s: expected a name such as %s; left out', path, example)
            continue
        try:
            xyz = read_openni(path, _JOINTS)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        xyz[..., 0] *= -1
        stamps = np.arange(len(xyz)) / RATE
        label = ACTIVITIES.get(match[1])
        yield Recording(
            name=path.stem,
            dataset='cad60',
            subject=match[4],
            streams={'pose': Stream(stamps, xyz, layout='openni15')},
            segments=[Segment(label, 0.0, float(stamps[-1]))] if label else [],
        )


DATASET = DataSet(
    name='cad60',
    load=load_cad60,
    title='13 activities at home and in the office, 4 people: OpenNI skeleton',
    citation='Sung, Ponce, Selman and Saxena, ICRA 2012; for research',
    labels=tuple(ACTIVITIES.values()),
)
