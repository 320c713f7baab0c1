"""Where in a recording a person moves, found from one IMU."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from mujo_core.recording import Segment

MARGIN = 0.3
"""Seconds before and after motion that belong to it."""
REST = 1.0
"""Seconds: less is no posture between two motions."""
TURNED = 50.0
"""Degrees between someone who lies and who does not."""

_RATE = 50.0
_SPAN = 0.4  # seconds over which motion is averaged
_STILL = 0.3  # rad/s, or 2 m/s^2 each: breathing and swaying stay below
_SHARE = 0.15  # of the strongest motion: what is below is rest beside it


def motion(stamps: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how strongly a device (N, 6) moves: times on a regular grid, and rad/s there.

    Acceleration counts by how it strays from its mean over a second, 2 m/s^2 as 0.3 rad/s.
    """
    times = np.arange(stamps[0], stamps[-1], 1 / _RATE)
    grid = np.column_stack([np.interp(times, stamps, axis) for axis in samples.T])
    slow = uniform_filter1d(grid[:, :3], round(_RATE), axis=0, mode='nearest')
    strength = (grid[:, 3:] ** 2).sum(1) + ((grid[:, :3] - slow) ** 2).sum(1) * (0.3 / 2.0) ** 2
    mean = uniform_filter1d(strength, round(_SPAN * _RATE), mode='nearest')
    return times, np.sqrt(np.maximum(mean, 0.0))


def bouts(
    stamps: np.ndarray, samples: np.ndarray, bridge: float = 0.8, least: float = 0.3
) -> list[tuple[float, float]]:
    """Return start and end of every stretch in which a device (N, 6) moves.

    Args:
        bridge: seconds of rest that do not part two stretches.
        least: seconds below which a stretch does not count.
    """
    times, strength = motion(stamps, samples)
    if not len(times):
        return []
    moving = strength > max(_STILL, _SHARE * float(np.percentile(strength, 98)))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]])))
    found: list[tuple[float, float]] = []
    for first, last in edges.reshape(-1, 2):
        start, end = float(times[first]), float(times[last - 1])
        if found and start - found[-1][1] < bridge:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, end) for start, end in found if end - start >= least]


def widened(span: tuple[float, float], stamps: np.ndarray) -> tuple[float, float]:
    """Return a stretch with `MARGIN` before and after it, within the recording."""
    return max(span[0] - MARGIN, float(stamps[0])), min(span[1] + MARGIN, float(stamps[-1]))


def moving_part(stamps: np.ndarray, samples: np.ndarray) -> tuple[float, float] | None:
    """Return start and end of all motion of a device (N, 6); None where it rests throughout."""
    found = bouts(stamps, samples)
    return widened((found[0][0], found[-1][1]), stamps) if found else None


def there_and_back(stamps: np.ndarray, samples: np.ndarray) -> list[tuple[float, float]]:
    """Return the two stretches of motion around a rest; none where there are not just two."""
    found = bouts(stamps, samples)
    if len(found) != 2 or found[1][0] - found[0][1] < REST:
        return []
    return [widened(span, stamps) for span in found]


def lying_down(stamps: np.ndarray, samples: np.ndarray) -> list[Segment]:
    """Return how someone lies down, and the rest after it; none where no rest is turned over.

    Args:
        stamps: (N,) seconds; samples: (N, 6) of a device at waist or chest.
    """
    found = bouts(stamps, samples)
    if not found:
        return []
    before = up_between(stamps, samples, stamps[0], max(found[0][0], stamps[0] + MARGIN))
    ends = [*(start for start, _ in found[1:]), float(stamps[-1]) + MARGIN]
    rests = [
        (moved + MARGIN, end - MARGIN)
        for (_, moved), end in zip(found, ends, strict=True)
        if end - moved >= REST
    ]
    lain = [r for r in rests if turned(before, up_between(stamps, samples, *r)) > TURNED]
    if not lain:
        return []
    rest = max(lain, key=lambda span: span[1] - span[0])
    start = widened(found[0], stamps)[0]
    return [Segment('lie_down', start, rest[0]), Segment('lie', *rest)]


def up_between(stamps: np.ndarray, samples: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the mean direction of up (3,) in a device's axes; NaN where there are no samples."""
    inside = (stamps >= start) & (stamps <= end)
    if not inside.any():
        return np.full(3, np.nan)
    mean = samples[inside, :3].mean(axis=0, dtype=float)
    length = float(np.linalg.norm(mean))
    return mean / length if length else np.full(3, np.nan)


def turned(before: np.ndarray, after: np.ndarray) -> float:
    """Return the angle between two directions (3,), degrees; 0 where one is not known."""
    cosine = float(before @ after)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))) if np.isfinite(cosine) else 0.0
