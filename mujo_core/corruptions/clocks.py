"""Clocks that disagree: apart, drifting, jittering. Stamps are wrong, samples are right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mujo_core.corruptions.published import camera, move
from mujo_core.corruptions.registry import Corruption, Streams, corruption, each
from mujo_core.recording import Stream

_LEAST = 1e-5
"""Seconds between two stamps of one stream."""


@corruption('clocks_apart', 'clocks', (0.1, 0.25, 0.5), 's')
@dataclass(frozen=True)
class ClocksApart(Corruption):
    """The camera's clock is ahead of the wearables' or behind, by so many seconds."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return move(streams, camera(streams), self.level * rng.choice([-1.0, 1.0]))


@corruption('clock_drift', 'clocks', (0.02,))
@dataclass(frozen=True)
class ClockDrift(Corruption):
    """The camera's clock runs faster or slower than the wearables', by a share."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        pace = 1.0 + self.level * rng.choice([-1.0, 1.0])
        start = min(float(s.stamps[0]) for s in streams.values() if len(s))
        names = camera(streams)
        return {
            name: replace(s, stamps=start + (s.stamps - start) * pace) if name in names else s
            for name, s in streams.items()
        }


@corruption('jitter', 'clocks', (0.005, 0.02), 's')
@dataclass(frozen=True)
class Jitter(Corruption):
    """Every stamp is wrong by a normal deviate of so many seconds, so that samples may swap."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def shake(stream: Stream) -> Stream:
            stamps = stream.stamps + rng.normal(size=len(stream)) * self.level
            order = np.argsort(stamps, kind='stable')
            stamps = np.maximum(stamps[order], stamps[order[0]] + np.arange(len(order)) * _LEAST)
            return replace(stream, stamps=stamps, values=stream.values[order])

        return each(streams, self.touches, shake)
