"""What is recorded with both arms, done with one: people curl or raise one weight as well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT

EITHER_ARM = frozenset({'arm_curl', 'lateral_raise', 'flap_arms', 'boxing'})
"""Labels that mean the same with one arm."""


def with_one_arm(pose: Stream, rng: np.random.Generator) -> Stream:
    """Return a skeleton one of whose arms hangs as it did at first.

    Args:
        pose: canonical joints with z up.
    """
    joints = pose.values.copy()
    side = ('left', 'right')[int(rng.integers(2))]
    shoulder = joints[:, JOINT[f'{side}_shoulder']]
    for part in ('elbow', 'wrist'):
        joint = JOINT[f'{side}_{part}']
        hangs = joints[0, joint] - joints[0, JOINT[f'{side}_shoulder']]
        joints[:, joint] = shoulder + hangs
    return replace(pose, values=joints)
