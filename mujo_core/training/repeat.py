"""An action done again and again without a pause, from a clip that shows it once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mujo_core.recording import Stream, modality_of

_LONGEST = 4.0
"""Seconds; what lasts longer is no single action."""
_CUT = 0.15
"""Of a clip, at most, that is left out at either end, where people often stand still."""
_APART = {'pose': 0.25, 'imu': 0.45}
"""How far both ends may be from each other: joints in torsos, the specific force in g."""
_ENDS = 0.15
"""Of a clip, over which an end is looked at."""


def repeated(
    streams: dict[str, Stream], start: float, end: float, seconds: float, rng: np.random.Generator
) -> tuple[dict[str, Stream], float, float] | None:
    """Return streams that show the action again and again, and the first and last stamp.

    The body goes on from where it has come to.

    Args:
        streams: of a clip from `start` to `end`, seconds; pose as canonical joints with z up.
        seconds: that have to be filled.

    Returns:
        None where the action is long or does not end as it began, as sitting down does not.
    """
    if end - start > _LONGEST or 'video' in map(modality_of, streams):
        return None
    first = start + rng.uniform(0.0, _CUT) * (end - start)
    last = end - rng.uniform(0.0, _CUT) * (end - start)
    parts = {name: stream.between(first, last) for name, stream in streams.items()}
    if any(len(part) < 8 for part in parts.values()):
        return None
    if not all(_returns(modality_of(name), part.values) for name, part in parts.items()):
        return None
    lasts = last - first + rng.uniform(0.05, 0.25)
    times = int(np.ceil(seconds / lasts)) + 1
    made = {name: _tiled(modality_of(name), part, lasts, times) for name, part in parts.items()}
    return made, first, first + times * lasts


def _returns(modality: str, values: np.ndarray) -> bool:
    count = max(2, round(_ENDS * len(values)))
    if modality == 'pose':
        body = values - values[:, :1]
        torsos = np.linalg.norm(body[:, 2], axis=-1)
        torso = np.median(torsos[np.isfinite(torsos)]) if np.isfinite(torsos).any() else np.nan
        ends = _mean_seen(body[:count]) - _mean_seen(body[-count:])
        apart = _mean_seen(np.linalg.norm(ends, axis=-1)) / torso
    else:
        ends = values[:count, :3].mean(axis=0) - values[-count:, :3].mean(axis=0)
        apart = np.linalg.norm(ends) / 9.81
    return bool(apart < _APART[modality])


def _mean_seen(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is seen; NaN where nothing is."""
    seen = np.isfinite(values)
    with np.errstate(invalid='ignore'):
        return np.asarray(np.where(seen, values, 0.0).sum(axis=0) / seen.sum(axis=0))


def _tiled(modality: str, part: Stream, lasts: float, times: int) -> Stream:
    stamps = np.concatenate([part.stamps + n * lasts for n in range(times)])
    values = np.concatenate([part.values] * times)
    if modality == 'pose':
        step = part.values[-1, 0] - part.values[0, 0]
        # Where the pelvis is not seen at an end, the body starts anew from the same place.
        moved = np.where(np.isfinite(step), step, 0.0).astype(np.float32)
        values = values + np.repeat(np.arange(times), len(part))[:, None, None] * moved
    return replace(part, stamps=stamps, values=values.astype(np.float32))
