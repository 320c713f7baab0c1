"""The one canonical pose that every model sees, from any sensor's joints.

Frames follow REP-103: metres, x forward, y left, z up. A joint that is not seen is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.layouts import Layout, get_layout

CANONICAL_JOINTS = get_layout('canonical16').joints
JOINT = {name: index for index, name in enumerate(CANONICAL_JOINTS)}

PARENTS = (0, 0, 1, 2, 2, 2, 4, 5, 6, 7, 0, 0, 10, 11, 12, 13)
"""Each canonical joint's parent: bone j runs from ``PARENTS[j]`` to j (the root's has length 0)."""

MIRRORED_JOINTS = tuple(
    JOINT[n.replace('left', 'right') if 'left' in n else n.replace('right', 'left')]
    for n in CANONICAL_JOINTS
)
"""The canonical joint on the other side of the body."""

_TORSO_SHARES = {
    'spine': 0.5, 'chest': 0.5, 'head': 0.45, 'shoulder': 0.36, 'elbow': 0.56, 'wrist': 0.62,
    'hip': 0.2, 'knee': 0.82, 'ankle': 0.82,
}  # fmt: skip
STANDARD_BODY = np.array([_TORSO_SHARES.get(n.rpartition('_')[2], 0.0) for n in CANONICAL_JOINTS])
"""(16,) length of the bone to each joint's parent, as shares of the torso (pelvis to chest).

Between what Kinect, MediaPipe and motion capture report of adults; which body it is matters less
than that it is one: trackers differ in thigh and forearm by a third."""

MAX_DISTANCE = 1e4
"""m: a joint further from its frame's origin is no measurement."""
TORSO = 0.5
"""Length from pelvis to chest of a canonical pose."""
_ENDS = {'wrist': ('hand', 'wrist'), 'ankle': ('ankle', 'foot')}
"""What ends a limb, in order of preference; a foot stands in for an ankle (OpenNI's), since its
direction is the leg's."""
_WORN = {**_ENDS, 'wrist': ('wrist', 'hand')}


def rotation_to_z_up(up: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """Return the smallest rotation (3, 3) that takes the direction `up` to +z."""
    direction = np.asarray(up, dtype=float)
    length = np.linalg.norm(direction)
    if not np.isfinite(length) or length < 1e-6:
        raise ValueError(f'up must be a direction with a length, {tuple(up)} came')
    x, y, z = direction / length
    if z < -0.999999:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + z)


def _mean(parts: np.ndarray) -> np.ndarray:
    """Mean over joints (axis -2); NaN unless all are seen."""
    return parts.mean(axis=-2)


def _first_seen(candidates: list[np.ndarray]) -> np.ndarray:
    result = candidates[0]
    for candidate in candidates[1:]:
        result = np.where(np.isfinite(result), result, candidate)
    return result


def canonical_joints(
    xyz: np.ndarray,
    layout: str | Layout,
    up: tuple[float, float, float] | np.ndarray | None = None,
    worn: bool = False,
) -> np.ndarray:
    """Take a sensor's joints to the canonical joints with z up.

    Pelvis and chest are the midpoints of hips and shoulders and the spine lies midway between
    them, so that they mean the same whatever the sensor calls its centre joints. An arm ends in
    the middle of the hand, which tells more of what it does than the wrist, or in the wrist where
    nothing beyond is known; feet stand in where a layout has no ankles. Heading and origin stay as
    they are.

    Args:
        xyz: (..., J, 3) metres in the sensor's frame, NaN where a joint is not seen.
        layout: the sensor's layout.
        up: direction of up in that frame; None for the layout's usual one.
        worn: let an arm end in the wrist, where devices are worn.

    Returns:
        (..., 16, 3) float32, NaN where not seen; its wrists are where the arms end.

    Raises:
        ValueError: another number of joints than the layout has.
    """
    layout = get_layout(layout)
    xyz = np.asarray(xyz, dtype=np.float32)
    if xyz.shape[-2:] != (len(layout.joints), 3):
        raise ValueError(
            f'layout {layout.name} has {len(layout.joints)} joints with x, y, z; an array of '
            f'shape {xyz.shape} came; set the layout that the sensor publishes'
        )
    joints = np.full((*xyz.shape[:-2], len(CANONICAL_JOINTS), 3), np.nan, dtype=np.float32)
    ends = _WORN if worn else _ENDS
    for name, index in JOINT.items():
        side, _, joint = name.partition('_')
        known = [layout.find(f'{side}_{end}') for end in ends.get(joint, (joint,))]
        if joint and (places := next(filter(None, known), None)):
            joints[..., index, :] = xyz[..., places[0], :]
    joints[..., 0, :] = _mean(joints[..., [JOINT['left_hip'], JOINT['right_hip']], :])
    joints[..., 2, :] = _mean(joints[..., [JOINT['left_shoulder'], JOINT['right_shoulder']], :])
    joints[..., 1, :] = (joints[..., 0, :] + joints[..., 2, :]) / 2
    heads = [_mean(xyz[..., found, :]) for names in layout.head if (found := layout.find(*names))]
    joints[..., 3, :] = _first_seen(heads)
    turn = rotation_to_z_up(layout.up if up is None else up).astype(np.float32)
    return joints @ turn.T


