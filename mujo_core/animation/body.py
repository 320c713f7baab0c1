"""A body of stiff bones: joint angles over time to canonical joints."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.skeleton import CANONICAL_JOINTS, JOINT, STANDARD_BODY, TORSO

TRUNK = ('pitch', 'roll', 'bend', 'side', 'twist', 'hop', 'ahead')
"""Of the whole body and of the chest beside the pelvis, degrees; the last two are metres."""
LIMBS = ('hip', 'spread', 'knee', 'arm', 'raise', 'turn', 'elbow')
"""Of a leg and an arm, degrees: flexion forward, abduction, rotation about the upper arm."""
SIDES = ('left', 'right')
ANGLES = (*TRUNK, *(f'{side}_{angle}' for side in SIDES for angle in LIMBS))
_DOWN = np.array([0.0, 0.0, -1.0])
_AXES = dict(zip('xyz', np.eye(3), strict=True))


def joints_of(angles: dict[str, np.ndarray], lengths: np.ndarray) -> np.ndarray:
    """Return canonical joints (T, 16, 3) in metres: x forward, y left, z up, the ground at z = 0.

    Standing straight with hanging arms is 0 everywhere.

    Args:
        angles: each of `ANGLES` to (T,).
        lengths: (16,) metres of the bone to each joint's parent.
    """
    count = len(angles['pitch'])
    joints = np.zeros((count, len(CANONICAL_JOINTS), 3))
    pelvis = _turn('x', angles['roll']) * _turn('y', angles['pitch'])
    chest = (
        pelvis
        * _turn('z', angles['twist'])
        * _turn('x', -angles['side'])
        * _turn('y', angles['bend'])
    )
    # The back bends in its middle: its lower half goes with the pelvis.
    joints[:, 1] = pelvis.apply([0.0, 0.0, lengths[1]])
    joints[:, 2] = joints[:, 1] + chest.apply([0.0, 0.0, lengths[2]])
    joints[:, 3] = joints[:, 2] + chest.apply([0.0, 0.0, lengths[3]])
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        hip, knee, ankle, shoulder, elbow, wrist = (
            JOINT[f'{side}_{part}']
            for part in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist')
        )
        flexed, spread, bent, arm, raised, turned, curled = (
            angles[f'{side}_{angle}'] for angle in LIMBS
        )
        joints[:, hip] = pelvis.apply([0.0, sign * lengths[hip], 0.0])
        thigh = pelvis * _turn('x', sign * spread) * _turn('y', -flexed)
        joints[:, knee] = joints[:, hip] + thigh.apply(lengths[knee] * _DOWN)
        shank = thigh * _turn('y', bent)
        joints[:, ankle] = joints[:, knee] + shank.apply(lengths[ankle] * _DOWN)
        joints[:, shoulder] = joints[:, 2] + chest.apply([0.0, sign * lengths[shoulder], 0.0])
        upper = chest * _turn('x', sign * raised) * _turn('y', -arm) * _turn('z', sign * turned)
        joints[:, elbow] = joints[:, shoulder] + upper.apply(lengths[elbow] * _DOWN)
        lower = upper * _turn('y', -curled)
        joints[:, wrist] = joints[:, elbow] + lower.apply(lengths[wrist] * _DOWN)
    joints[..., 2] += (angles['hop'] - joints[..., 2].min(axis=1))[:, None]
    joints[..., 0] += angles['ahead'][:, None]
    return joints.astype(np.float32)


def standard_lengths() -> np.ndarray:
    """Return the bones' lengths (16,) of the standard body, metres."""
    return STANDARD_BODY * TORSO


def _turn(axis: str, degrees: np.ndarray) -> Rotation:
    return Rotation.from_rotvec(np.outer(np.deg2rad(degrees), _AXES[axis]))
