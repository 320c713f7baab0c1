"""Whether a skeleton stands, sits or lies: visible in its angles, nothing needs to be learned."""

from __future__ import annotations

import numpy as np

from mujo_core.skeleton import JOINT, CanonicalPose, is_flat

STAND, SIT, LIE = 'stand', 'sit', 'lie'
POSTURES = (STAND, SIT, LIE)

_UPRIGHT, _LYING = 45.0, 60.0
"""Degrees of the trunk from the vertical."""
_STRAIGHT, _SEATED = 30.0, 50.0
"""Degrees of the thighs from the vertical: a person who stands, one who sits."""
_LEGS_DOWN = 35.0
"""Degrees of the line from hip to ankle from the vertical: a person who bends stands on it."""
_LONG = 0.65
"""Of the trunk: thighs that an image shows shorter point at the camera."""


def _from_down(vector: np.ndarray) -> np.ndarray:
    """Return degrees (T,) between vectors (T, 3) and straight down, NaN where not seen."""
    length = np.sqrt((vector * vector).sum(axis=-1))
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.asarray(np.degrees(np.arccos(np.clip(-vector[:, 2] / length, -1.0, 1.0))))


def _median(degrees: list[np.ndarray]) -> float:
    """Return the median of angles that are seen; NaN of none."""
    seen = np.concatenate(degrees)
    seen = seen[np.isfinite(seen)]
    return float(np.median(seen)) if len(seen) else np.nan


def posture_of(pose: CanonicalPose | None, rate: float) -> str | None:
    """Return what `posture` says of the last second of a window's pose (`rate` steps a second)."""
    if pose is None:
        return None
    last = slice(-max(1, round(rate)), None)
    joints = np.where(pose.mask[last, :, None], pose.joints[last], np.nan)
    # A canonical pose faces along x: an image's is flat in that.
    flat = not np.any(np.abs(pose.joints[..., 0]) > 1e-6)
    return posture(joints[..., [1, 0, 2]] if flat else joints)


def posture(joints: np.ndarray) -> str | None:
    """Return what a body at rest does: `STAND`, `SIT`, `LIE`, or None where that is not clear.

    Args:
        joints: (T, 16, 3) canonical joints with z up, any unit. An image's show standing and
            lying, but not sitting, whose thighs may point at the camera.
    """
    trunk = _median([_from_down(joints[:, 0] - joints[:, 2])])
    thighs, legs = [], []
    for side in ('left', 'right'):
        hip, knee, ankle = (joints[:, JOINT[f'{side}_{part}']] for part in ('hip', 'knee', 'ankle'))
        thighs.append(_from_down(knee - hip))
        legs.append(_from_down(ankle - hip))
    thigh, leg = _median(thighs), _median(legs)
    if trunk > _LYING:
        return LIE if leg > _LEGS_DOWN or (np.isnan(leg) and trunk > 75.0) else None
    if trunk > _UPRIGHT or np.isnan(trunk) or np.isnan(thigh):
        return None
    if is_flat(joints):
        return STAND if thigh < _STRAIGHT and _long_thighs(joints) else None
    if thigh < _STRAIGHT:
        return STAND
    return SIT if thigh > _SEATED else None


def _long_thighs(joints: np.ndarray) -> bool:
    sides = [(JOINT[f'{side}_hip'], JOINT[f'{side}_knee']) for side in ('left', 'right')]
    thighs = [np.linalg.norm(joints[:, hip] - joints[:, knee], axis=-1) for hip, knee in sides]
    trunk = np.linalg.norm(joints[:, 0] - joints[:, 2], axis=-1)
    return _median(thighs) > _LONG * _median([trunk])
