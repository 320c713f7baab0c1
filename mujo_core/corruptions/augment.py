"""Corruptions drawn at random, for training: the classes that the suite judges by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
        names: corruptions of which one is drawn, one that is named twice twice as often; leave a
            family out to see whether a model that never met it stands it all the same.
        share: of draws in which one of them happens, 0..1.
        sigma: of the training data (`sigma_of` its streams), for noise.
        modality_dropout: share of draws in which one of several modalities is missing altogether.
        stream_dropout: share of draws in which one of several streams is.
    """

    names: Sequence[str]
    share: float = 0.5
    sigma: Sigma = field(default_factory=Sigma)
    modality_dropout: float = 0.0
    stream_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in self.names:
            get_corruption(name)

    def draw(
        self, rng: np.random.Generator, modalities: Collection[str] | None = None
    ) -> Corruption | None:
        """Return a corruption at a severity of its suite, or between two of them; None for none.

        Args:
            modalities: one that can be seen in any of these; None for whatever it touches.
        """
        if not self.names or rng.random() >= self.share:
            return None
        kinds = [get_corruption(name) for name in self.names]
        kinds = [k for k in kinds if modalities is None or k.touches & set(modalities)]
        if not kinds:
            return None
        kind = kinds[int(rng.integers(len(kinds)))]
        return kind(_severity(kind.severities, rng), self.sigma)

    def __call__(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return streams as they might have come; what would leave nothing leaves all as it is.

        Args:
            streams: of a clip, pose as canonical joints with z up; so it comes back.
        """
        how = self.draw(rng, {modality_of(name) for name in streams})
        changed = dict(streams) if how is None else how(streams, rng)
        changed = {n: _canonical(n, s) for n, s in changed.items()} or dict(streams)
        if self.modality_dropout and rng.random() < self.modality_dropout:
            changed = _without_one(changed, [modality_of(name) for name in changed], rng)
        if self.stream_dropout and rng.random() < self.stream_dropout:
            changed = _without_one(changed, list(changed), rng)
        return changed


def _without_one(
    streams: Streams, groups: Sequence[str], rng: np.random.Generator
) -> dict[str, Stream]:
    """Leave out the streams of one of the `groups` that they belong to, one each; never all."""
    there = sorted(set(groups))
    if len(there) < 2:
        return dict(streams)
    gone = there[int(rng.integers(len(there)))]
    return {n: s for (n, s), group in zip(streams.items(), groups, strict=True) if group != gone}


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