@dataclass(frozen=True)
class CanonicalPose:
    """A window of canonical pose.

    Attributes:
        joints: (T, 16, 3) float32; the pelvis is the origin, the torso measures 0.5, the line
            through hips and shoulders lies along y, z is up; 0 where masked.
        mask: (T, 16) bool, True where a joint is seen.
        root: (T, 4) float32, the pelvis' velocity (canonical lengths/s, canonical axes) and the
            rate of its heading (rad/s), so that walking is not walking in place.
    """

    joints: np.ndarray
    mask: np.ndarray
    root: np.ndarray


def _all_finite(points: np.ndarray) -> np.ndarray:
    """Return whether each point (..., D) is seen; with few axes, numpy's own `all` is slow."""
    seen = np.isfinite(points)
    together = seen[..., 0]
    for axis in range(1, points.shape[-1]):
        together = together & seen[..., axis]
    return np.asarray(together)


def _nanmedian(values: np.ndarray, otherwise: float) -> float:
    finite = np.sort(values[np.isfinite(values)])  # np.median takes eight times as long
    if not len(finite):
        return otherwise
    return float((finite[(len(finite) - 1) // 2] + finite[len(finite) // 2]) / 2)


def _rate_of_change(path: np.ndarray, rate: float, reach: int) -> np.ndarray:
    """Slope over `reach` steps to both sides, fewer at the ends; 0 where it is not known."""
    steps = np.arange(len(path))
    after = np.minimum(steps + reach, len(path) - 1)
    before = np.maximum(steps - reach, 0)
    slope = (path[after] - path[before]) * (rate / np.maximum(after - before, 1))[:, None]
    return np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)


_STRETCH = (0.4, 2.5)
"""Beyond, a bone's length is an error of the tracker and not a body's."""


def is_flat(joints: np.ndarray) -> bool:
    """Say whether canonical joints (..., 16, 3) are of an image: its depth, y, is 0 throughout."""
    depth = joints[..., 1]
    return not np.any(np.abs(depth[np.isfinite(depth)]) > 1e-9)


def standard_proportions(joints: np.ndarray) -> np.ndarray:
    """Return joints whose bones have the lengths of one standard body (`STANDARD_BODY`).

    Each bone keeps its direction and how its length varies; its median over the window becomes
    the standard one, left and right together. Trackers disagree on where hips, hands and feet
    are, and people differ, by more than what an activity changes.

    Args:
        joints: (T, 16, 3) of one body, NaN where not seen. Those of an image stay as they are:
            a bone is short there also because it points at the camera.
    """
    if is_flat(joints):
        return joints
    parents = np.array(PARENTS)
    bones = joints - joints[:, parents]
    lengths = np.sqrt((bones * bones).sum(axis=-1))
    medians = _medians(lengths)
    torso = medians[1] + medians[2]
    if not np.isfinite(torso) or torso < 1e-6:
        return joints
    with np.errstate(invalid='ignore', divide='ignore'):
        stretch = STANDARD_BODY * torso / _both_sides(medians)
    stretch = np.where(np.isfinite(stretch), np.clip(stretch, *_STRETCH), 1.0)
    # How far each joint is moved; one that is not seen passes on what its parent was moved by.
    added = np.where(np.isfinite(lengths)[..., None], bones, 0.0) * (stretch - 1.0)[None, :, None]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        added[:, joint] += added[:, parent]
    return (joints + added).astype(np.float32)


def _medians(lengths: np.ndarray) -> np.ndarray:
    """Return the median (J,) over time of lengths (T, J) that are seen; NaN where none is."""
    ordered = np.sort(lengths, axis=0)  # NaN last
    count = np.isfinite(lengths).sum(axis=0)
    columns = np.arange(lengths.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(ordered) - 1)
    return (ordered[low, columns] + ordered[high, columns]) / 2


def _both_sides(medians: np.ndarray) -> np.ndarray:
    """Return lengths (J,) with those of left and right replaced by their mean, or the one seen."""
    other = medians[list(MIRRORED_JOINTS)]
    one, other = (
        np.where(np.isfinite(medians), medians, other),
        np.where(np.isfinite(other), other, medians),
    )
    return (one + other) / 2


HEADING_SECONDS = 1.0
_WHOLE = 0.05
"""Of the heading of the whole window in that of a moment: it decides where a moment shows none."""


def canonical_pose(
    joints: np.ndarray,
    rate: float,
    standard_body: bool = True,
    heading_seconds: float = HEADING_SECONDS,
    complete: bool = True,
) -> CanonicalPose:
    """Centre, turn and scale a window of canonical joints by the body itself.

    Args:
        joints: (T, 16, 3) metres with z up, NaN where not seen (see `canonical_joints`).
        rate: steps a second.
        standard_body: give the bones one body's lengths (`standard_proportions`), and turn the
            body by hips and shoulders together instead of by the hips alone.
        heading_seconds: over which the body's heading is taken, so that somebody who turns around
            while walking is still seen to walk ahead; 0 for the whole window, as in an image,
            whose heading is not seen.
        complete: take a limb's joint that is hardly seen from the other side, as a camera beside
            the body asks for; its mask says that it is seen.
    """
    flat = is_flat(joints)
    joints = np.asarray(joints, dtype=np.float32)
    if standard_body:
        joints = standard_proportions(joints)
    pelvis, chest = joints[:, 0], joints[:, 2]
    torso = _nanmedian(np.linalg.norm(chest - pelvis, axis=-1), np.nan)
    if not np.isfinite(torso) or torso < 1e-6:
        shoulders = joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
        # Without hips the shoulders' breadth stands in: a torso is about 1.4 of it.
        torso = 1.4 * _nanmedian(np.linalg.norm(shoulders, axis=-1), TORSO / 1.4)
        torso = max(torso, 1e-6)
    below_chest = chest - np.array([0.0, 0.0, torso], dtype=np.float32)
    origin = np.where(np.isfinite(pelvis), pelvis, below_chest)

    across = joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]
    breadth = joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
    if standard_body:
        # Hips are narrow, and the depth of either is often wrong: shoulders tell with them.
        both = across + breadth
        across = np.where(np.isfinite(both), both, np.where(np.isfinite(across), across, breadth))
    else:
        across = np.where(np.isfinite(across), across, breadth)
    across = across[:, :2]
    seen = _all_finite(across)
    sine, cosine = _left(across, seen, 0 if flat else round(heading_seconds * rate / 2))
    scale = np.float32(TORSO / torso)

    body = _turned((joints - origin[:, None]) * scale, sine[:, None], cosine[:, None])
    if complete:
        body = _completed(body, flat)
    mask = _all_finite(body)
    reach = max(1, round(0.2 * rate))
    heading = np.full((len(joints), 1), np.nan)
    angles = np.arctan2(-across[seen, 0], across[seen, 1])
    wraps = len(angles) > 1 and np.abs(np.diff(angles)).max() > np.pi
    heading[seen, 0] = np.unwrap(angles) if wraps else angles
    motion = _rate_of_change(np.concatenate([origin * scale, heading], axis=1), rate, reach)
    motion[:, :3] = _turned(motion[:, :3], sine, cosine)
    return CanonicalPose(
        joints=np.where(mask[..., None], body, 0.0).astype(np.float32),
        mask=mask,
        root=np.clip(motion, -8.0, 8.0).astype(np.float32),
    )


_LIMBS = tuple(
    (JOINT[f'{side}_{part}'], JOINT[f'{other}_{part}'])
    for part in ('elbow', 'wrist', 'knee', 'ankle')
    for side, other in (('left', 'right'), ('right', 'left'))
)
_ENDS_OF_LIMBS = tuple(joint for joint, _ in _LIMBS)
_HARDLY, _WELL = 0.6, 0.5
"""Of the window, below which a joint is hardly seen, and above which its other side stands in."""


def _completed(body: np.ndarray, flat: bool) -> np.ndarray:
    """Return joints (T, 16, 3), y to the left, in which limbs that are hardly seen are those of the
    other side, mirrored: a push-up seen from the side has two arms. In an image, which is `flat`,
    one side hides the other where both lie at the same place."""
    seen = _all_finite(body)
    often = seen.mean(axis=0)
    if often[list(_ENDS_OF_LIMBS)].min() >= _HARDLY:
        return body
    whole = body.copy()
    for joint, other in _LIMBS:
        if often[joint] < _HARDLY and often[other] > _WELL:
            gone = ~seen[:, joint] & seen[:, other]
            whole[gone, joint] = body[gone, other] * (1.0, 1.0 if flat else -1.0, 1.0)
    return whole


def _left(across: np.ndarray, seen: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (T,) of the body's left, a unit vector, over `reach` steps to both sides.

    Args:
        across: (T, 2) from right to left; seen: (T,) where it is known; reach: 0 for all steps.
    """
    known = np.where(seen[:, None], across, 0.0)
    left = np.broadcast_to(known.mean(axis=0), known.shape)
    if reach:
        sums = np.concatenate([np.zeros((1, 2)), np.cumsum(known, axis=0)])
        steps = np.arange(len(known))
        after, before = np.minimum(steps + reach + 1, len(known)), np.maximum(steps - reach, 0)
        left = (sums[after] - sums[before]) / (after - before)[:, None] + _WHOLE * left
    length = np.hypot(left[:, 0], left[:, 1])
    there = length > 1e-6
    length = np.where(there, length, 1.0)
    sine, cosine = (left / length[:, None]).T
    return np.where(there, sine, 0.0), np.where(there, cosine, 1.0)


def _turned(points: np.ndarray, sine: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Return points (..., 3) turned about z, so that the left of (sine, cosine) lies along y."""
    x, y = points[..., 0], points[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, points[..., 2]], axis=-1)
