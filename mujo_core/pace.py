"""A performance played faster or slower, as its sensors would have seen it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mujo_core.inertial import played_at
from mujo_core.recording import Recording, Stream, modality_of

PACES = (0.5, 2.0)
"""Slowest and fastest: beyond, a performance is another activity."""


def pace_of(seconds: float, wanted: float) -> float:
    """Return the pace at which what lasts `seconds` lasts `wanted`, within `PACES`."""
    return float(np.clip(seconds / wanted, *PACES)) if wanted > 0.0 else 1.0


def at_pace(recording: Recording, pace: float) -> Recording:
    """Return a recording played `pace` times as fast from its start on."""
    start = recording.start

    def moved(at: float) -> float:
        return start + (at - start) / pace

    def played(name: str, stream: Stream) -> Stream:
        values, stamps = stream.values, stream.stamps
        if modality_of(name) == 'imu' and len(stamps) > 1:
            rate = (len(stamps) - 1) / max(float(stamps[-1] - stamps[0]), 1e-9)
            values = played_at(values, pace, rate=rate)
        return replace(stream, stamps=start + (stamps - start) / pace, values=values)

    return replace(
        recording,
        streams={name: played(name, stream) for name, stream in recording.streams.items()},
        segments=[replace(s, start=moved(s.start), end=moved(s.end)) for s in recording.segments],
    )
