"""Samples that come at another rate, or for a while not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mujo_core.corruptions.registry import Corruption, Streams, corruption, each
from mujo_core.recording import Stream


@corruption('rate', 'rate', (0.5, 2.0), 'times')
@dataclass(frozen=True)
class Rate(Corruption):
    """Sensors of another rate: 0.5 leaves every other sample, 2 puts one between each two."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return each(streams, ('pose', 'imu'), self._resampled)

    def _resampled(self, stream: Stream) -> Stream:
        count = len(stream)
        at = np.linspace(0.0, count - 1, max(2, round((count - 1) * self.level) + 1))
        before = np.minimum(at.astype(int), count - 1)
        after = np.minimum(before + 1, count - 1)
        share = at - before
        stamps = stream.stamps[before] * (1 - share) + stream.stamps[after] * share
        share = share.reshape(-1, *[1] * (stream.values.ndim - 1)).astype(np.float32)
        first, last = stream.values[before], stream.values[after]
        # Where it lies on a sample, an unseen joint of the next one must not reach it.
        values = np.where(share > 0, first * (1 - share) + last * share, first)
        return replace(stream, stamps=stamps, values=values.astype(stream.values.dtype))


@corruption('gap', 'gaps', (0.5, 1.0), 's')
@dataclass(frozen=True)
class Gap(Corruption):
    """One of the streams is silent for so many seconds, somewhere."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        name = str(rng.choice(sorted(streams)))
        stream = streams[name]
        start, end = float(stream.stamps[0]), float(stream.stamps[-1])
        first = rng.uniform(start, max(start, end - self.level))
        kept = (stream.stamps < first) | (stream.stamps > first + self.level)
        silent = replace(stream, stamps=stream.stamps[kept], values=stream.values[kept])
        return {**streams, name: silent}
