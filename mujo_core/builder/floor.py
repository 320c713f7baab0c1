"""Which way is up for a camera, where the floor is, and which way a person faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.skeleton import JOINT, rotation_to_z_up

CAMERA_UP = np.array([0.0, -1.0, 0.0])
"""Of a level camera's optical frame (REP-103: x right, y down, z forward)."""

_STEEPEST = np.deg2rad(40.0)  # a camera tilted further is not believed
_REST = 0.25  # m/s of a foot that stands
_LEAST_AREA = 0.35  # m, spread of the footprints in their lesser direction
_FLATNESS = 0.06  # m, by which footprints may lie off a floor
_STRAIGHT = np.cos(np.deg2rad(15.0))  # of trunk against legs in a body that stands upright
_FEWEST = 15

_ANKLES = [JOINT['left_ankle'], JOINT['right_ankle']]
_ANKLE_HEIGHT = 0.08


@dataclass(frozen=True)
class Ground:
    """What was found of a track's surroundings.

    Attributes:
        up: (3,) unit, in the camera's frame.
        found_by: ``'floor'`` (footprints), ``'body'`` (a person who stands) or ``'camera'``.
    """

    up: np.ndarray
    found_by: str


def find_up(stamps: np.ndarray, joints: np.ndarray) -> Ground:
    """Find up for a body in front of a camera.

    Args:
        stamps: (T,) s.
        joints: (T, 16, 3) canonical joints, metres, in the camera's frame, NaN where not seen.
    """
    for up, found_by in ((_by_floor(stamps, joints), 'floor'), (_by_body(joints), 'body')):
        if up is not None and up @ CAMERA_UP > np.cos(_STEEPEST):
            return Ground(up, found_by)
    return Ground(CAMERA_UP, 'camera')


def _by_floor(stamps: np.ndarray, joints: np.ndarray) -> np.ndarray | None:
    """Return the normal of the plane through footprints that are spread over a floor."""
    feet = joints[:, _ANKLES]
    speed = np.linalg.norm(np.gradient(feet, stamps, axis=0), axis=2)
    prints = feet[(speed < _REST) & np.isfinite(speed)]
    if len(prints) < _FEWEST:
        return None
    centre = np.median(prints, axis=0)
    _, spread, axes = np.linalg.svd(prints - centre, full_matrices=False)
    spread = spread / np.sqrt(len(prints))
    if spread[1] < _LEAST_AREA or spread[2] > _FLATNESS:
        return None
    normal: np.ndarray = axes[2] * np.sign(axes[2] @ CAMERA_UP)
    return normal


def _by_body(joints: np.ndarray) -> np.ndarray | None:
    """Return the mean direction from feet to shoulders of a body that stands straight."""
    legs = joints[:, JOINT['pelvis']] - joints[:, _ANKLES].mean(axis=1)
    trunk = joints[:, JOINT['chest']] - joints[:, JOINT['pelvis']]
    with np.errstate(invalid='ignore'):
        lengths = np.linalg.norm(legs, axis=1) * np.linalg.norm(trunk, axis=1)
        straight = (legs * trunk).sum(axis=1) > _STRAIGHT * lengths
    # Legs that are bent or apart are short: only the longest count as straight ones.
    length = np.linalg.norm(legs, axis=1)
    straight &= length > 0.92 * np.nanmax(length, initial=0.0)
    if straight.sum() < _FEWEST:
        return None
    whole = legs[straight] + trunk[straight]
    mean = np.median(whole / np.linalg.norm(whole, axis=1, keepdims=True), axis=0)
    up: np.ndarray = mean / np.linalg.norm(mean)
    return up


def stand_on_floor(joints: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, float]:
    """Turn and shift a track: z up from the floor, the person facing along x on the whole.

    Args:
        joints: (T, 16, 3) metres in the frame in which `up` is given, NaN where not seen.

    Returns:
        Joints whose lowest ankles stand on the floor at z = 0 and whose first pelvis is above the
        origin, and the turn about z that was taken, rad.
    """
    upright = joints @ rotation_to_z_up(up).T
    across = upright[:, JOINT['left_hip'], :2] - upright[:, JOINT['right_hip'], :2]
    across = across[np.isfinite(across).all(axis=1)]
    left = across.sum(axis=0) if len(across) else np.array([0.0, 1.0])
    turn = float(np.arctan2(left[0], left[1])) if np.hypot(*left) > 1e-6 else 0.0
    cosine, sine = np.cos(turn), np.sin(turn)
    upright = upright @ np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]).T
    middle = np.nanmean(upright, axis=1)
    start = middle[np.flatnonzero(np.isfinite(middle).all(axis=1))[0]]
    heights = upright[:, _ANKLES, 2]
    seen = heights[np.isfinite(heights)]
    low = np.quantile(seen, 0.05) - _ANKLE_HEIGHT if len(seen) else np.nanmin(upright[..., 2])
    return upright - np.array([start[0], start[1], low]), turn
