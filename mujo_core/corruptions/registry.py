"""Corruptions by name: what each changes, how badly, and how they are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import ClassVar, TypeVar

import numpy as np

from mujo_core.corruptions.sigma import Sigma
from mujo_core.recording import Recording, Stream, modality_of

_BUILT_IN = ('published', 'clocks', 'rates', 'devices', 'skeletons', 'cameras')
CLEAN = 'clean'
"""The category of streams as they are."""
PUBLISHED = ('shift', 'loss', 'noise', 'missing', 'composite')
"""The categories of the published suite (SafeSense, 2026), in its order."""
BOTH_MISSING = 'all'
"""The severity of `missing` that leaves nothing. It counts apart: the right answer is none."""

Streams = Mapping[str, Stream]
Severity = float | str


@dataclass(frozen=True)
class Corruption:
    """Something that goes wrong, at one severity.

    Attributes:
        severity: one of `severities`, or anything between them where they are numbers.
        sigma: the standard deviations of the training data, for what is measured by them.
        name, category: of the class; a category is what is averaged in a report.
        severities: those of the suite, the mildest first.
        unit: of the severity, for people.
    """

    severity: Severity
    sigma: Sigma = field(default_factory=Sigma, repr=False, compare=False)

    name: ClassVar[str] = ''
    category: ClassVar[str] = ''
    severities: ClassVar[tuple[Severity, ...]] = ()
    unit: ClassVar[str] = ''
    touches: ClassVar[frozenset[str]] = frozenset({'video', 'pose', 'imu'})
    """The modalities whose streams it may change."""
    parts: ClassVar[frozenset[str]] = frozenset()
    """The categories of the others that it is composed of."""

    def __call__(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams as they arrive; those that are not touched are the same objects.

        Args:
            streams: by name; a pose stream without a layout holds canonical joints with z up.
            rng: whatever is drawn comes from it.
        """
        if not any(len(stream) for stream in streams.values()):
            return dict(streams)
        changed = self.change(streams, rng)
        return {name: stream for name, stream in changed.items() if len(stream)}

    def change(self, streams: Streams, rng: np.random.Generator) -> dict[str, Stream]:
        """Return the streams changed; those left without a sample may stay in."""
        raise NotImplementedError

    @property
    def level(self) -> float:
        """The severity as a number.

        Raises:
            ValueError: it is a word.
        """
        try:
            return float(self.severity)
        except ValueError:
            raise ValueError(
                f'expected a number as the severity of {self.name}, {self.severity!r} came'
            ) from None

    @property
    def label(self) -> str:
        """Name and severity, for people and as a key."""
        if isinstance(self.severity, str):
            return f'{self.name} {self.severity}'.strip()
        return f'{self.name} {self.severity:g} {self.unit}'.strip()


Kind = TypeVar('Kind', bound=type[Corruption])
_CORRUPTIONS: dict[str, type[Corruption]] = {}


def corruption(
    name: str,
    category: str,
    severities: Sequence[Severity],
    unit: str = '',
    touches: Collection[str] = ('video', 'pose', 'imu'),
) -> Callable[[Kind], Kind]:
    """Register a class of corruptions by name."""

    def register(kind: Kind) -> Kind:
        kind.name, kind.category, kind.unit = name, category, unit
        kind.severities, kind.touches = tuple(severities), frozenset(touches)
        _CORRUPTIONS[name] = kind
        return kind

    return register


def corruptions() -> dict[str, type[Corruption]]:
    """Return every class of corruptions by its name, the published suite's first.

    Their order is the same whichever of the modules was imported first.
    """
    modules = [import_module(f'mujo_core.corruptions.{name}').__name__ for name in _BUILT_IN]
    places = {name: place for place, name in enumerate(modules)}
    return dict(
        sorted(_CORRUPTIONS.items(), key=lambda each: places.get(each[1].__module__, len(places)))
    )


def get_corruption(name: str) -> type[Corruption]:
    """Return a class of corruptions by name; ValueError lists the names."""
    known = corruptions()
    if name not in known:
        raise ValueError(f'expected a corruption out of {", ".join(known)}; {name!r} came')
    return known[name]


def make_corruption(name: str, severity: Severity, sigma: Sigma | None = None) -> Corruption:
    """Return a corruption at a severity.

    Raises:
        ValueError: no such corruption, or a severity that is a word it does not know.
    """
    kind = get_corruption(name)
    if isinstance(severity, str) and severity not in kind.severities:
        raise ValueError(
            f'expected a severity of {name} out of {", ".join(map(str, kind.severities))}; '
            f'{severity!r} came'
        )
    return kind(severity, sigma or Sigma())


def suite(
    modalities: Collection[str], sigma: Sigma | None = None, names: Collection[str] = ()
) -> list[Corruption]:
    """Return every corruption at every severity that can be seen in some modalities.

    Args:
        modalities: of the data.
        sigma: of the training data.
        names: these alone; empty for all.

    Raises:
        ValueError: an unknown name.
    """
    kinds = [get_corruption(name) for name in names] or list(corruptions().values())
    found = []
    for kind in kinds:
        if not kind.touches & set(modalities):
            continue
        for severity in kind.severities:
            absent = kind.category == 'missing' and severity not in (*modalities, BOTH_MISSING)
            if not absent:
                found.append(kind(severity, sigma or Sigma()))
    return found


def corrupt(recording: Recording, how: Corruption, seed: int = 0) -> Recording:
    """Return a recording as it would have come: the same one for the same seed, every time."""
    words = f'{recording.dataset}/{recording.name}', how.label
    rng = np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])
    return replace(recording, streams=how(recording.streams, rng))


def each(
    streams: Streams, modalities: Collection[str], change: Callable[[Stream], Stream]
) -> dict[str, Stream]:
    """Return streams with those of some modalities changed."""
    return {
        name: change(stream) if modality_of(name) in modalities and len(stream) else stream
        for name, stream in streams.items()
    }
