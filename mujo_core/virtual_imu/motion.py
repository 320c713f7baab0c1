"""What a device on a moving skeleton undergoes: specific force and angular velocity in its axes."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.skeleton import CANONICAL_JOINTS, JOINT
from mujo_core.virtual_imu.placements import Limb, Trunk, across, needed_joints

SHORTEST = 0.3
"""Seconds, the least that can be differentiated."""

_INNER_RATE = 100.0  # Hz, of the grid on which paths are smoothed
_NOISE = 0.3  # m/s^2 of noise that the chosen smoothing may leave in the acceleration
_CUTOFFS = (2.5, 12.0)  # Hz, the least and the most that is chosen
_TWIST_CUTOFF = 2.0  # Hz; the plane of a limb is seen worse than its bone
_TORSO_LENGTH = 0.5  # m, where the pelvis is not seen
_GRAVITY = np.array([0.0, 0.0, STANDARD_GRAVITY])


def checked(stamps: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64; ValueError for another shape, or stamps that do not increase."""
    stamps = np.asarray(stamps, dtype=np.float64)
    joints = np.asarray(joints, dtype=np.float64)
    if joints.shape != (len(stamps), len(CANONICAL_JOINTS), 3):
        raise ValueError(
            f'expected joints of shape ({len(stamps)}, {len(CANONICAL_JOINTS)}, 3), '
            f'{joints.shape} came; pass the output of canonical_joints'
        )
    if (np.diff(stamps) <= 0).any():
        raise ValueError('expected stamps that increase, they do not; sort and deduplicate them')
    return stamps, joints


def with_pelvis(joints: np.ndarray) -> np.ndarray:
    """Put a pelvis that is not seen straight below the chest."""
    joints = joints.copy()
    below = joints[:, JOINT['chest']] - [0.0, 0.0, _TORSO_LENGTH]
    pelvis = joints[:, JOINT['pelvis']]
    joints[:, JOINT['pelvis']] = np.where(np.isfinite(pelvis), pelvis, below)
    return joints


def measure(
    stamps: np.ndarray,
    joints: np.ndarray,
    device: Limb | Trunk,
    times: np.ndarray,
    rate: float,
    cutoff: float | None,
    turn_cutoff: float | None = None,
) -> np.ndarray:
    """Return the samples (M, 6) of a device at `times`, all joints it needs being finite."""
    start = stamps[0]
    needed = needed_joints(device)
    stamps, times = stamps - start, times - start
    if cutoff is None:
        cutoff = _quiet_cutoff(stamps, joints[:, needed])
    inner = max(_INNER_RATE, 2.0 * rate)
    grid = np.arange(int(stamps[-1] * inner) + 1) / inner
    # Nothing above what the input or the output can carry.
    most = min(0.2 * rate, 0.4 * (len(stamps) - 1) / stamps[-1])
    seen = CubicSpline(stamps, joints[:, needed])(grid)

    def worn(cutoff: float) -> tuple[np.ndarray, np.ndarray]:
        path = np.full((len(grid), *joints.shape[1:]), np.nan)
        path[:, needed] = _low_pass(seen, min(cutoff, most), inner)
        if isinstance(device, Trunk):
            return _on_trunk(path, device)
        return _on_limb(path, device, inner)

    place, axes = worn(cutoff)
    if turn_cutoff is not None:
        _, axes = worn(turn_cutoff)
    orientation = CubicSpline(grid, axes)
    turned = orientation(times)
    # A turning triad: twice its angular velocity is the sum of each axis crossed with its rate.
    spin = np.cross(turned, orientation(times, 1), axis=1).sum(axis=2) / 2
    force = CubicSpline(grid, place)(times, 2) + _GRAVITY
    sensed = [np.einsum('nij,ni->nj', turned, vector) for vector in (force, spin)]
    return np.concatenate(sensed, axis=1)


