"""How the cells of a grid are judged: what each is worth, and the tables that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from mujo_core.corruptions import get_corruption
from mujo_core.evaluation.registry import Table, seeds_in_words, with_spread
from mujo_core.training.config import TrainConfig
from mujo_core.training.cross_validation import cross_validate, summarize
from mujo_core.training.mixture.mixture import Material

Cell = tuple[str, str]
"""Row and column of a grid."""


@dataclass(frozen=True)
class JudgeSettings:
    """How cells are judged.

    Attributes:
        protocol: full or robustness.
        subjects: who is left out in turn; empty for everybody.
        corruptions: names of those that are tried (robustness); empty for the whole suite.
    """

    protocol: str = 'full'
    subjects: list[str] = field(default_factory=list)
    corruptions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what is not there before anything is trained."""
        make_judge(self)
        for name in self.corruptions:
            get_corruption(name)


class Judge(Protocol):
    """What a cell is worth."""

    def __init__(self, settings: JudgeSettings) -> None:
        """Take who is left out."""

    def judge(
        self,
        library: Material,
        seeds: Sequence[int],
        config: TrainConfig,
        choices: Sequence[str],
        jobs: int,
    ) -> dict[str, Any]:
        """Train and judge every fold of a cell; return what is kept of it, with `folds`."""

    def line(self, summary: Mapping[str, Any]) -> str:
        """Return a cell's figures in a line."""

    def figure(self, fold: Mapping[str, Any]) -> dict[str, float]:
        """Return a fold's figures by which cells are compared, by name."""

    def tables(
        self,
        found: Mapping[Cell, Mapping[str, Any]],
        rows: Sequence[str],
        columns: Sequence[str],
        configs: Mapping[Cell, TrainConfig],
    ) -> list[Table]:
        """Return tables of all cells."""


_JUDGES: dict[str, type[Judge]] = {}


def judge(name: str) -> Callable[[type], type]:
    """Register a way to judge by the name of its protocol."""

    def register(kind: type) -> type:
        _JUDGES[name] = kind
        return kind

    return register


def make_judge(settings: JudgeSettings) -> Judge:
    """Return the judge that settings name; ValueError lists the names."""
    import_module('mujo_core.training.corrupted_folds')
    if settings.protocol not in _JUDGES:
        raise ValueError(
            f'expected judge.protocol out of {", ".join(_JUDGES)}, {settings.protocol!r} came'
        )
    return _JUDGES[settings.protocol](settings)


@judge('full')
class Full:
    """Macro-F1 of one answer a recording, from every subset of modalities."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.subjects = settings.subjects

    def judge(
        self,
        library: Material,
        seeds: Sequence[int],
        config: TrainConfig,
        choices: Sequence[str],
        jobs: int,
    ) -> dict[str, Any]:
        """Return `summarize` of a cross-validation."""
        folds = cross_validate(
            library, seeds, config, choices, lambda _: None, jobs, subjects=self.subjects
        )
        return summarize(folds)

    def line(self, summary: Mapping[str, Any]) -> str:
        """Return macro-F1 by subset."""
        figures = (f'{n} {s["macro_f1"]["mean"]:.4f}' for n, s in summary['subsets'].items())
        return 'macro-F1 ' + '  '.join(figures)

    def figure(self, fold: Mapping[str, Any]) -> dict[str, float]:
        """Return macro-F1 by subset."""
        return {name: scores['macro_f1'] for name, scores in fold['subsets'].items()}

    def tables(
        self,
        found: Mapping[Cell, Mapping[str, Any]],
        rows: Sequence[str],
        columns: Sequence[str],
        configs: Mapping[Cell, TrainConfig],
    ) -> list[Table]:
        """Return a table for each subset: rows by columns."""
        subsets = dict.fromkeys(name for cell in found.values() for name in cell['subsets'])
        seeds = max(len(cell['seeds']) for cell in found.values())

        def shown(subset: str, cell: Cell) -> str:
            summary = found.get(cell, {})
            figures = summary.get('subsets', {}).get(subset)
            return spread(figures['macro_f1'], len(summary['seeds'])) if figures else '-'

        tables = []
        for subset in subsets:
            cells = [[row, *(shown(subset, (row, column)) for column in columns)] for row in rows]
            tables.append(
                Table(
                    f'{subset}: macro-F1, one subject left out, {seeds_in_words(seeds)}',
                    ['', *(column or 'macro-F1' for column in columns)],
                    [row for row in cells if set(row[1:]) != {'-'}],
                )
            )
        return tables


def spread(figures: Mapping[str, float], seeds: int) -> str:
    """Return mean ± standard deviation over seeds as words."""
    return with_spread(figures['mean'], figures['std'], seeds, digits=3)


def over_seeds(values: Mapping[int, Sequence[float]]) -> dict[str, float]:
    """Return mean and standard deviation over seeds of the means over left-out subjects."""
    means = [float(np.mean(of_seed)) for of_seed in values.values()]
    return {'mean': float(np.mean(means)), 'std': float(np.std(means))}


def paired_gains(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    figure: Callable[[Mapping[str, Any]], dict[str, float]],
) -> dict[str, tuple[float, float]]:
    """Return mean and std over seeds of each figure of `one` less that of `other`, by seed."""
    first, second = (_by_seed(cell, figure) for cell in (one, other))
    gains: dict[str, list[float]] = {}
    for name, seed in sorted(first.keys() & second.keys()):
        gain = float(np.mean(first[name, seed]) - np.mean(second[name, seed]))
        gains.setdefault(name, []).append(gain)
    return {name: (float(np.mean(g)), float(np.std(g))) for name, g in gains.items()}


def _by_seed(
    cell: Mapping[str, Any], figure: Callable[[Mapping[str, Any]], dict[str, float]]
) -> dict[tuple[str, int], list[float]]:
    values: dict[tuple[str, int], list[float]] = {}
    for fold in cell['folds']:
        for name, value in figure(fold).items():
            values.setdefault((name, fold['seed']), []).append(value)
    return values
