"""An ordinary camera's look at a body: tilted, cropped, wrong in depth, joints unseen or swapped.

Sizes are rough. Ordinary videos as MediaPipe sees them show wrists 48 to 99 % of the time, often
no feet or one side alone, bodies tilted by up to some 25 degrees, and hips turned beside the
shoulders.
All of them return canonical joints with z up, as a camera anywhere around the person sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.corruptions.registry import Corruption, Streams, corruption, each
from mujo_core.corruptions.skeletons import layout_of
from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, MIRRORED_JOINTS, canonical_joints

_ARM = ('elbow', 'wrist')
_ARMS = [JOINT[f'{side}_{part}'] for side in ('left', 'right') for part in _ARM]
_FEET = [JOINT['left_ankle'], JOINT['right_ankle']]
_LEGS = [JOINT['left_knee'], JOINT['right_knee'], *_FEET]
_HIPS = [JOINT['left_hip'], JOINT['right_hip'], JOINT['pelvis'], JOINT['spine']]
_CROPS = {'feet': _FEET, 'legs': _LEGS, 'desk': [*_LEGS, *_HIPS]}
_ENDS = {'left_wrist': 1.0, 'right_wrist': 1.0, 'left_ankle': 1.0, 'right_ankle': 1.0,
         'left_elbow': 0.5, 'right_elbow': 0.5, 'left_knee': 0.6, 'right_knee': 0.6,
         'head': 0.2}  # fmt: skip
"""How often a joint is out of sight beside a wrist."""
_ROLL = 0.7
"""Of a camera's pitch."""
_SWAY = 0.15
"""Metres by which a joint's depth wanders at a severity of 1."""
_TWIST = 15.0
"""Degrees by which the hips are seen turned beside the shoulders."""
_BASE = 0.25
"""Seconds a moment lasts at least."""


def _canonical(stream: Stream) -> Stream:
    """Return a pose stream as canonical joints with z up, in an array of its own."""
    if not stream.layout:
        return replace(stream, values=stream.values.copy())
    layout, up = layout_of(stream)
    joints = canonical_joints(stream.values, layout, tuple(up))
    return replace(stream, values=joints, layout='canonical16', up=(0.0, 0.0, 1.0))


