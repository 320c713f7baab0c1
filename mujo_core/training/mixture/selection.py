"""Which recordings are trained on: a table of data sets, each with its folder, people, labels."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mujo_core.datasets.registry import DATASETS, get_dataset
from mujo_core.labels import Label
from mujo_core.recording import Recording
from mujo_core.training.config import DataSettings
from mujo_core.training.mixture.store import AnyClip

_LOG = logging.getLogger(__name__)
_LEAST_SECONDS = 1.0
"""Shorter activities of a set beside the first show too little to be named."""


@dataclass(frozen=True)
class Source:
    """A data set of the table.

    Attributes:
        name, root: the data set and its folder, '' where none came.
        setting: where the settings say this, for lines about it.
        prefix: of its people's names, since people of two sets are not the same.
        split: '' for `train` where there is one, else all; subjects: these instead.
        labels: those learned; empty for all. outliers: those that are none of the labels.
        share, outlier_share: of the windows drawn, 0..1.
        even: draw every clip alike instead of labels by the square root of their clips.
        least: seconds, shorter activities are left out.
        unlabelled: whether recordings without a label are learned from where the stage can.
        cutoffs: Hz, of devices simulated on its skeletons; empty where noise chooses them.
    """

    name: str
    root: str
    setting: str
    prefix: str
    split: str
    subjects: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    outliers: tuple[str, ...] = ()
    share: float = 1.0
    outlier_share: float = 0.0
    even: bool = False
    least: float = 0.0
    unlabelled: bool = False
    cutoffs: tuple[float, ...] = ()

    @property
    def there(self) -> bool:
        """Whether there is something to read."""
        return bool(self.root) or not get_dataset(self.name).needs_root


def sources_of(data: DataSettings) -> list[Source]:
    """Return the table: the first data set, which has what share the others leave, and those.

    Raises:
        ValueError: an unknown set, one that comes twice, or shares that leave nothing.
    """
    shares = {name: other.share for name, other in data.also.items()}
    shares |= {f'{n} outliers': o.outlier_share for n, o in data.also.items() if o.outliers}
    if any(share <= 0.0 for share in shares.values()) or sum(shares.values()) >= 1.0:
        raise ValueError(
            'expected the shares of data.also above 0 and below 1 in all, '
            f'{", ".join(f"{name} {share:g}" for name, share in shares.items())} came'
        )
    if data.dataset in data.also:
        raise ValueError(
            f'expected data.also to name data sets beside data.dataset, {data.dataset} came twice'
        )
    first = Source(
        data.dataset, folder_of(data.dataset, data.root, data.folders), 'data', '', data.split,
        tuple(data.subjects), even=True, unlabelled=True, cutoffs=tuple(data.imu_cutoffs),
    )  # fmt: skip
    others = []
    for name, other in data.also.items():
        if both := sorted(set(other.labels) & set(other.outliers)):
            raise ValueError(
                f'expected data.also.{name} to name a label among labels or outliers, '
                f'{", ".join(both)} came as both'
            )
        root = folder_of(name, other.root, data.folders)
        others.append(
            Source(
                name, root, f'data.also.{name}', f'{name}/', other.split or 'all',
                tuple(other.subjects), tuple(other.labels), tuple(other.outliers), other.share,
                other.outlier_share if other.outliers else 0.0, least=_LEAST_SECONDS,
            )
        )  # fmt: skip
    table = [first, *others]
    if data.products:
        table = [source for source in table if get_dataset(source.name).products]
        if not table:
            raise ValueError(
                'expected a data set whose terms allow use in products (--data.products), '
                f'got {", ".join([data.dataset, *data.also])}; name one in data.also'
            )
    if table[0] is not first:
        # What the first set had is shared out among those that are left.
        all_shares = sum(s.share + s.outlier_share for s in table if s.there) or 1.0
        table = [
            replace(s, share=s.share / all_shares, outlier_share=s.outlier_share / all_shares)
            for s in table
        ]
    first, *others = table
    rest = 1.0 - sum(s.share + s.outlier_share for s in others if s.there)
    return [replace(first, share=rest), *others]


def folder_of(name: str, root: str, folders: Sequence[str]) -> str:
    """Return a data set's own folder, or that of its name in the first of `folders` that has one;
    '' where there is none."""
    if not get_dataset(name).needs_root:
        return root
    found = (Path(folder) / name for folder in folders)
    return root or next((str(path) for path in found if path.is_dir()), '')


@dataclass
class Selection:
    """Reads the recordings of a table one at a time, and refuses what they lack when all are read.

    Attributes:
        sources: those that are read.
    """

    data: DataSettings
    sources: list[Source] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Leave out the sets without a folder, with a line each; ValueError for the first one."""
        first, *others = sources_of(self.data)
        if not first.there:
            raise ValueError(
                'expected the data set folder as --data.root DIR, or in one of --data.folders as '
                f'{first.name}; none came'
            )
        for source in others:
            if not source.there:
                _LOG.warning(
                    '%s: left out, no folder came; give it as --%s.root DIR, or one that holds it '
                    'as --data.folders [DIR]', source.name, source.setting,
                )  # fmt: skip
        self.sources = [first, *(source for source in others if source.there)]
        self._people: set[str] = set()
        self._chosen: set[str] = set()
        self._labels: set[str] = set()
        self._trained = False

    def held_out(self, recording: Recording) -> bool:
        """Whether a recording is of somebody held out."""
        return recording.subject in self.data.validation

    def recordings(self) -> Iterator[tuple[Source, Recording]]:
        """Yield what is learned from, and the recordings of people held out, set by set.

        Raises:
            ValueError: a set has none of the people or labels that were asked for, or nothing is
                left to train on.
        """
        for source in self.sources:
            for recording in self.chosen(source):
                narrowed = narrow(recording, self.data)
                if narrowed:
                    self._trained |= not self.held_out(narrowed)
                    yield source, narrowed
        _check('data.validation', 'the subjects', self.data.validation, self._people)
        _check('data.without', '', self.data.without, self._labels)
        if not self._trained:
            self._say_what_is_missing()

    def chosen(self, source: Source) -> Iterator[Recording]:
        """Yield a set's recordings of the chosen people and labels; ValueError as above."""
        split = split_of(source)
        belongs = get_dataset(source.name).chooser(split, source.root)
        people: set[str] = set()
        labels: set[str] = set()
        found = False
        wanted = {*source.labels, *source.outliers} if source.labels else set()
        for recording in get_dataset(source.name).load(source.root):
            people.add(recording.subject)
            chosen = recording.subject in source.subjects if source.subjects else belongs(recording)
            recording = replace(recording, subject=source.prefix + recording.subject)
            self._people.add(recording.subject)
            if chosen:
                self._chosen.add(recording.subject)
            elif not self.held_out(recording):
                continue
            found = True
            labels |= {segment.label for segment in recording.segments}
            segments = [
                segment
                for segment in recording.segments
                if (not wanted or segment.label in wanted)
                and segment.end - segment.start >= source.least
            ]
            if segments or (source.unlabelled and not recording.segments):
                self._labels |= {segment.label for segment in segments}
                yield replace(recording, segments=segments)
        _check(f'{source.setting}.subjects', 'the subjects', source.subjects, people)
        if not found:
            raise ValueError(
                f'expected recordings of split {split} under {source.root or source.name}; there '
                f'are subjects {", ".join(sorted(people)) or "none"}; choose of these, or another '
                'split'
            )
        _check(f'{source.setting}.labels', '', source.labels, labels)
        _check(f'{source.setting}.outliers', '', source.outliers, labels)

    def _say_what_is_missing(self) -> None:
        if not self.data.real_imu:
            raise ValueError(
                'expected recordings with a skeleton, from which IMUs can be simulated; these have '
                'IMUs alone, leave --data.real_imu false out'
            )
        if self.data.validation:
            raise ValueError(
                'expected --data.validation to leave somebody to train on out of '
                f'{", ".join(sorted(self._chosen))}; all of them came'
            )
        raise ValueError('expected recordings to train on, none came')


