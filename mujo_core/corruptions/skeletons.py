"""Skeletons that are mirrored, turned away, partly hidden, shaky, or another sensor's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.corruptions.registry import Corruption, Streams, corruption, each
from mujo_core.layouts import Layout, get_layout
from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, canonical_joints

_ARM = ('elbow', 'wrist', 'hand', 'hand_tip', 'pinky', 'index', 'thumb')
_LEG = ('knee', 'ankle', 'foot', 'heel', 'big_toe', 'small_toe')
_JUMP = 0.3
"""Metres, the deviation of a joint that jumps."""
_OFFSETS = {
    'h36m17': {'hip': (1.35, -0.06), 'shoulder': (0.9, 0.02)},
    'mediapipe33': {'hip': (1.2, -0.04), 'shoulder': (0.95, 0.0)},
}
"""Where these put hips and shoulders beside a Kinect: breadth as a factor, height in m; rough."""


def layout_of(stream: Stream) -> tuple[Layout, np.ndarray]:
    """Return the layout of a pose stream and its direction of up (3,)."""
    layout = get_layout(stream.layout or 'canonical16')
    return layout, np.asarray(layout.up if stream.up is None else stream.up, dtype=float)


@corruption('skeleton_mirrored', 'mirrored', ('',), touches=('pose',))
@dataclass(frozen=True)
class Mirrored(Corruption):
    """The sensor mirrors its image: left and right change places."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return each(streams, self.touches, self._mirror)

    @staticmethod
    def _mirror(stream: Stream) -> Stream:
        _, up = layout_of(stream)
        level = np.eye(3)[np.argmin(np.abs(up))]
        across = level - up * (level @ up) / (up @ up)
        across /= np.linalg.norm(across)
        flip = (np.eye(3) - 2.0 * np.outer(across, across)).astype(np.float32)
        return replace(stream, values=stream.values @ flip)


@corruption('skeleton_seen_from', 'view', (45.0, 90.0, 135.0, 180.0), 'deg', ('pose',))
@dataclass(frozen=True)
class SeenFrom(Corruption):
    """The camera stands so many degrees around the person; what it cannot see is not modelled."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        angle = np.deg2rad(self.level) * rng.choice([-1.0, 1.0])

        def turn(stream: Stream) -> Stream:
            _, up = layout_of(stream)
            matrix = Rotation.from_rotvec(angle * up / np.linalg.norm(up)).as_matrix()
            return replace(stream, values=stream.values @ matrix.T.astype(np.float32))

        return each(streams, self.touches, turn)


def limbs(layout: Layout) -> list[list[int]]:
    """Return the joints of both arms and both legs, beyond shoulder and hip, as places."""
    found = []
    for side in ('left', 'right'):
        for parts in (_ARM, _LEG):
            names = [f'{side}_{part}' for part in parts]
            found.append([layout.index[name] for name in names if name in layout.index])
    return [limb for limb in found if limb]


@corruption('skeleton_limbs_hidden', 'hidden', (1, 2), 'limbs', ('pose',))
@dataclass(frozen=True)
class LimbsHidden(Corruption):
    """So many arms and legs are never seen."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def hide(stream: Stream) -> Stream:
            there = limbs(layout_of(stream)[0])
            count = min(int(self.level), len(there))
            values = stream.values.copy()
            for limb in rng.permutation(len(there))[:count]:
                values[:, there[int(limb)]] = np.nan
            return replace(stream, values=values)

        return each(streams, self.touches, hide)


@corruption('skeleton_joints_jump', 'jumping', (0.02, 0.1), touches=('pose',))
@dataclass(frozen=True)
class JointsJump(Corruption):
    """A share of the joints is for a frame somewhere else, by 0.3 m or so."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def jump(stream: Stream) -> Stream:
            values = stream.values.copy()
            hit = rng.random(values.shape[:2]) < self.level
            values[hit] += (rng.normal(size=(int(hit.sum()), 3)) * _JUMP).astype(np.float32)
            return replace(stream, values=values)

        return each(streams, self.touches, jump)


@corruption('skeleton_layout', 'layout', tuple(_OFFSETS), touches=('pose',))
@dataclass(frozen=True)
class OtherLayout(Corruption):
    """Another sensor's joints: its list, and hips and shoulders where it puts them.

    Joints that the sensor at hand does not have (toes, eyes) are not seen.
    """

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return each(streams, self.touches, self._converted)

    def _converted(self, stream: Stream) -> Stream:
        layout = get_layout(str(self.severity))
        joints = canonical_joints(stream.values, *layout_of(stream), worn=True)
        for part, (breadth, height) in _OFFSETS[layout.name].items():
            pair = [JOINT[f'left_{part}'], JOINT[f'right_{part}']]
            middle = joints[:, pair].mean(axis=1, keepdims=True)
            joints[:, pair] = middle + breadth * (joints[:, pair] - middle)
            joints[:, pair, 2] += height
        values = np.full((len(joints), len(layout.joints), 3), np.nan, dtype=np.float32)
        for name, place in JOINT.items():
            if name in layout.index:
                values[:, layout.index[name]] = joints[:, place]
        for name in layout.head[0]:
            values[:, layout.index[name]] = joints[:, JOINT['head']]
        return replace(stream, values=values, layout=layout.name, up=(0.0, 0.0, 1.0))
