"""Rest before and after an action: its first and last samples, held."""

from __future__ import annotations

import numpy as np

_REST = {'pose': (0.1, 2, 0.004), 'imu': (0.04, 5, 0.05), 'video': (0.1, 1, 0.0)}
"""Modality to the step of a body at rest (s), how many samples it is the mean of, its sway."""


def pad_with_rest(
    stamps: np.ndarray,
    values: np.ndarray,
    modality: str,
    first: float,
    last: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps and samples of a stream that reaches from `first` to `last`, seconds."""
    step, few, sway = _REST[modality]
    before = np.arange(stamps[0] - step, first, -step)[::-1]
    after = np.arange(stamps[-1] + step, last, step)
    parts, times = [values], [stamps]
    if len(before):
        parts.insert(0, _hold(values[:few], len(before), sway, rng))
        times.insert(0, before)
    if len(after):
        parts.append(_hold(values[-few:], len(after), sway, rng))
        times.append(after)
    return np.concatenate(times), np.concatenate(parts)


def _hold(samples: np.ndarray, count: int, sway: float, rng: np.random.Generator) -> np.ndarray:
    """`count` samples of a body that holds still, with a slow sway and noise."""
    if not sway:
        return np.repeat(samples[:1], count, axis=0)
    sample = samples.mean(axis=0)
    noise = rng.normal(size=(count, *sample.shape)).astype(np.float32)
    drift = np.cumsum(rng.normal(size=(count, sample.shape[-1])), axis=0) / np.sqrt(count)
    drift = drift.astype(np.float32).reshape(count, *[1] * (sample.ndim - 1), -1)
    return (sample + sway * noise + sway * drift).astype(np.float32)
