"""Corruptions drawn at random, for training: the classes that the suite judges by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mujo_core.corruptions.registry import (
    BOTH_MISSING,
    Corruption,
    Severity,
    Streams,
    get_corruption,
)
from mujo_core.corruptions.sigma import Sigma
from mujo_core.recording import Stream, modality_of
from mujo_core.skeleton import canonical_joints


@dataclass(frozen=True)
class RandomCorruption:
    """Lets something go wrong now and then.

    Attributes:
        names: corruptions of which one is drawn; leave a family out to see whether a model that
            never met it stands it all the same.
        share: of draws in which anything goes wrong, 0..1.
        sigma: of the training data (`sigma_of` its streams), for noise.
    """

    names: Sequence[str]
    share: float = 0.5
    sigma: Sigma = field(default_factory=Sigma)

    def __post_init__(self) -> None:
        for name in self.names:
            get_corruption(name)

    def draw(self, rng: np.random.Generator) -> Corruption | None:
        """Return a corruption at a severity of its suite, or between two of them; None for none."""
        if not self.names or rng.random() >= self.share:
            return None
        kind = get_corruption(str(rng.choice(list(self.names))))
        return kind(_severity(kind.severities, rng), self.sigma)

    def __call__(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return streams as they might have come; what would leave nothing leaves all as it is.

        Args:
            streams: of a clip, pose as canonical joints with z up; so it comes back.
        """
        how = self.draw(rng)
        changed = dict(streams) if how is None else how(streams, rng)
        return {n: _canonical(n, s) for n, s in changed.items()} or dict(streams)


def _severity(severities: Sequence[Severity], rng: np.random.Generator) -> Severity:
    numbers = [s for s in severities if not isinstance(s, str)]
    if len(numbers) == len(severities):
        return float(rng.uniform(min(numbers), max(numbers)))
    words = [s for s in severities if s != BOTH_MISSING]
    return words[int(rng.integers(len(words)))]


def _canonical(name: str, stream: Stream) -> Stream:
    if modality_of(name) != 'pose' or not stream.layout:
        return stream
    joints = canonical_joints(stream.values, stream.layout, stream.up)
    return replace(stream, values=joints, layout=None, up=None)
