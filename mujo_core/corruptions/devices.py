"""IMUs that clip, fail, are biased, sit turned on the body, or are worn elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.corruptions.registry import Corruption, Streams, corruption, each
from mujo_core.inertial import MIRRORED, STANDARD_GRAVITY, rotate_device
from mujo_core.recording import Stream
from mujo_core.skeleton import canonical_joints
from mujo_core.virtual_imu import PLACEMENTS, virtual_imu

_DPS_A_G = 125.0
"""Consumer devices pair a range of 2 g with 250 deg/s, 4 g with 500 deg/s, and so on."""
_RADIANS_A_METRE = 0.1
"""Bias of a gyroscope (rad/s) beside that of an accelerometer (m/s^2)."""


@corruption('imu_saturated', 'device', (4.0, 2.0), 'g', ('imu',))
@dataclass(frozen=True)
class Saturated(Corruption):
    """The device was set to a range of so many g, and of 125 deg/s for each of them."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        bounds = np.repeat([STANDARD_GRAVITY, np.deg2rad(_DPS_A_G)], 3) * self.level
        bounds = bounds.astype(np.float32)
        return each(
            streams, self.touches, lambda s: replace(s, values=np.clip(s.values, -bounds, bounds))
        )


@corruption('imu_axis_dead', 'device', ('accelerometer', 'gyroscope'), touches=('imu',))
@dataclass(frozen=True)
class DeadAxis(Corruption):
    """One axis of the sensor reads zero."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        first = 0 if self.severity == 'accelerometer' else 3

        def kill(stream: Stream) -> Stream:
            values = stream.values.copy()
            values[:, first + rng.integers(3)] = 0.0
            return replace(stream, values=values)

        return each(streams, self.touches, kill)


@corruption('imu_biased', 'device', (0.5, 1.5), 'm/s^2', ('imu',))
@dataclass(frozen=True)
class Biased(Corruption):
    """A constant of a random direction is added; to the gyroscope a tenth of it, in rad/s."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def bias(stream: Stream) -> Stream:
            way = rng.normal(size=(2, 3))
            way *= self.level / np.linalg.norm(way, axis=1, keepdims=True)
            way[1] *= _RADIANS_A_METRE
            return replace(stream, values=(stream.values + way.ravel()).astype(np.float32))

        return each(streams, self.touches, bias)


@corruption('imu_turned', 'turned', (30.0, 'any'), 'deg', ('imu',))
@dataclass(frozen=True)
class Turned(Corruption):
    """The device sits turned by so many degrees about a random axis, or in any attitude at all."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def turn(stream: Stream) -> Stream:
            if self.severity == 'any':
                quaternion = rng.normal(size=4)
                rotation = Rotation.from_quat(quaternion / np.linalg.norm(quaternion))
            else:
                axis = rng.normal(size=3)
                axis *= np.deg2rad(self.level) / np.linalg.norm(axis)
                rotation = Rotation.from_rotvec(axis)
            return replace(stream, values=rotate_device(stream.values, rotation.as_matrix()))

        return each(streams, self.touches, turn)


@corruption('imu_other_side', 'worn elsewhere', ('told', 'not told'), touches=('imu',))
@dataclass(frozen=True)
class OtherSide(Corruption):
    """The device is worn on the other wrist (or thigh), and its topic says so or does not.

    What it would measure there is computed from the skeleton (`mujo_core.virtual_imu`); where
    there is none, or no such place, the device stays where it is.
    """

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        pose = streams.get('pose')
        changed = {}
        for name, stream in streams.items():
            modality, _, placement = name.partition('/')
            other = MIRRORED.get(placement, placement)
            sided = modality == 'imu' and other in PLACEMENTS and other != placement
            if sided and pose is not None:
                layout = pose.layout or 'canonical16'
                joints = canonical_joints(pose.values, layout, pose.up, worn=True)
                there = virtual_imu(pose.stamps, joints, other)
                if len(there):
                    stream = there
                    name = f'imu/{other}' if self.severity == 'told' else name
            changed[name] = stream
        return changed
