"""When a fall happens in a recording that says only that it holds one."""

from __future__ import annotations

import numpy as np

from mujo_core.datasets._motion import TURNED, motion, turned, up_between
from mujo_core.recording import Segment

BEFORE, AFTER = 1.2, 0.8
"""Seconds around the impact that are the fall."""

_LIES = 2.0  # seconds after the impact from which a person who does not move lies
_LEAST_LIE = 1.0
_STILL = 0.5  # rad/s, see `motion`
_PEAK_SPAN = 0.8  # seconds; one impact rings for so long
_SHARE = 0.5  # of the strongest peak: weaker ones are none
_REST = 0.4  # of the motion around an impact: what is left of it soon after


def impact(stamps: np.ndarray, acceleration: np.ndarray) -> float:
    """Return the time of the impact in a recording of one fall.

    It is the strongest peak of specific force after which a person rests, or is turned over.

    Args:
        stamps: (N,) seconds; acceleration: (N, 3) m/s^2, with gravity.
    """
    force = np.linalg.norm(acceleration, axis=1)
    left = force.copy()
    while left.max() >= _SHARE * force.max():
        time = float(stamps[left.argmax()])
        if _settles(stamps, acceleration, time):
            return time
        left[np.abs(stamps - time) < _PEAK_SPAN] = 0.0
    return float(stamps[force.argmax()])


def _settles(stamps: np.ndarray, acceleration: np.ndarray, time: float) -> bool:
    after = (stamps >= time + 1.0) & (stamps <= time + 2.5)
    around = np.abs(stamps - time) <= 1.0
    if after.sum() < 3 or around.sum() < 3:
        return False
    rest = acceleration[after].std(axis=0).max() < _REST * acceleration[around].std(axis=0).max()
    before = up_between(stamps, acceleration, time - 3.0, time - 1.0)
    angle = turned(before, up_between(stamps, acceleration, time + 1.0, time + 2.5))
    return bool(angle > 40.0 or (rest and not np.isfinite(before).all()))


def fall_segments(stamps: np.ndarray, samples: np.ndarray, label: str) -> list[Segment]:
    """Return the fall in a recording (N, 6) of one, and that the person lies after it if so."""
    time = impact(stamps, samples[:, :3])
    start, last = max(time - BEFORE, float(stamps[0])), float(stamps[-1])
    segments = [Segment(label, start, min(time + AFTER, last))]
    times, strength = motion(stamps, samples)
    moves = times[(times >= time + _LIES) & (strength > _STILL)]
    end = float(moves[0]) if len(moves) else last
    before = up_between(stamps, samples, stamps[0], min(stamps[0] + 1.0, start))
    lies = turned(before, up_between(stamps, samples, time + _LIES, end)) > TURNED
    if lies and end - (time + _LIES) >= _LEAST_LIE:
        segments.append(Segment('lie', time + _LIES, end))
    return segments