def first_recordings(data: DataSettings, people: Collection[str]) -> list[Recording]:
    """Read the recordings of some people of the first data set, with their samples."""
    selection = Selection(replace(data, also={}))
    (source,) = selection.sources
    found = (narrow(r, data) for r in selection.chosen(source) if r.subject in people)
    return [recording for recording in found if recording]


def split_of(source: Source) -> str:
    """Return the split that is trained on: the one asked for, `train` where there is one, or `all`.

    Raises:
        ValueError: the data set has no split of this name.
    """
    splits = get_dataset(source.name).all_splits(source.root)
    if not source.split:
        return 'train' if 'train' in splits else 'all'
    if source.split not in (*splits, 'all'):
        raise ValueError(
            f'expected --{source.setting}.split out of {", ".join([*splits, "all"])} of '
            f'{source.name}, {source.split!r} came; all of it is --{source.setting}.split all'
        )
    return source.split


def _check(setting: str, kind: str, asked: Collection[str], there: Collection[str]) -> None:
    """Refuse what a data set does not have, by name."""
    if strangers := sorted(set(asked) - set(there)):
        which = f'{kind} {", ".join(sorted(there))}'.strip()
        raise ValueError(f'expected --{setting} as some of {which}; {", ".join(strangers)} came')


def narrow(recording: Recording, data: DataSettings) -> Recording | None:
    """Return what is learned from a recording: without some labels, or without real IMUs."""
    if not data.real_imu:
        simulated = recording.dataset in DATASETS and get_dataset(recording.dataset).virtual_imu
        if not simulated:
            recording = recording.only([m for m in recording.modalities if m != 'imu'])
    segments = [s for s in recording.segments if s.label not in data.without]
    if not recording.streams or (recording.segments and not segments):
        return None
    return replace(recording, segments=segments)


def of_first(recording: Recording | AnyClip, data: DataSettings) -> bool:
    """Whether a recording or clip is of the first data set, whose people are left out in turn."""
    names = [data.dataset, *data.also]
    allowed = [name for name in names if not data.products or get_dataset(name).products]
    # One's own recordings name no set of the table: they are the first one's.
    return recording.dataset == allowed[0] or recording.dataset not in names


def is_outlier(dataset: str, label: str, data: DataSettings) -> bool:
    """Whether a data set's activity of this label is there as none of the labels."""
    other = data.also.get(dataset)
    return other is not None and label in other.outliers


def words_of(data: DataSettings) -> dict[str, Label]:
    """Return the labels that the folders of the data sets describe; the first one's win."""
    words: dict[str, Label] = {}
    for source in reversed(sources_of(data)):
        read = get_dataset(source.name).read_labels
        words |= read(source.root) if read and source.root else {}
    return words


def left_out_with(
    subject: str, recordings: Sequence[Recording], data: DataSettings
) -> frozenset[str]:
    """Return who is left out when one person of the first data set is: of each other set as large a
    part of the people as one is of the first set's, so that every one is left out once."""
    first = sorted({r.subject for r in recordings if of_first(r, data)})
    turn = first.index(subject)
    out = {subject}
    for name in data.also:
        people = sorted({r.subject for r in recordings if r.dataset == name})
        out |= {person for place, person in enumerate(people) if place % len(first) == turn}
    return frozenset(out)
