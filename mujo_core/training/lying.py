"""Upright bodies tipped over: few recordings show somebody who lies or trains on the floor.

A standing body that pushes with both hands is, turned face down, one that does a push-up; one that
bends at the waist does, turned on its back, a sit-up. A skeleton is seen beside its pelvis, so
that what moves and what rests on the floor need not be told apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.recording import Stream, modality_of
from mujo_core.skeleton import JOINT

TIPPED = {'push': 'push_up', 'waist_bend': 'sit_up', 'shoot_pistol': 'plank'}
"""What is done upright, and what it is on the floor."""
_PRONE = {'push_up': 78.0, 'plank': 78.0, 'sit_up': -90.0}
"""Degrees by which the body is turned forward; a straight body on its hands slopes a little."""
_SLOPE = 8.0
_BENT = (0.0, 75.0)
"""Degrees of the hips' bend in sit-ups, with the feet on the floor."""
_ON_FOREARMS = 0.6
"""Of planks, how many are on the forearms and not on the hands."""
_FLAT = (75.0, 105.0)
"""Degrees by which an upright body is tipped over."""


def laid_down(streams: dict[str, Stream], rng: np.random.Generator) -> dict[str, Stream]:
    """Return the streams of a standing body as if it lay, on whichever side.

    The skeleton is turned about its pelvis. A device's attitude is not known; it is turned so that
    the mean specific force meets other axes of it, as it does in some attitude of a lying body.

    Args:
        streams: by name; pose as canonical joints with z up.
    """
    tipped = np.deg2rad(rng.uniform(*_FLAT))
    side = rng.uniform(0.0, 2 * np.pi)
    turn = Rotation.from_rotvec(tipped * np.array([np.cos(side), np.sin(side), 0.0])).as_matrix()
    found = {}
    for name, stream in streams.items():
        values = stream.values
        if modality_of(name) == 'pose':
            pelvis = values[:, :1]
            values = (values - pelvis) @ turn.T.astype(np.float32) + pelvis
        elif modality_of(name) == 'imu':
            values = _device(values, tipped, rng)
        found[name] = replace(stream, values=values.astype(np.float32))
    return found


def _device(samples: np.ndarray, tipped: float, rng: np.random.Generator) -> np.ndarray:
    """Return samples (N, 6) whose mean specific force is turned by an angle; what is beside it,
    the motion, stays in the device's axes."""
    mean = samples[:, :3].mean(axis=0)
    across = np.cross(mean, rng.normal(size=3))
    across /= max(float(np.linalg.norm(across)), 1e-9)
    turned = Rotation.from_rotvec(tipped * across).apply(mean)
    return samples + np.concatenate([turned - mean, np.zeros(3)])


def on_the_floor(stream: Stream, label: str, rng: np.random.Generator) -> Stream:
    """Return the skeleton of an upright body as it does what `TIPPED` says on the floor.

    Args:
        stream: canonical joints with z up; label: what is done on the floor.
    """
    joints = stream.values.copy()
    across = joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
    across = across[np.isfinite(across).all(axis=1)].sum(axis=0)
    left = np.array([across[0], across[1], 0.0])
    left /= max(float(np.linalg.norm(left)), 1e-9)
    if label == 'sit_up':
        bent = np.deg2rad(rng.uniform(*_BENT))
        # Thighs forward and up, shanks back down by twice as much: the feet stay on the floor.
        for side in ('left', 'right'):
            hip, knee, ankle = (JOINT[f'{side}_{part}'] for part in ('hip', 'knee', 'ankle'))
            shank = joints[:, ankle] - joints[:, knee]
            thigh = Rotation.from_rotvec(-bent * left).apply(joints[:, knee] - joints[:, hip])
            joints[:, knee] = joints[:, hip] + thigh
            joints[:, ankle] = joints[:, knee] + Rotation.from_rotvec(bent * left).apply(shank)
    tipped = np.deg2rad(_PRONE[label] + rng.normal() * _SLOPE)
    turn = Rotation.from_rotvec(tipped * left).as_matrix().T.astype(np.float32)
    pelvis = joints[:, :1]
    joints = (joints - pelvis) @ turn + pelvis
    if label == 'plank' and rng.random() < _ON_FOREARMS:
        ahead = np.cross(left, [0.0, 0.0, 1.0])
        for side in ('left', 'right'):
            shoulder, elbow, wrist = (JOINT[f'{side}_{p}'] for p in ('shoulder', 'elbow', 'wrist'))
            upper = _lengths(joints[:, elbow] - joints[:, shoulder])
            lower = _lengths(joints[:, wrist] - joints[:, elbow])
            joints[:, elbow] = joints[:, shoulder] - upper * np.array([0.0, 0.0, 1.0])
            joints[:, wrist] = joints[:, elbow] + lower * ahead
    return replace(stream, values=joints.astype(np.float32))


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(vectors, axis=-1, keepdims=True))