def _wander(stamps: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return (T, *shape) smooth noise of unit deviation, of 0.3 to 2 Hz."""
    waves = rng.uniform(0.3, 2.0, size=(3, *shape))
    phases = rng.uniform(0.0, 2 * np.pi, size=(3, *shape))
    time = (stamps - stamps[0]).reshape(-1, *[1] * (len(shape) + 1))
    return np.asarray(np.sin(2 * np.pi * waves * time + phases).sum(axis=1) * (2 / 3) ** 0.5)


def _moment(stamps: np.ndarray, longest: float, rng: np.random.Generator) -> np.ndarray:
    """Return (T,) bool: a stretch of the stream, of `_BASE` to `longest` seconds."""
    lasts = rng.uniform(_BASE, max(longest, _BASE))
    start = rng.uniform(stamps[0] - lasts / 2, stamps[-1])
    return (stamps >= start) & (stamps <= start + lasts)


def _line_of_sight(rng: np.random.Generator) -> np.ndarray:
    """Return the direction (3,) in which a camera somewhere around the person looks."""
    turn, pitch = rng.uniform(0.0, 2 * np.pi), np.deg2rad(rng.normal() * 10.0)
    level = np.array([np.cos(turn), np.sin(turn), 0.0]) * np.cos(pitch)
    return level - np.array([0.0, 0.0, np.sin(pitch)])


def _middle(joints: np.ndarray) -> np.ndarray:
    """Return the median place (3,) of all joints that are seen."""
    seen = joints.reshape(-1, 3)[np.isfinite(joints).all(axis=-1).ravel()]
    return np.median(seen, axis=0) if len(seen) else np.zeros(3)


class _Camera(Corruption):
    """What happens to a skeleton alone."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return each(streams, self.touches, lambda stream: self.see(_canonical(stream), rng))

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return a stream of canonical joints, whose array may be changed, as it is seen."""
        raise NotImplementedError


@corruption('camera_tilted', 'tilted', (10.0, 25.0), 'deg', ('pose',))
@dataclass(frozen=True)
class Tilted(_Camera):
    """The camera is pitched by so much, and rolled a little, and nobody told."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        turn = rng.uniform(0.0, 2 * np.pi)
        across = np.array([-np.sin(turn), np.cos(turn), 0.0])
        ahead = np.array([np.cos(turn), np.sin(turn), 0.0])
        pitch, roll = np.deg2rad(self.level) * np.array(
            [rng.choice([-1.0, 1.0]), rng.normal() * _ROLL]
        )
        turned = Rotation.from_rotvec(pitch * across) * Rotation.from_rotvec(roll * ahead)
        return replace(stream, values=stream.values @ turned.as_matrix().T.astype(np.float32))


@corruption('camera_depth', 'depth', (0.15, 0.33), 'of it', ('pose',))
@dataclass(frozen=True)
class DepthWrong(_Camera):
    """Depth along the line of sight is too large or too small by a share, and wanders."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints, sight = stream.values, _line_of_sight(rng)
        middle = np.where(np.isfinite(joints[:, :1]), joints[:, :1], _middle(joints))
        depth = (joints - middle) @ sight
        error = depth * (np.exp(rng.normal() * self.level) - 1.0)
        sway = self.level * _SWAY * _wander(stream.stamps, (joints.shape[1],), rng)
        whole = self.level * _SWAY * 2.0 * _wander(stream.stamps, (1,), rng)
        moved = joints + ((error + sway + whole)[..., None] * sight)
        return replace(stream, values=moved.astype(np.float32))


@corruption('camera_crops', 'cropped', tuple(_CROPS), touches=('pose',))
@dataclass(frozen=True)
class Cropped(_Camera):
    """The picture ends above the feet, above the knees, or at a desk."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        stream.values[:, _CROPS[str(self.severity)]] = np.nan
        return stream


@corruption('skeleton_joints_unseen', 'unseen', (0.2, 0.5), 'of ends', ('pose',))
@dataclass(frozen=True)
class JointsUnseen(_Camera):
    """A share of the limbs' ends is out of sight for long stretches."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints, lasts = stream.values, stream.stamps[-1] - stream.stamps[0]
        for name, often in _ENDS.items():
            if rng.random() < self.level * often:
                gone = _moment(stream.stamps, 1.5 * lasts, rng)
                joints[gone, JOINT[name]] = np.nan
        return stream


@corruption('skeleton_side_unseen', 'one side', ('arm', 'arm and leg'), touches=('pose',))
@dataclass(frozen=True)
class SideUnseen(_Camera):
    """The body hides its other side from a camera beside it, most of the time."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints, side = stream.values, ('left', 'right')[int(rng.integers(2))]
        parts = ('elbow', 'wrist', 'knee', 'ankle') if 'leg' in str(self.severity) else _ARM
        lasts = stream.stamps[-1] - stream.stamps[0]
        for part in parts:
            gone = _moment(stream.stamps, 2.5 * lasts, rng)
            joints[gone, JOINT[f'{side}_{part}']] = np.nan
        return stream


@corruption('skeleton_twisted', 'twisted', (_TWIST, 2 * _TWIST), 'deg', ('pose',))
@dataclass(frozen=True)
class Twisted(_Camera):
    """Hips and legs are seen turned by so much beside the rest of the body."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints = stream.values
        angle = np.deg2rad(self.level) * rng.normal()
        turn = Rotation.from_rotvec([0.0, 0.0, angle]).as_matrix().T.astype(np.float32)
        lower = [JOINT['left_hip'], JOINT['right_hip'], *_LEGS]
        joints[:, lower] = (joints[:, lower] - joints[:, :1]) @ turn + joints[:, :1]
        return stream


@corruption('skeleton_sides_swap', 'swapped', (1, 3), 'moments', ('pose',))
@dataclass(frozen=True)
class SidesSwap(_Camera):
    """Left and right of the arms, of the legs or of all change places for some moments."""

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints, swapped = stream.values, np.array(MIRRORED_JOINTS)
        for _ in range(round(self.level)):
            some = [_ARMS, _LEGS, list(range(len(swapped)))][int(rng.integers(3))]
            when = np.flatnonzero(_moment(stream.stamps, 0.5, rng))
            joints[np.ix_(when, np.array(some))] = joints[np.ix_(when, swapped[some])]
        return stream


@corruption('skeleton_flat', 'flat', (60.0, 180.0), 'deg', ('pose',))
@dataclass(frozen=True)
class Flat(_Camera):
    """An image's joints: no depth, seen from up to so far around and -10 to 40 degrees above.

    The camera stands 2 to 6 m away and takes in perspective.
    """

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        joints = stream.values
        across = joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
        across = across[np.isfinite(across).all(axis=1)].sum(axis=0)
        ahead = np.arctan2(-across[0], across[1]) if len(across) else 0.0
        around = ahead + np.deg2rad(rng.uniform(-self.level, self.level))
        return replace(stream, values=project(joints, around, np.deg2rad(rng.uniform(-10.0, 40.0)),
                                              rng.uniform(2.0, 6.0)))  # fmt: skip


def project(joints: np.ndarray, around: float, above: float, distance: float) -> np.ndarray:
    """Return (T, 16, 3) joints as a camera's image has them: x to its right, y 0, z up.

    Args:
        joints: (T, 16, 3) metres with z up.
        around: direction in which the camera stands, rad from the x axis; above: its elevation,
            rad; distance: from the middle of the path, metres.
    """
    middle = _middle(joints)
    back = np.array([np.cos(around) * np.cos(above), np.sin(around) * np.cos(above), np.sin(above)])
    right = np.array([-np.sin(around), np.cos(around), 0.0])
    up = np.cross(back, right)
    there = joints - middle
    depth = np.maximum(distance - there @ back, 0.3) / distance
    flat = np.stack(
        [there @ right / depth, np.zeros(joints.shape[:-1]), there @ up / depth], axis=-1
    )
    flat[..., 1] = np.where(np.isfinite(flat[..., 0]), 0.0, np.nan)
    return flat.astype(np.float32)


_ORDINARY = {'mild': (0.4, 0.5), 'hard': (0.7, 1.0)}
"""Share of the errors that happen, and how bad they are beside the worst of each."""


@corruption('ordinary_camera', 'ordinary camera', tuple(_ORDINARY), touches=('pose',))
@dataclass(frozen=True)
class OrdinaryCamera(_Camera):
    """Several of these at once, as in a video that somebody took."""

    parts = frozenset({'tilted', 'depth', 'cropped', 'unseen', 'one side', 'twisted', 'swapped'})

    def see(self, stream: Stream, rng: np.random.Generator) -> Stream:
        """Return the stream as it is seen."""
        often, bad = _ORDINARY[str(self.severity)]
        if rng.random() < often:
            stream = Tilted(25.0 * bad * rng.random()).see(stream, rng)
        if rng.random() < often:
            stream = DepthWrong(0.33 * bad * rng.random()).see(stream, rng)
        if rng.random() < often:
            stream = JointsUnseen(0.5 * bad).see(stream, rng)
        if rng.random() < often:
            stream = Twisted(_TWIST * bad).see(stream, rng)
        if rng.random() < 0.5 * often:
            parts = ('arm', 'arm and leg')[int(rng.integers(2))]
            stream = SideUnseen(parts).see(stream, rng)
        if rng.random() < 0.4 * often:
            stream = SidesSwap(1 + int(rng.integers(3))).see(stream, rng)
        if rng.random() < 0.6 * often:
            crops = list(_CROPS)
            stream = Cropped(crops[int(rng.choice(3, p=(0.5, 0.35, 0.15)))]).see(stream, rng)
        return stream
