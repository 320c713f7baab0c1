"""Protocols by name: what each is given, and what it gives back.

A protocol is one function in a file of its own::

    @protocol('full', 'one answer a recording, from every subset of modalities')
    def full(task: Task) -> Result: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BUILT_IN = (
    'full', 'missing_modality', 'low_label', 'zero_shot', 'retrieval', 'robustness',
    'streams', 'taught', 'unknown', 'falls',
)  # fmt: skip


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True)
class Task:
    """What is evaluated, on what, and how.

    Attributes:
        checkpoint: the model; checkpoint_name: its folder, as it was named.
        dataset, split: names; tested: the recordings of the split.
        training: gives recordings of other people, for what has to be fitted first.
        labels: the activities of the data set's protocol; empty for those that occur.
        unit: `recording` or `window`; stride: seconds between windows; None for the data's own.
        seeds: of what is drawn or fitted.
        baselines: names of other answers to put beside ours.
        corruptions: names of those that are tried; empty for all.
        settings: path of training settings and changes to them, for what is fitted.
        amounts: of labelled windows; empty for the usual ones.
        say: is told how far a long protocol has come.
    """

    checkpoint: Checkpoint
    checkpoint_name: str
    dataset: str
    split: str
    tested: Sequence[Recording]
    training: Callable[[], list[Recording]] = list
    labels: tuple[str, ...] = ()
    unit: str | None = None
    stride: float | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    baselines: tuple[str, ...] = ()
    corruptions: tuple[str, ...] = ()
    settings: tuple[str | None, Sequence[str]] = (None, ())
    amounts: tuple[str, ...] = ()
    say: Callable[[str], None] = _silent

    @property
    def people(self) -> list[int | str]:
        """Who is judged."""
        return _in_order({r.subject for r in self.tested})

    @property
    def seen_people(self) -> list[int | str]:
        """Who of them the checkpoint was trained on, as far as it knows."""
        known = self.checkpoint.people.get(self.dataset, ())
        return _in_order({r.subject for r in self.tested} & set(known))

    def header(self) -> dict[str, Any]:
        """Return how every protocol's JSON begins."""
        return {
            'dataset': self.dataset,
            'split': self.split,
            'subjects': self.people,
            'recordings': len(self.tested),
            'checkpoint': self.checkpoint_name,
            'subjects_trained_on': self.seen_people,
        }


def _in_order(subjects: set[str]) -> list[int | str]:
    named = [int(s) if s.isdigit() else s for s in subjects]
    return sorted(named, key=lambda s: (isinstance(s, str), s))


@dataclass(frozen=True)
class Table:
    """A table for people; cells are words or figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


def with_interval(value: float, interval: Sequence[float]) -> str:
    """Return a cell for a figure and its interval."""
    return f'{value:.4f} ({interval[0]:.2f} to {interval[1]:.2f})'


def with_spread(mean: float, std: float, count: int, digits: int = 4) -> str:
    """Return a cell for the mean of some values and their standard deviation; one has none."""
    return f'{mean:.{digits}f}' + (f' ± {std:.{digits}f}' if count > 1 else '')


def seeds_in_words(count: int) -> str:
    """Return how many seeds a table's title speaks of."""
    return '1 seed' if count == 1 else f'{count} seeds'


def with_chance(value: float, chance: float) -> str:
    """Return a cell for a figure and what chance would give."""
    return f'{value:.3f} ({chance:.3f})'


@dataclass(frozen=True)
class Plot:
    """A picture for the report: its file's stem, what it shows, and how it is drawn."""

    name: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Result:
    """What a protocol found.

    Attributes:
        data: what `--json` writes.
        tables: what is printed; plots: drawn for a report alone.
        details: figures for the report's JSON beside `data`.
        notes: a sentence each that a reader of the figures has to know.
    """

    data: dict[str, Any]
    tables: list[Table]
    plots: list[Plot] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


ProtocolFunction = Callable[[Task], Result]
_PROTOCOLS: dict[str, tuple[str, ProtocolFunction]] = {}


def protocol(name: str, summary: str) -> Callable[[ProtocolFunction], ProtocolFunction]:
    """Register a protocol by name."""

    def register(function: ProtocolFunction) -> ProtocolFunction:
        _PROTOCOLS[name] = (summary, function)
        return function

    return register


def protocols() -> dict[str, str]:
    """Return every protocol's name and summary."""
    for module in _BUILT_IN:
        import_module(f'mujo_core.evaluation.{module}')
    names = dict.fromkeys((*_BUILT_IN, *_PROTOCOLS))
    return {name: _PROTOCOLS[name][0] for name in names}


def get_protocol(name: str) -> ProtocolFunction:
    """Return a protocol by name; ValueError lists the names."""
    if name not in (known := protocols()):
        raise ValueError(f'expected a protocol out of {", ".join(known)}; {name!r} came')
    return _PROTOCOLS[name][1]


def run_protocol(name: str, task: Task) -> Result:
    """Run a protocol by name; where people are judged by whom was learned, a note says so first."""
    result = get_protocol(name)(task)
    if not (seen := task.seen_people):
        return result
    who = 'all of these people' if seen == task.people else f'subjects {", ".join(map(str, seen))}'
    note = f'The model was trained on {who}: figures of people it knows say nothing of others.'
    return replace(result, notes=[note, *result.notes])
