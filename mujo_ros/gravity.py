"""Tells by the length of an accelerometer's readings whether they are in m/s^2 with gravity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SECONDS_A_LOOK = 2.0
LOOKS_THAT_AGREE = 2
SAMPLES_A_LOOK = 10  # fewer say nothing
IN_G = (0.85, 1.25)  # mean length, of readings in g
NO_GRAVITY = 0.5  # m/s^2, mean length
STEADY = 0.3  # standard deviation of the length


class GravityWatch:
    """Looks at what an IMU reads, two seconds at a time.

    Velocity is bounded, so over seconds the specific force of whatever is worn averages to
    gravity: no motion brings the mean length of a reading in m/s^2 near 1 or 0.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the samples (time has jumped)."""
        self._samples: list[NDArray[np.float32]] = []
        self._start = 0.0
        self._finding = ''
        self._looks = 0

    def __call__(self, stamps: float | NDArray[np.float64], samples: NDArray[np.float32]) -> str:
        """Take in a sample (6,) of a stamp in s, or samples (N, 6) of increasing stamps (N,).

        Returns:
            A kind of trouble once the last looks agree on it, ``'acceleration_in_g'`` or
            ``'no_gravity'``; ``''`` for none and between looks.
        """
        stamps, samples = np.atleast_1d(stamps), np.atleast_2d(samples)
        said = ''
        while len(stamps):
            if not self._samples:
                self._start = float(stamps[0])
            over = stamps - self._start >= SECONDS_A_LOOK
            count = int(over.argmax()) + 1 if over.any() else len(stamps)
            self._samples.append(samples[:count])
            if over.any():
                said = self._judge() or said
            stamps, samples = stamps[count:], samples[count:]
        return said

    def _judge(self) -> str:
        """End a look; the trouble that the last looks agree on, or ''."""
        finding = _look(np.concatenate(self._samples)[:, :3])
        self._samples.clear()
        self._looks = self._looks + 1 if finding == self._finding else 1
        self._finding = finding
        return finding if self._looks >= LOOKS_THAT_AGREE else ''


def _look(acceleration: NDArray[np.float32]) -> str:
    if len(acceleration) < SAMPLES_A_LOOK:
        return ''
    lengths = np.linalg.norm(acceleration, axis=1)
    mean = float(lengths.mean())
    if mean < NO_GRAVITY:
        return 'no_gravity'
    if IN_G[0] < mean < IN_G[1] and float(lengths.std()) < STEADY:
        return 'acceleration_in_g'
    return ''
