"""IMU samples in SI units, and the places on a body where a device sits."""

from __future__ import annotations

import re

import numpy as np
from scipy.ndimage import uniform_filter1d

STANDARD_GRAVITY = 9.80665
"""m/s^2 (ISO 80000-3)."""

MAX_ACCELERATION, MAX_ANGULAR_VELOCITY = 2e3, 350.0
"""m/s^2, rad/s: beyond, no sensor worn reads so."""
FULL_ACCELERATION, FULL_ANGULAR_VELOCITY = 400.0, 70.0
"""m/s^2, rad/s: ends of the range that is used; a sample beyond is held to it."""
SAMPLE_LIMIT = np.array([MAX_ACCELERATION] * 3 + [MAX_ANGULAR_VELOCITY] * 3)
SAMPLE_RANGE = np.array([FULL_ACCELERATION] * 3 + [FULL_ANGULAR_VELOCITY] * 3)

PLACEMENTS = (
    'right_wrist', 'left_wrist', 'right_upper_arm', 'left_upper_arm', 'right_thigh', 'left_thigh',
    'right_ankle', 'left_ankle', 'right_pocket', 'left_pocket', 'chest', 'waist', 'back', 'head',
)  # fmt: skip
"""Placements the project names; any other lower-case name is a placement too."""

MIRRORED = {
    name: name.replace('right_', 'left_') if 'right_' in name else name.replace('left_', 'right_')
    for name in PLACEMENTS
}
"""The placement on the other side of the body; itself on the body's middle."""

_SLOW = 0.5
"""Seconds over which what gravity does to samples is told from motion."""
_PLACEMENT = re.compile(r'[a-z][a-z0-9_]{0,63}')


def check_placement(placement: str) -> str:
    """Return `placement`, or raise ValueError where it cannot name a place (or a topic)."""
    if not _PLACEMENT.fullmatch(placement):
        raise ValueError(
            f'a placement is lower-case letters, digits and _ (such as right_wrist), '
            f'{placement!r} came; rename it'
        )
    return placement


def si_sample(acceleration_g: np.ndarray, angular_velocity_dps: np.ndarray) -> np.ndarray:
    """Join acceleration in g (N, 3) and angular velocity in deg/s (N, 3) to SI samples (N, 6)."""
    samples = np.concatenate(
        [acceleration_g * STANDARD_GRAVITY, np.deg2rad(angular_velocity_dps)], axis=1
    )
    return samples.astype(np.float32)


def increasing(stamps: np.ndarray) -> np.ndarray:
    """Return a mask (N,) of the stamps that are later than every one before them."""
    latest = np.maximum.accumulate(stamps)
    return np.concatenate([[True], stamps[1:] > latest[:-1]])[: len(stamps)]


def join_sensors(
    stamps: np.ndarray,
    acceleration: np.ndarray,
    gyro_stamps: np.ndarray,
    angular_velocity: np.ndarray,
    max_gap: float = 0.1,
) -> tuple[np.ndarray, np.ndarray]:
    """Bring the two sensors of a device, stamped apart, onto the accelerometer's stamps.

    Args:
        stamps: (N,) seconds; acceleration: (N, 3) m/s^2.
        gyro_stamps: (M,) seconds; angular_velocity: (M, 3) rad/s, interpolated linearly.
        max_gap: seconds between gyroscope samples beyond which nothing is interpolated.

    Returns:
        Stamps (K,) that strictly increase and samples (K, 6) float32, where both sensors have data.
    """
    order, gyro_order = increasing(stamps), increasing(gyro_stamps)
    stamps, acceleration = stamps[order], acceleration[order]
    gyro_stamps, angular_velocity = gyro_stamps[gyro_order], angular_velocity[gyro_order]
    if len(gyro_stamps) < 2:
        return stamps[:0], np.empty((0, 6), np.float32)
    inside = (stamps >= gyro_stamps[0]) & (stamps <= gyro_stamps[-1])
    after = np.clip(np.searchsorted(gyro_stamps, stamps), 1, len(gyro_stamps) - 1)
    inside &= gyro_stamps[after] - gyro_stamps[after - 1] <= max_gap
    turns = [np.interp(stamps[inside], gyro_stamps, axis) for axis in angular_velocity.T]
    samples = np.column_stack([acceleration[inside], *turns]).astype(np.float32)
    return stamps[inside], samples


def rotate_device(samples: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Turn a device: samples (..., 6) seen in axes that `rotation` (3, 3) maps the old ones to."""
    pairs = samples.reshape(*samples.shape[:-1], 2, 3) @ rotation.T
    return pairs.reshape(samples.shape).astype(samples.dtype, copy=False)


def played_at(
    samples: np.ndarray, speed: float, vigour: float = 1.0, rate: float = 50.0
) -> np.ndarray:
    """Return samples (N, 6) as a device would have felt the same motion `speed` times as fast.

    Played faster, a motion turns faster and accelerates more, by the square; what gravity does to
    the samples changes slowly and stays as it is.

    Args:
        samples: m/s^2 with gravity and rad/s; rate: theirs, Hz.
        vigour: a factor of the motion's strength beside that.
    """
    size = max(1, round(rate * _SLOW))
    slow = uniform_filter1d(samples[:, :3], size=size, axis=0, mode='nearest')
    force = slow + (samples[:, :3] - slow) * (speed**2 * vigour)
    return np.concatenate([force, samples[:, 3:] * (speed * vigour)], axis=1).astype(samples.dtype)


def looks_like_unit(acceleration: np.ndarray) -> str:
    """Guess the unit of accelerations (N, 3) by the median magnitude, since gravity is in them.

    Returns:
        ``'m/s^2'``, ``'g'`` (a body at rest reads 1), or ``'no gravity'`` (it reads 0).
    """
    magnitude = float(np.median(np.linalg.norm(acceleration, axis=-1)))
    if magnitude < 0.3:
        return 'no gravity'
    return 'g' if magnitude < 3.0 else 'm/s^2'
