"""Joint lists of the common sensors, and the one canonical pose that every model sees.

Frames follow REP-103: metres, x forward, y left, z up. A joint that is not seen is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

CANONICAL_JOINTS = (
    'pelvis', 'spine', 'chest', 'head',
    'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
JOINT = {name: index for index, name in enumerate(CANONICAL_JOINTS)}

PARENTS = (0, 0, 1, 2, 2, 2, 4, 5, 6, 7, 0, 0, 10, 11, 12, 13)
"""Each canonical joint's parent: bone j runs from ``PARENTS[j]`` to j (the root's has length 0)."""

MIRRORED_JOINTS = tuple(
    JOINT[n.replace('left', 'right') if 'left' in n else n.replace('right', 'left')]
    for n in CANONICAL_JOINTS
)
"""The canonical joint on the other side of the body."""

MAX_DISTANCE = 1e4
"""m: a joint further from its frame's origin is no measurement."""
TORSO = 0.5
"""Length from pelvis to chest of a canonical pose."""


@dataclass(frozen=True)
class Layout:
    """A sensor's joint list.

    Attributes:
        name: how parameters and files call it.
        joints: joint names in the sensor's order.
        dimensions: 3, or 2 for image coordinates (x right, y down, z zero).
        up: direction of up in the frame in which the sensor usually reports.
        head: joints whose mean is the centre of the head, in order of preference.
        forward: (from, to) pairs of joints that point where a body faces.
    """

    name: str
    joints: tuple[str, ...]
    dimensions: int = 3
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    head: tuple[tuple[str, ...], ...] = (('head',),)
    forward: tuple[tuple[str, str], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Joint name to its place in the list."""
        return {name: index for index, name in enumerate(self.joints)}

    def find(self, *names: str) -> list[int] | None:
        """Return the places of `names`, or None when the layout lacks one of them."""
        if all(name in self.index for name in names):
            return [self.index[name] for name in names]
        return None


def _sided(*names: str) -> tuple[str, ...]:
    return tuple(f'{side}_{name}' for name in names for side in ('left', 'right'))


_TOES = (('left_ankle', 'left_foot'), ('right_ankle', 'right_foot'))

LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout('canonical16', CANONICAL_JOINTS),
        Layout(
            'mediapipe33',
            (
                'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner',
                'right_eye', 'right_eye_outer', *_sided('ear'), 'mouth_left', 'mouth_right',
                *_sided('shoulder', 'elbow', 'wrist', 'pinky', 'index', 'thumb', 'hip', 'knee',
                        'ankle', 'heel', 'foot'),
            ),
            up=(0.0, -1.0, 0.0),
            head=(('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',)),
            forward=(('left_heel', 'left_foot'), ('right_heel', 'right_foot'),
                     ('left_ear', 'nose'), ('right_ear', 'nose')),
        ),
        Layout(
            'kinect20',
            (
                'head', 'shoulder_center', 'spine', 'hip_center',
                'left_shoulder', 'left_elbow', 'left_wrist', 'left_hand',
                'right_shoulder', 'right_elbow', 'right_wrist', 'right_hand',
                'left_hip', 'left_knee', 'left_ankle', 'left_foot',
                'right_hip', 'right_knee', 'right_ankle', 'right_foot',
            ),
            up=(0.0, 1.0, 0.0),
            forward=_TOES,
        ),
        Layout(
            'h36m17',
            (
                'pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee',
                'left_ankle', 'spine', 'thorax', 'nose', 'head_top', 'left_shoulder', 'left_elbow',
                'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist',
            ),
            head=(('nose', 'head_top'), ('head_top',), ('nose',)),
            forward=(('head_top', 'nose'),),
        ),
        Layout(
            'coco17',
            ('nose', *_sided('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')),
            dimensions=2,
            up=(0.0, -1.0, 0.0),
            head=(('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',)),
        ),
        Layout(
            'openpose18',
            (
                'nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
                'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip',
                'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear',
            ),
            dimensions=2,
            up=(0.0, -1.0, 0.0),
            head=(('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',)),
        ),
    )
}  # fmt: skip


def get_layout(name: str | Layout) -> Layout:
    """Return the layout of that name; ValueError names the known ones."""
    if isinstance(name, Layout):
        return name
    if name not in LAYOUTS:
        raise ValueError(
            f'expected a skeleton layout out of {", ".join(sorted(LAYOUTS))}; {name!r} came'
        )
    return LAYOUTS[name]


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
) -> np.ndarray:
    """Take a sensor's joints to the canonical joints with z up.

    Pelvis and chest are the midpoints of hips and shoulders and the spine lies midway between
    them, so that they mean the same whatever the sensor calls its centre joints. Heading and
    origin stay as they are.

    Args:
        xyz: (..., J, 3) metres in the sensor's frame, NaN where a joint is not seen.
        layout: the sensor's layout.
        up: direction of up in that frame; None for the layout's usual one.

    Returns:
        (..., 16, 3) float32, NaN where not seen.

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
    for name, index in JOINT.items():
        if '_' in name and name in layout.index:
            joints[..., index, :] = xyz[..., layout.index[name], :]
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
        joints: (T, 16, 3) float32; the pelvis is the origin, the torso measures 0.5, the mean hip
            line lies along y, z is up; 0 where masked.
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


def canonical_pose(joints: np.ndarray, rate: float) -> CanonicalPose:
    """Centre, turn and scale a window of canonical joints by the body itself.

    Args:
        joints: (T, 16, 3) metres with z up, NaN where not seen (see `canonical_joints`).
        rate: steps a second.
    """
    joints = np.asarray(joints, dtype=np.float32)
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
    across = np.where(np.isfinite(across), across, breadth)[:, :2]
    seen = _all_finite(across)
    left = across[seen].sum(axis=0) if seen.any() else np.array([0.0, 1.0])
    length = float(np.hypot(*left))
    sine, cosine = (left[0] / length, left[1] / length) if length > 1e-6 else (0.0, 1.0)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]], np.float32)
    scale = np.float32(TORSO / torso)

    body = (joints - origin[:, None]) @ turn.T * scale
    mask = _all_finite(body)
    reach = max(1, round(0.2 * rate))
    heading = np.full((len(joints), 1), np.nan)
    angles = np.arctan2(-across[seen, 0], across[seen, 1])
    wraps = len(angles) > 1 and np.abs(np.diff(angles)).max() > np.pi
    heading[seen, 0] = np.unwrap(angles) if wraps else angles
    path = np.concatenate([origin @ turn.T * scale, heading], axis=1)
    return CanonicalPose(
        joints=np.where(mask[..., None], body, 0.0).astype(np.float32),
        mask=mask,
        root=np.clip(_rate_of_change(path, rate, reach), -8.0, 8.0).astype(np.float32),
    )


