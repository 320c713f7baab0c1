"""Every data set by its name: how it is loaded, and its published split."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mujo_core.datasets import cmu_mocap, utd_mhad
from mujo_core.recording import Recording


@dataclass(frozen=True)
class DataSet:
    """A data set's loader and protocol.

    Attributes:
        load: folder to recordings.
        labels: the activities of its protocol; empty for those that occur.
        splits: name to subjects, as published; empty where none is.
    """

    name: str
    load: Callable[[str | Path], Iterator[Recording]]
    labels: tuple[str, ...] = ()
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def subjects(self, split: str | None) -> tuple[str, ...] | None:
        """Return the subjects of a split; None (all of them) for ``None`` and ``'all'``."""
        if split in (None, 'all'):
            return None
        if split not in self.splits:
            raise ValueError(
                f'data set {self.name} has the splits {", ".join([*self.splits, "all"])}; '
                f'{split!r} came'
            )
        return self.splits[split]


DATASETS = {
    entry.name: entry
    for entry in (
        DataSet('utd_mhad', utd_mhad.load_utd_mhad, utd_mhad.LABELS, utd_mhad.SPLITS),
        DataSet('cmu_mocap', lambda root: iter(cmu_mocap.load_cmu_mocap(root))),
    )
}


def get_dataset(name: str) -> DataSet:
    """Return a data set by name; ValueError lists the names."""
    if name not in DATASETS:
        raise ValueError(f'expected a data set out of {", ".join(DATASETS)}; {name!r} came')
    return DATASETS[name]


def load_recordings(
    name: str, root: str | Path, subjects: Collection[str] | None = None
) -> list[Recording]:
    """Return the recordings of a data set, of some subjects alone where they are given.

    Raises:
        ValueError: an unknown data set, or no recording of those subjects.
    """
    recordings = list(get_dataset(name).load(root))
    if subjects is None:
        return recordings
    kept = [r for r in recordings if r.subject in set(subjects)]
    if not kept:
        there = ', '.join(sorted({r.subject for r in recordings}))
        raise ValueError(
            f'expected recordings of subjects {", ".join(subjects)} under {root}; '
            f'there are subjects {there or "none"}; choose with --subjects or --split'
        )
    return kept
