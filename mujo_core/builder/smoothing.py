"""Paths of joints: gaps bridged up to a limit, noise taken out, fast motion kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

_SPEED_CUTOFF = 1.5  # Hz, of the speed that the smoothing follows


def bridge_gaps(stamps: np.ndarray, values: np.ndarray, max_gap: float) -> np.ndarray:
    """Interpolate joints linearly where they are unseen for no longer than `max_gap`.

    Args:
        stamps: (T,) s; values: (T, J, D), NaN where not seen.
        max_gap: s between the samples around a gap.

    Returns:
        (T, J, D); longer gaps, and the ends, stay NaN.
    """
    values = values.copy()
    for joint in range(values.shape[1]):
        seen = np.flatnonzero(np.isfinite(values[:, joint]).all(axis=1))
        for first, last in pairwise(seen):
            if last - first < 2 or stamps[last] - stamps[first] > max_gap + 1e-6:
                continue
            inside = slice(first + 1, last)
            share = (stamps[inside] - stamps[first]) / (stamps[last] - stamps[first])
            step = values[last, joint] - values[first, joint]
            values[inside, joint] = values[first, joint] + share[:, None] * step
    return values


def without_spikes(values: np.ndarray, width: int, limit: float) -> np.ndarray:
    """Take out samples that lie off the median of those around them.

    Args:
        values: (T, J, D), NaN where not seen.
        width: odd number of samples; motion that goes on for half of them is kept however fast.
        limit: the largest distance that is kept.
    """
    around = np.pad(values, ((width // 2, width // 2), (0, 0), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, width, axis=0)
    seen = np.isfinite(values).all(axis=2)
    middle = np.full(values.shape, np.nan)
    middle[seen] = np.nanmedian(windows[seen], axis=-1)
    off = np.linalg.norm(values - middle, axis=2) > limit
    return np.where(off[..., None], np.nan, values)


def smooth(
    stamps: np.ndarray, values: np.ndarray, slowest: float, gain: float, max_gap: float
) -> np.ndarray:
    """Smooth paths without delay by one-euro filters that run forward and backward.

    The cutoff rises with a joint's speed, so that rest is steady and a fast motion keeps its reach
    (Casiez, Roussel and Vogel 2012); the mean of both directions has no lag.

    Args:
        stamps: (T,) s; values: (T, J, D), NaN where not seen.
        slowest: Hz, cutoff at rest; gain: Hz more for each unit of speed.
        max_gap: s without a joint after which it begins anew.

    Returns:
        (T, J, D), NaN where `values` is.
    """
    back = slice(None, None, -1)
    how = (slowest, gain, max_gap)
    # Each begins where the other arrives: a path does not hang on its first and last sample.
    start = _one_euro(-stamps[back], values[back], values[back], *how)[back]
    forward = _one_euro(stamps, values, start, *how)
    backward = _one_euro(-stamps[back], values[back], forward[back], *how)[back]
    mean: np.ndarray = (forward + backward) / 2
    return mean


def _one_euro(
    stamps: np.ndarray,
    values: np.ndarray,
    start: np.ndarray,
    slowest: float,
    gain: float,
    max_gap: float,
) -> np.ndarray:
    """Filter in one direction; where a joint begins, it begins at `start`."""
    smoothed = np.full(values.shape, np.nan)
    joints = values.shape[1]
    held, speed = np.full(values.shape[1:], np.nan), np.zeros(values.shape[1:])
    raw = held.copy()
    since = np.full(joints, -np.inf)
    for place, (stamp, value) in enumerate(zip(stamps, values, strict=True)):
        seen = np.isfinite(value).all(axis=1)
        step = stamp - since
        fresh = seen & ~(step <= max_gap + 1e-6)
        going = seen & ~fresh
        held[fresh], speed[fresh] = start[place, fresh], 0.0
        if going.any():
            time = step[going, None]
            rate = (value[going] - raw[going]) / time
            speed[going] += _share(_SPEED_CUTOFF, time) * (rate - speed[going])
            pace = np.linalg.norm(speed[going], axis=1, keepdims=True)
            held[going] += _share(slowest + gain * pace, time) * (value[going] - held[going])
        raw[seen], since[seen] = value[seen], stamp
        smoothed[place, seen] = held[seen]
    return smoothed


def _share(cutoff: float | np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the share of the new value in a first-order low pass."""
    result: np.ndarray = 1.0 - np.exp(-2.0 * np.pi * cutoff * step)
    return result
