"""What an accelerometer and gyroscope on a moving skeleton would measure.

A device on a limb has x along the bone, away from the trunk. Where it faces around the bone
follows the hinge of the limb (elbow, knee): the normal of the plane of its two bones, as far as
they span one, and otherwise where that hinge points when the limb swings there from hanging
without twist. The turn from hinge to the device's y was fitted to UTD-MHAD's wrist and thigh
devices; a device on the left is worn as in a mirror. Devices on chest, waist, back and head have
x forward, y left, z up (REP-103). At rest the accelerometer reads 1 g along up (REP-145).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.recording import Stream
from mujo_core.skeleton import CANONICAL_JOINTS, JOINT

MAX_GAP = 0.2
"""Seconds without a needed joint that are bridged; beyond, the stream has a gap."""

_INNER_RATE = 100.0  # Hz, of the grid on which paths are smoothed
_SHORTEST = 0.3  # s, the least that can be differentiated
_NOISE = 0.3  # m/s^2 of noise that the chosen smoothing may leave in the acceleration
_CUTOFFS = (2.5, 12.0)  # Hz, the least and the most that is chosen
_TWIST_CUTOFF = 2.0  # Hz; the plane of a limb is seen worse than its bone
_TORSO_LENGTH = 0.5  # m, where the pelvis is not seen
_GRAVITY = np.array([0.0, 0.0, STANDARD_GRAVITY])


@dataclass(frozen=True)
class _Limb:
    """A device on a bone.

    Attributes:
        joints: hip, knee, ankle or shoulder, elbow, wrist: the two bones of the limb.
        on: 0 for a device on the first bone, 1 for the second.
        along: where on the bone, as a share of its length.
        beyond: metres further along.
        angle: turn about the bone from the hinge to the device's y, rad.
        start: direction of the bone (forward, left, up of the trunk) from which it swings.
        bend: +1 where the far bone bends forward (elbow), -1 backward (knee).
        straight: how little the limb may bend before its own plane counts less than the swing.
    """

    joints: tuple[str, str, str]
    on: int
    along: float
    beyond: float
    angle: float
    start: tuple[float, float, float]
    bend: float
    straight: float


@dataclass(frozen=True)
class _Trunk:
    """A device on the trunk or head: its joint, the line that gives left, metres from the joint."""

    joint: str
    across: tuple[str, str]
    up: tuple[str, str]
    offset: tuple[float, float, float]


def _limbs() -> dict[str, _Limb]:
    limbs = {}
    for side, left in (('right', -1.0), ('left', 1.0)):
        arm = (f'{side}_shoulder', f'{side}_elbow', f'{side}_wrist')
        leg = (f'{side}_hip', f'{side}_knee', f'{side}_ankle')
        # An arm comes nowhere near the opposite of forward and outward, nor a leg of its own.
        outward, ahead = (0.7, 0.7 * left, 0.0), (0.7, 0.0, -0.7)
        turn = -left * np.deg2rad(60.0)
        limbs[f'{side}_wrist'] = _Limb(arm, 1, 1.0, 0.05, turn, outward, 1.0, 0.5)
        limbs[f'{side}_upper_arm'] = _Limb(arm, 0, 0.5, 0.0, turn, outward, 1.0, 0.5)
        turn = -left * np.deg2rad(75.0)
        limbs[f'{side}_thigh'] = _Limb(leg, 0, 0.5, 0.0, turn, ahead, -1.0, 0.9)
        limbs[f'{side}_pocket'] = _Limb(leg, 0, 0.25, 0.0, turn, ahead, -1.0, 0.9)
        limbs[f'{side}_ankle'] = _Limb(leg, 1, 1.0, -0.08, turn, ahead, -1.0, 0.9)
    return limbs


_SHOULDERS = ('right_shoulder', 'left_shoulder')
_HIPS = ('right_hip', 'left_hip')
_DEVICES: dict[str, _Limb | _Trunk] = {
    **_limbs(),
    'chest': _Trunk('chest', _SHOULDERS, ('pelvis', 'chest'), (0.1, 0.0, -0.1)),
    'back': _Trunk('chest', _SHOULDERS, ('pelvis', 'chest'), (-0.1, 0.0, -0.1)),
    'waist': _Trunk('pelvis', _HIPS, ('pelvis', 'chest'), (0.1, 0.0, 0.08)),
    'head': _Trunk('head', _SHOULDERS, ('chest', 'head'), (0.09, 0.0, 0.03)),
}

PLACEMENTS = tuple(_DEVICES)
"""Placements that a virtual device can have."""


def virtual_imu(
    stamps: np.ndarray,
    joints: np.ndarray,
    placement: str,
    rate: float = 50.0,
    cutoff: float | None = None,
    turn_cutoff: float | None = None,
) -> Stream:
    """Compute an IMU's samples from canonical joints that keep the body's path.

    Args:
        stamps: (N,) s, strictly increasing.
        joints: (N, 16, 3) metres, z up, NaN where not seen (see `canonical_joints`).
        placement: one of `PLACEMENTS`.
        rate: samples a second of the result.
        cutoff: Hz, where the joints' motion is cut off; None chooses it by their noise.
            About 2.3 suits a depth camera.
        turn_cutoff: Hz, the same for the device's attitude, which short bones with noisy ends
            give worse than its place; None for `cutoff`. About 1.6 suits a depth camera.

    Returns:
        (M, 6) specific force in m/s^2 and angular velocity in rad/s, in the device's axes. Where
        the joints it needs are missing for longer than `MAX_GAP` there are no samples.

    Raises:
        ValueError: unknown placement, wrong shapes, a rate or cutoff that is not positive, or
            stamps that do not increase.
    """
    device = _device(placement, rate, cutoff, turn_cutoff)
    stamps, joints = _checked(stamps, joints)
    needed = _needed(device)
    joints = _with_pelvis(joints)
    seen = np.isfinite(joints[:, needed]).all(axis=(1, 2))
    stamps, joints = stamps[seen], joints[seen]
    breaks = np.flatnonzero(np.diff(stamps) > MAX_GAP) + 1
    times: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for run in np.split(np.arange(len(stamps)), breaks):
        if len(run) < 4 or stamps[run[-1]] - stamps[run[0]] < _SHORTEST:
            continue
        # one grid for all runs
        first = np.ceil((stamps[run[0]] - stamps[0]) * rate - 1e-6)
        last = np.floor((stamps[run[-1]] - stamps[0]) * rate + 1e-6)
        grid = stamps[0] + np.arange(first, last + 1) / rate
        times.append(grid)
        values.append(_measure(stamps[run], joints[run], device, grid, rate, cutoff, turn_cutoff))
    if not times:
        return Stream(np.zeros(0), np.zeros((0, 6), np.float32))
    return Stream(np.concatenate(times), np.concatenate(values).astype(np.float32))


class OnlineVirtualImu:
    """The same from live skeletons, `delay` behind the newest; memory does not grow.

    Args:
        placement: one of `PLACEMENTS`.
        rate: samples a second.
        cutoff: Hz, where the joints' motion is cut off.
        delay: s, how far behind the newest skeleton the samples end; more is smoother.

    Raises:
        ValueError: unknown placement, or a number that is not positive.
    """

    _SPAN = 1.2  # s of skeletons that a sample is computed from

    def __init__(
        self, placement: str, rate: float = 50.0, cutoff: float = 3.0, delay: float = 0.15
    ) -> None:
        self._device = _device(placement, rate, cutoff)
        if not delay > 0:
            raise ValueError(f'expected a delay above 0 s, {delay} came')
        self._rate, self._cutoff, self._delay = rate, cutoff, delay
        self._needed = _needed(self._device)
        self._frames: deque[tuple[float, np.ndarray]] = deque()
        self._next = np.nan

    def reset(self) -> None:
        """Forget all skeletons."""
        self._frames.clear()
        self._next = np.nan

    def add(self, stamp: float, joints: np.ndarray) -> Stream | None:
        """Take a skeleton; return the samples that became known with it, or None.

        A skeleton without the joints that the placement needs, or not newer than the last, is
        passed over; a gap longer than `MAX_GAP`, or a stamp more than 2 s back, starts anew.

        Args:
            stamp: s.
            joints: (16, 3) metres, z up, NaN where not seen.

        Raises:
            ValueError: another shape.
        """
        _, frame = _checked(np.array([stamp]), np.asarray(joints)[None])
        frame = _with_pelvis(frame)[0]
        if not np.isfinite(frame[self._needed]).all() or not np.isfinite(stamp):
            return None
        if self._frames:
            newest = self._frames[-1][0]
            if stamp - newest > MAX_GAP or stamp < newest - 2.0:
                self.reset()
            elif stamp <= newest:
                return None
        self._frames.append((stamp, frame))
        if len(self._frames) == 1:
            self._next = stamp
        while stamp - self._frames[0][0] > self._SPAN:
            self._frames.popleft()
        return self._advance(stamp)

    def _advance(self, newest: float) -> Stream | None:
        oldest = self._frames[0][0]
        count = int(np.floor((newest - self._delay - self._next) * self._rate + 1e-6)) + 1
        if count < 1 or newest - oldest < _SHORTEST or len(self._frames) < 4:
            return None
        grid = self._next + np.arange(count) / self._rate
        stamps = np.array([stamp for stamp, _ in self._frames])
        joints = np.stack([frame for _, frame in self._frames])
        values = _measure(stamps, joints, self._device, grid, self._rate, self._cutoff)
        self._next = grid[-1] + 1.0 / self._rate
        return Stream(grid, values.astype(np.float32))


def _device(placement: str, rate: float, *cutoffs: float | None) -> _Limb | _Trunk:
    if placement not in _DEVICES:
        raise ValueError(f'expected a placement out of {", ".join(PLACEMENTS)}; {placement!r} came')
    given = [rate, *(cutoff for cutoff in cutoffs if cutoff is not None)]
    if not all(number > 0 for number in given):
        came = ' and '.join(map(str, given))
        raise ValueError(f'expected a rate and cutoffs above 0 Hz; {came} came')
    return _DEVICES[placement]


def _checked(stamps: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def _with_pelvis(joints: np.ndarray) -> np.ndarray:
    """Put a pelvis that is not seen straight below the chest."""
    joints = joints.copy()
    below = joints[:, JOINT['chest']] - [0.0, 0.0, _TORSO_LENGTH]
    pelvis = joints[:, JOINT['pelvis']]
    joints[:, JOINT['pelvis']] = np.where(np.isfinite(pelvis), pelvis, below)
    return joints


def _needed(device: _Limb | _Trunk) -> list[int]:
    if isinstance(device, _Trunk):
        names = {device.joint, *device.across, *device.up}
    else:
        names = {'pelvis', 'chest', *device.joints, *_across(device)}
    return sorted(JOINT[name] for name in names)


def _across(limb: _Limb) -> tuple[str, str]:
    return _SHOULDERS if 'shoulder' in limb.joints[0] else _HIPS


def _measure(
    stamps: np.ndarray,
    joints: np.ndarray,
    device: _Limb | _Trunk,
    times: np.ndarray,
    rate: float,
    cutoff: float | None,
    turn_cutoff: float | None = None,
) -> np.ndarray:
    """Return the samples (M, 6) of a device at `times`, all joints it needs being finite."""
    start = stamps[0]
    needed = _needed(device)
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
        if isinstance(device, _Trunk):
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


def _on_trunk(joints: np.ndarray, trunk: _Trunk) -> tuple[np.ndarray, np.ndarray]:
    axes = _triad(joints, trunk.across, trunk.up)
    return joints[:, JOINT[trunk.joint]] + axes @ np.array(trunk.offset), axes


def _on_limb(joints: np.ndarray, limb: _Limb, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return place (N, 3) and axes as columns (N, 3, 3)."""
    ends = [joints[:, JOINT[name]] for name in limb.joints]
    bones = [_unit(ends[1] - ends[0]), _unit(ends[2] - ends[1])]
    bone = bones[limb.on]
    body = _triad(joints, _across(limb), ('pelvis', 'chest'))
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
