"""Changes of skeletons and IMUs in training: other bodies, cameras, devices and straps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mujo_core.inertial import played_at, rotate_device
from mujo_core.skeleton import JOINT

if TYPE_CHECKING:
    from mujo_core.training.sampler import SamplerSettings

_LIMBS = [
    [JOINT['left_elbow'], JOINT['left_wrist']],
    [JOINT['right_elbow'], JOINT['right_wrist']],
    [JOINT['left_knee'], JOINT['left_ankle']],
    [JOINT['right_knee'], JOINT['right_ankle']],
    [JOINT['head'], JOINT['head']],
    [JOINT['left_ankle'], JOINT['right_ankle']],
]
_FOREARMS = (
    [JOINT['left_elbow'], JOINT['right_elbow']],
    [JOINT['left_wrist'], JOINT['right_wrist']],
)
_TO_WRIST = (0.78, 0.9)
"""Of the way from the elbow to the middle of the hand, where the wrist is; Kinects have 0.84."""
_BIAS = np.array([1.0] * 3 + [0.15] * 3)
"""Of a gyroscope (rad/s) beside that of an accelerometer (m/s^2)."""
_NOISE = np.array([1.0] * 3 + [0.2] * 3)
"""The same of noise."""


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation (3, 3), uniform over all."""
    q = rng.normal(size=4)
    return quaternion_rotation(q / np.linalg.norm(q))


def small_rotation(rng: np.random.Generator, degrees: float) -> np.ndarray:
    """Return a rotation (3, 3) about a random axis by a normal angle."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    half = np.deg2rad(rng.normal() * degrees) / 2
    return quaternion_rotation(np.concatenate([[np.cos(half)], np.sin(half) * axis]))


def quaternion_rotation(q: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) of a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def change_pose(
    stamps: np.ndarray, joints: np.ndarray, how: SamplerSettings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps and joints (N, 16, 3) as another camera would have seen another body."""
    joints = joints @ small_rotation(rng, how.tilt).T.astype(np.float32)
    count = len(joints)
    if rng.random() < 0.5:
        keep = rng.random(count) >= rng.uniform(0.0, how.lose)
        keep[[0, -1]] = True
        stamps, joints = stamps[keep], joints[keep]
        count = len(joints)
    if rng.random() < how.wrist:
        elbows, ends = (joints[:, places] for places in _FOREARMS)
        joints[:, _FOREARMS[1]] = elbows + rng.uniform(*_TO_WRIST) * (ends - elbows)
    stretch = np.exp(rng.normal(size=(1, joints.shape[1], 1)) * 0.05)
    joints = (joints - joints[:, :1]) * stretch + joints[:, :1]
    offset = rng.normal(size=(1, *joints.shape[1:])) * 0.02
    noise = rng.normal(size=joints.shape) * (rng.uniform(0.0, how.pose_noise))
    joints = (joints + offset + noise).astype(np.float32)
    if rng.random() < how.shake:
        hit = rng.random(joints.shape[:2]) < 0.03
        joints[hit] += (rng.normal(size=(int(hit.sum()), 3)) * 0.2).astype(np.float32)
    if rng.random() < how.hide:
        hidden = rng.choice(_LIMBS[int(rng.integers(len(_LIMBS)))], size=2)
        joints[:, hidden] = np.nan
    return stamps, joints


def change_imu(
    samples: np.ndarray, speed: float, how: SamplerSettings, rng: np.random.Generator
) -> np.ndarray:
    """Return samples (N, 6) as another device, worn otherwise, would have felt them at `speed`."""
    turn = random_rotation(rng) if rng.random() < how.any_turn else None
    if turn is None:
        roll = np.deg2rad(rng.normal() * how.device_roll) / 2
        turn = quaternion_rotation(np.array([np.cos(roll), np.sin(roll), 0.0, 0.0]))
        turn = small_rotation(rng, how.device_turn) @ turn
    samples = rotate_device(samples, turn).astype(np.float32)
    samples = played_at(samples, speed, np.exp(rng.normal() * how.vigour))
    bias = rng.normal(size=6) * how.imu_bias * _BIAS
    sigma = how.imu_noise * _NOISE * rng.uniform()
    return (samples + bias + rng.normal(size=samples.shape) * sigma).astype(np.float32)
