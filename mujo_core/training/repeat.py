"""An action done again and again without a pause, from a clip that shows it once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from mujo_core.recording import Stream, modality_of

_LONGEST = 8.0
"""Seconds of motion; what lasts longer is no single action."""
_STILL = 0.15
"""Of the fastest motion, below which an end of a clip is the body standing still."""
_MARGIN = 0.1
"""Seconds of that which are kept."""
_APART = {'pose': 0.35, 'imu': 0.6}
"""How far both ends may be from each other: joints in torsos, the specific force in g."""
_AGAIN, _ALIKE = 0.6, 0.5
"""Of a clip, within which a movement to and fro is back, and how alike it is then."""
_ENDS = 0.12
"""Seconds at an end over which it is looked at."""


def repeated(
    streams: dict[str, Stream], start: float, end: float, seconds: float, rng: np.random.Generator
) -> tuple[dict[str, Stream], float, float, float] | None:
    """Return streams that show the action again and again, how long it takes once (0 where it
    has a pace of its own), and the first and last stamp.

    The body goes on from where it has come to.

    Args:
        streams: of a clip from `start` to `end`, seconds; pose as canonical joints with z up.
        seconds: that have to be filled.

    Returns:
        None where the action is long or does not end as it began, as sitting down does not.
    """
    if 'video' in map(modality_of, streams):
        return None
    first, last = _moving(streams, start, end)
    if last - first > _LONGEST:
        return None
    parts = {name: stream.between(first, last) for name, stream in streams.items()}
    if any(len(part) < 8 for part in parts.values()):
        return None
    if not all(_returns(modality_of(name), part) for name, part in parts.items()):
        return None
    lasts = last - first + rng.uniform(0.05, 0.25)
    # What is to and fro by itself keeps its pace: no time of its own is said for it.
    once = 0.0 if is_periodic(parts) else lasts
    times = int(np.ceil(seconds / lasts)) + 1
    made = {name: _tiled(modality_of(name), part, lasts, times) for name, part in parts.items()}
    return made, once, first, first + times * lasts


def _moving(streams: dict[str, Stream], start: float, end: float) -> tuple[float, float]:
    """Return from when to when the body moves; people often stand still before and after."""
    name = 'pose' if 'pose' in streams else next(iter(streams))
    part = streams[name].between(start, end)
    if len(part) < 8:
        return start, end
    if name == 'pose':
        step = np.gradient(part.values - part.values[:, :1], axis=0)
    else:
        step = np.concatenate([np.gradient(part.values[:, :3], axis=0), part.values[:, 3:]], axis=1)
    speed = np.nan_to_num(np.abs(step.reshape(len(part), -1))).mean(axis=1)
    speed = uniform_filter1d(speed, 5)
    moving = np.flatnonzero(speed >= _STILL * speed.max())
    stamps = part.stamps
    return (
        max(start, float(stamps[moving[0]]) - _MARGIN),
        min(end, float(stamps[moving[-1]]) + _MARGIN),
    )


def is_periodic(streams: dict[str, Stream]) -> bool:
    """Say whether what is repeated is a movement to and fro itself, such as walking, whose pace
    tells what it is."""
    name = 'pose' if 'pose' in streams else next(iter(streams))
    part = streams[name]
    values = part.values - part.values[:, :1] if name == 'pose' else part.values
    motion = np.nan_to_num(values.reshape(len(part), -1))
    motion = motion - motion.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(motion, 2 * len(motion), axis=0)) ** 2
    alike = np.fft.irfft(spectrum.sum(axis=1))[: len(motion)]
    alike /= np.maximum(np.arange(len(motion), 0, -1) * alike[0] / len(motion), 1e-9)
    first = int(np.argmax(alike < 0.0)) or len(motion)
    later = alike[first : round(_AGAIN * len(motion))]
    return bool(len(later) and later.max() > _ALIKE)


def _returns(modality: str, part: Stream) -> bool:
    values = part.values
    count = max(2, round(_ENDS * len(part) / max(part.duration, 1e-6)))
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