def estimate_up(xyz: np.ndarray, layout: str | Layout) -> tuple[float, float, float] | None:
    """Find which signed axis of the sensor's frame is up for an upright body.

    Args:
        xyz: (N, J, 3) frames of one person in the sensor's frame.
        layout: the sensor's layout.

    Returns:
        One of the six signed axes, or None where too little is seen or no axis stands out (a body
        that leans, lies or bends over).
    """
    layout = get_layout(layout)
    joints = canonical_joints(xyz, layout, up=(0.0, 0.0, 1.0))
    ankles = joints[:, [JOINT['left_ankle'], JOINT['right_ankle']]].mean(axis=1)
    torso = joints[:, 2] - joints[:, 0]
    legs = np.where(np.isfinite(ankles), joints[:, 0] - ankles, 0.0)
    upward = torso + legs
    upward = upward[np.isfinite(upward).all(axis=1)]
    if not len(upward):
        return None
    mean = upward.sum(axis=0)
    length = np.linalg.norm(mean)
    axis = int(np.argmax(np.abs(mean)))
    if length < 1e-6 or abs(mean[axis]) / length < 0.75:
        return None
    result = [0.0, 0.0, 0.0]
    result[axis] = float(np.sign(mean[axis]))
    return (result[0], result[1], result[2])


_BENT = np.deg2rad(30.0)


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angles (N,) between vectors (N, 3), NaN where one is not seen."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.arctan2(across, (first * second).sum(axis=-1))


def handedness(
    xyz: np.ndarray,
    layout: str | Layout,
    up: tuple[float, float, float] | np.ndarray | None = None,
) -> float:
    """Say whether left and right of a skeleton are where a body has them.

    A body's left side, its up and the way its feet, nose, bent knees and hands point make a
    right-handed system. Where a sensor mirrors its image or swaps its names they make a
    left-handed one.

    Args:
        xyz: (N, J, 3) frames of one person.
        layout: the sensor's layout, of three dimensions.
        up: direction of up in the frame; None for the layout's usual one.

    Returns:
        -1..1: positive for a body as it is, negative for one whose left and right are swapped,
        0 where nothing tells (two dimensions, or no foot, nose, bent knee or hand seen).
        Below -0.3 it is a finding.
    """
    layout = get_layout(layout)
    if layout.dimensions == 2 or not len(xyz):
        return 0.0
    turn = rotation_to_z_up(layout.up if up is None else up)
    points = np.asarray(xyz, dtype=float) @ turn.T
    joints = canonical_joints(xyz, layout, up).astype(float)
    left = joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]
    left = left + joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
    forward = np.cross(left, [0.0, 0.0, 1.0])
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    evidence = [
        points[:, layout.index[tip]] - points[:, layout.index[base]] for base, tip in layout.forward
    ]
    for side in ('left', 'right'):
        hip, knee, ankle = (joints[:, JOINT[f'{side}_{n}']] for n in ('hip', 'knee', 'ankle'))
        # A knee only bends forward: it lies before the middle of the line from hip to ankle.
        # Depth sensors see a straight one bent a little backward, so that it tells nothing.
        bent = _angle(knee - hip, ankle - knee) > _BENT
        evidence.append(np.where(bent[:, None], knee - (hip + ankle) / 2, 0.0))
        # Hands work before the body, mostly.
        shoulder, wrist = joints[:, JOINT[f'{side}_shoulder']], joints[:, JOINT[f'{side}_wrist']]
        evidence.append(0.1 * (wrist - shoulder))
    score = np.stack([(vector * forward).sum(axis=-1) for vector in evidence], axis=1)
    score = score[np.isfinite(score).any(axis=1)]
    if not len(score):
        return 0.0
    total = np.nansum(score, axis=1)
    return float(total.sum() / max(np.abs(total).sum(), 1e-9))
