"""The suite that SafeSense (2026) reports on UTD-MHAD: shift, loss, noise, missing, composite.

Its clips have 128 steps. What its paper leaves open is settled so that it is harder: a shift moves
the skeleton against the other sensors (a shift of all of them changes nothing for a timeline).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mujo_core.corruptions.registry import BOTH_MISSING, Corruption, Streams, corruption, each
from mujo_core.recording import Stream, modality_of

STEPS = 128
"""Of a clip in the published protocol."""
_COMPOSITES = {'mild': (2.0, 0.1, 0.1), 'strong': (4.0, 0.3, 0.3)}
"""Steps of shift, share of frames lost, noise in sigma, all at once."""


def _span(streams: Streams) -> float:
    stamps = [s.stamps for s in streams.values() if len(s)]
    return float(max(t[-1] for t in stamps) - min(t[0] for t in stamps))


def camera(streams: Streams) -> list[str]:
    """Return the streams that come from the camera; all but the first where there is none."""
    seen = [name for name in streams if modality_of(name) in ('pose', 'video')]
    return seen or list(streams)[1:]


def move(streams: Streams, names: list[str], seconds: float) -> dict[str, Stream]:
    """Return streams with the stamps of some of them moved."""
    return {
        name: replace(s, stamps=s.stamps + seconds) if name in names else s
        for name, s in streams.items()
    }


@corruption('shift', 'shift', (-4, -2, 2, 4), 'steps of 128')
@dataclass(frozen=True)
class Shift(Corruption):
    """The skeleton (and video) lies by some of the clip's 128 steps beside the other sensors."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        return move(streams, camera(streams), self.level * _span(streams) / STEPS)


@corruption('frames_lost', 'loss', (0.1, 0.3, 0.5))
@dataclass(frozen=True)
class FramesLost(Corruption):
    """A share of every stream's samples never comes, each for itself."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""

        def lose(stream: Stream) -> Stream:
            lost = round(self.level * len(stream))
            kept = np.sort(rng.permutation(len(stream))[lost:])
            return replace(stream, stamps=stream.stamps[kept], values=stream.values[kept])

        return each(streams, self.touches, lose)


@corruption('noise', 'noise', (0.1, 0.3, 0.5), 'sigma', ('pose', 'imu'))
@dataclass(frozen=True)
class Noise(Corruption):
    """White noise on every channel, as a share of its deviation over the training data."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        changed = dict(streams)
        for name, stream in streams.items():
            if modality_of(name) in self.touches and len(stream):
                noise = rng.normal(size=stream.values.shape) * self.sigma.of(name, stream)
                values = (stream.values + self.level * noise).astype(np.float32)
                changed[name] = replace(stream, values=values)
        return changed


@corruption('missing', 'missing', ('pose', 'imu', 'video', BOTH_MISSING))
@dataclass(frozen=True)
class Missing(Corruption):
    """A modality is not there at all; `all`: none of them is."""

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        gone = self.severity
        return {n: s for n, s in streams.items() if gone not in (modality_of(n), BOTH_MISSING)}


@corruption('composite', 'composite', tuple(_COMPOSITES))
@dataclass(frozen=True)
class Composite(Corruption):
    """Shift, loss and noise at once."""

    parts = frozenset({'shift', 'loss', 'noise'})

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed."""
        steps, lost, noise = _COMPOSITES[str(self.severity)]
        steps *= rng.choice([-1.0, 1.0])
        parts = Shift(steps), Noise(noise, self.sigma), FramesLost(lost)
        changed = dict(streams)
        for part in parts:
            changed = part(changed, rng)
        return changed