def _quiet_cutoff(stamps: np.ndarray, joints: np.ndarray) -> float:
    """Return the cutoff in Hz that leaves `_NOISE` in the acceleration of the noisiest joint.

    White noise of deviation s at rate r, cut off at f, leaves s^2 (2 / r) (2 pi)^4 f^5 / 5 in
    the variance of an axis of the acceleration; s comes from third differences.
    """
    rate = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    ripple = np.abs(np.diff(joints, n=3, axis=0))
    noise = float(np.median(ripple, axis=0).max()) / 0.6745 / np.sqrt(20.0)
    chosen = (_NOISE**2 * 5.0 * rate / (2.0 * max(noise, 1e-6) ** 2 * (2.0 * np.pi) ** 4)) ** 0.2
    return float(np.clip(chosen, *_CUTOFFS))


def _low_pass(values: np.ndarray, cutoff: float, rate: float) -> np.ndarray:
    """Filter along the first axis without delay (Butterworth of order 2, both ways)."""
    padding = min(int(1.5 * rate / cutoff), len(values) - 2)
    numerator, denominator = butter(2, min(cutoff / (rate / 2), 0.99))
    return filtfilt(numerator, denominator, values, axis=0, padlen=padding)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _across_from(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return the unit part of `vectors` at a right angle to the unit `axis`."""
    return _unit(vectors - (vectors * axis).sum(axis=-1, keepdims=True) * axis)


def _swing(vectors: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Turn `vectors` by the smallest rotation from `source` to `target` (units, (N, 3) all)."""
    axis = np.cross(source, target)
    cosine = (source * target).sum(axis=-1, keepdims=True)
    once = np.cross(axis, vectors)
    return vectors + once + np.cross(axis, once) / np.maximum(1.0 + cosine, 0.02)


def _triad(joints: np.ndarray, across: tuple[str, str], up: tuple[str, str]) -> np.ndarray:
    """Return forward, left and up of a part of the trunk as columns (N, 3, 3)."""
    upward = _unit(joints[:, JOINT[up[1]]] - joints[:, JOINT[up[0]]])
    left = _across_from(joints[:, JOINT[across[1]]] - joints[:, JOINT[across[0]]], upward)
    return np.stack([np.cross(left, upward), left, upward], axis=2)


def _on_trunk(joints: np.ndarray, trunk: Trunk) -> tuple[np.ndarray, np.ndarray]:
    axes = _triad(joints, trunk.across, trunk.up)
    return joints[:, JOINT[trunk.joint]] + axes @ np.array(trunk.offset), axes


def _on_limb(joints: np.ndarray, limb: Limb, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return place (N, 3) and axes as columns (N, 3, 3)."""
    ends = [joints[:, JOINT[name]] for name in limb.joints]
    bones = [_unit(ends[1] - ends[0]), _unit(ends[2] - ends[1])]
    bone = bones[limb.on]
    body = _triad(joints, across(limb), ('pelvis', 'chest'))
    right, down = -body[:, :, 1], -body[:, :, 2]
    begin = _unit(body @ np.array(limb.start))
    hinge = _across_from(_swing(_swing(right, down, begin), begin, bone), bone)
    beside = np.cross(bone, hinge)
    # The seen hinge, as long as the sine of the bend, about the bone from the swung one.
    normal = limb.bend * np.cross(bones[0], bones[1])
    seen = np.stack([(normal * hinge).sum(axis=1), (normal * beside).sum(axis=1)], axis=1)
    twist = _unit(_low_pass(seen, _TWIST_CUTOFF, rate) + np.array([limb.straight, 0.0]))
    cosine, sine = np.cos(limb.angle), np.sin(limb.angle)
    turned = twist @ np.array([[cosine, sine], [-sine, cosine]])
    y = turned[:, :1] * hinge + turned[:, 1:] * beside
    length = np.linalg.norm(ends[limb.on + 1] - ends[limb.on], axis=1, keepdims=True)
    place = ends[limb.on] + bone * (limb.along * length + limb.beyond)
    return place, np.stack([bone, y, np.cross(bone, y)], axis=2)
