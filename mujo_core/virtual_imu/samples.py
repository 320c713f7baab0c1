"""A device's samples from skeletons: of a whole recording, or as they come."""

from __future__ import annotations

from collections import deque

import numpy as np

from mujo_core.recording import Stream
from mujo_core.virtual_imu.motion import SHORTEST, checked, measure, with_pelvis
from mujo_core.virtual_imu.placements import device_at, needed_joints

MAX_GAP = 0.2
"""Seconds without a needed joint that are bridged; beyond, the stream has a gap."""


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
    device = device_at(placement, rate, cutoff, turn_cutoff)
    stamps, joints = checked(stamps, joints)
    needed = needed_joints(device)
    joints = with_pelvis(joints)
    seen = np.isfinite(joints[:, needed]).all(axis=(1, 2))
    stamps, joints = stamps[seen], joints[seen]
    breaks = np.flatnonzero(np.diff(stamps) > MAX_GAP) + 1
    times: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for run in np.split(np.arange(len(stamps)), breaks):
        if len(run) < 4 or stamps[run[-1]] - stamps[run[0]] < SHORTEST:
            continue
        # one grid for all runs
        first = np.ceil((stamps[run[0]] - stamps[0]) * rate - 1e-6)
        last = np.floor((stamps[run[-1]] - stamps[0]) * rate + 1e-6)
        grid = stamps[0] + np.arange(first, last + 1) / rate
        times.append(grid)
        values.append(measure(stamps[run], joints[run], device, grid, rate, cutoff, turn_cutoff))
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
        self._device = device_at(placement, rate, cutoff)
        if not delay > 0:
            raise ValueError(f'expected a delay above 0 s, {delay} came')
        self._rate, self._cutoff, self._delay = rate, cutoff, delay
        self._needed = needed_joints(self._device)
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
        _, frame = checked(np.array([stamp]), np.asarray(joints)[None])
        frame = with_pelvis(frame)[0]
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
        if count < 1 or newest - oldest < SHORTEST or len(self._frames) < 4:
            return None
        grid = self._next + np.arange(count) / self._rate
        stamps = np.array([stamp for stamp, _ in self._frames])
        joints = np.stack([frame for _, frame in self._frames])
        values = measure(stamps, joints, self._device, grid, self._rate, self._cutoff)
        self._next = grid[-1] + 1.0 / self._rate
        return Stream(grid, values.astype(np.float32))
