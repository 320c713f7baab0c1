"""What goes wrong with the streams of training windows: the classes that the suite judges by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mujo_core.corruptions import RandomCorruption, Sigma, corruptions, get_corruption, sigma_of
from mujo_core.limits import check_shares
from mujo_core.training.mixture.store import AnyClip


@dataclass(frozen=True)
class CorruptionSettings:
    """How often what goes wrong in training.

    Attributes:
        names: of corruptions (`doc/robustness.md`) of which one is drawn, one that is named twice
            twice as often; empty for none.
        share: of windows in which one of them happens, 0..1.
        left_out: categories that never happen, nor what is composed of them.
        modality_dropout: share of windows in which one of several modalities is missing altogether.
        stream_dropout: share of windows in which one of several streams is.
    """

    names: list[str] = field(default_factory=list)
    share: float = 0.5
    left_out: list[str] = field(default_factory=list)
    modality_dropout: float = 0.0
    stream_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not there before any data is read."""
        for name in self.names:
            get_corruption(name)
        known = list(dict.fromkeys(kind.category for kind in corruptions().values()))
        for category in self.left_out:
            if category not in known:
                raise ValueError(
                    f'expected corruptions.left_out out of {", ".join(known)}; {category!r} came'
                )
        check_shares('corruptions', self, 'share', 'modality_dropout', 'stream_dropout')

    @property
    def drawn(self) -> list[str]:
        """The names without those of the categories left out."""
        out = set(self.left_out)
        kinds = [get_corruption(name) for name in self.names]
        return [kind.name for kind in kinds if not out & {kind.category, *kind.parts}]

    @property
    def dropout(self) -> tuple[float, float]:
        """The shares of windows without a modality and without a stream."""
        if 'missing' in self.left_out:
            return 0.0, 0.0
        return self.modality_dropout, self.stream_dropout

    @property
    def active(self) -> bool:
        """Whether anything ever goes wrong."""
        return bool(self.share and self.drawn) or any(self.dropout)


def random_corruption(how: CorruptionSettings, clips: Sequence[AnyClip]) -> RandomCorruption | None:
    """Return what draws corruptions for windows of clips; None where nothing goes wrong.

    Noise is measured by the clips: by their virtual devices only where they have no real one.
    """
    if not how.active:
        return None
    return RandomCorruption(how.drawn, how.share, _sigma(clips), *how.dropout)


def _sigma(clips: Sequence[AnyClip]) -> Sigma:
    real = sigma_of(clip.load().streams for clip in clips)
    virtual = sigma_of(clip.load().virtual for clip in clips)
    return Sigma({**virtual.values, **real.values})
