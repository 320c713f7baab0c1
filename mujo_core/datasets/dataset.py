"""What a data set tells of itself: how it is loaded, and its published protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from mujo_core.labels import Label
from mujo_core.recording import Recording

Splits = Mapping[str, tuple[str, ...]]
"""Name of a split to its subjects, or to patterns of its recordings' names."""


@dataclass(frozen=True)
class Windows:
    """The windows of a published protocol, in seconds."""

    seconds: float
    stride: float


@dataclass(frozen=True)
class DataSet:
    """A data set's loader and protocol.

    Attributes:
        name: how the command line calls it, and the name of its file in `mujo_core.datasets`.
        load: folder to recordings, one at a time; names what it leaves out in the log.
        title: one line for people.
        citation: what its terms ask to be cited, and the terms.
        labels: the activities of its protocol; empty for those that occur.
        splits: name to subjects, as published; empty where none is.
        recording_splits: name to patterns of recordings, where a split is not by subject.
        windows: of the protocol, where it has any.
        rests: whether people rest before and after what each recording shows.
        virtual_imu: whether its IMU streams are computed from its skeletons.
        devices: whether devices may be simulated from its skeletons, where it has none.
        needs_root: whether it is read from a folder (and not from a package).
        products: whether its terms allow use in products, and not in research alone.
        read_labels: folder to labels that the folder itself describes.
        read_splits: folder to recording splits that the folder itself defines.
    """

    name: str
    load: Callable[[str | Path], Iterator[Recording]]
    title: str = ''
    citation: str = ''
    labels: tuple[str, ...] = ()
    splits: Splits = field(default_factory=dict)
    recording_splits: Splits = field(default_factory=dict)
    windows: Windows | None = None
    rests: bool = False
    virtual_imu: bool = False
    devices: bool = True
    needs_root: bool = True
    products: bool = False
    read_labels: Callable[[str | Path], dict[str, Label]] | None = None
    read_splits: Callable[[str | Path], Splits] | None = None

    def subjects(self, split: str | None) -> tuple[str, ...] | None:
        """Return the subjects of a split; None (all of them) for ``None`` and ``'all'``.

        Raises:
            ValueError: no such split, or one that is not by subject.
        """
        if split in (None, 'all'):
            return None
        if split not in self.splits:
            raise ValueError(
                f'data set {self.name} has the splits {", ".join([*self.splits, "all"])} by '
                f'subject; {split!r} came'
            )
        return self.splits[split]

    def all_splits(self, root: str | Path) -> dict[str, Callable[[Recording], bool]]:
        """Return every split, with what says whether a recording belongs to it."""
        own = self.read_splits(root) if self.read_splits else {}
        return {
            **{split: partial(_is_of, frozenset(who)) for split, who in self.splits.items()},
            **{
                split: partial(_is_named, names)
                for split, names in {**self.recording_splits, **own}.items()
            },
        }

    def chooser(self, split: str | None, root: str | Path) -> Callable[[Recording], bool]:
        """Return what says whether a recording belongs to a split (None and ``'all'``: all do).

        Raises:
            ValueError: no such split.
        """
        if split in (None, 'all'):
            return lambda recording: True
        splits = self.all_splits(root)
        if split not in splits:
            raise ValueError(
                f'data set {self.name} has the splits {", ".join([*splits, "all"])}; {split!r} came'
            )
        return splits[split]


def _is_of(subjects: frozenset[str], recording: Recording) -> bool:
    return recording.subject in subjects


def _is_named(patterns: tuple[str, ...], recording: Recording) -> bool:
    return any(fnmatchcase(recording.name, pattern) for pattern in patterns)
