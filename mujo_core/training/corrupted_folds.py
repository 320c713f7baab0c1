"""Cells judged by broken sensors: what a model makes of families that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mujo_core.evaluation.registry import Table, Task, get_protocol, seeds_in_words, with_spread
from mujo_core.training.config import TrainConfig
from mujo_core.training.cross_validation import (
    run_folds,
    train_without,
    unit_of_all,
    who_is_left_out,
)
from mujo_core.training.judges import Cell, JudgeSettings, judge, over_seeds, paired_gains, spread
from mujo_core.training.mixture.mixture import Material
from mujo_core.training.mixture.selection import first_recordings, of_first

_SUITE = 'published suite'


def run_corrupted_fold(
    library: Material,
    subject: str,
    seed: int,
    config: TrainConfig,
    choices: Sequence[str],
    corruptions: Sequence[str],
) -> dict[str, Any]:
    """Train without one subject and break that subject's sensors.

    Returns:
        ``subject``, ``seed``, ``unit``, and ``categories``: category to the accuracy of every
        subset that it changes, the mean over its cases.
    """
    checkpoint, _ = train_without(library, subject, seed, config)
    used = list(checkpoint.modalities)
    held = first_recordings(config.data, {subject})
    people = {r.subject for r in library.recordings if of_first(r, config.data)} - {subject}
    task = Task(
        checkpoint, f'without {subject}', config.data.dataset, 'subjects',
        [r.only(used) for r in held],
        training=lambda: [r.only(used) for r in first_recordings(config.data, people)],
        labels=tuple(choices), unit=unit_of_all(library, config), corruptions=tuple(corruptions),
    )  # fmt: skip
    data = get_protocol('robustness')(task).data
    categories = {
        category: {
            data['fullest']: of['accuracy'],
            **{name: alone['accuracy'] for name, alone in of['alone'].items()},
        }
        for category, of in data['categories'].items()
    }
    if 'published_suite_mean' in data:
        categories[_SUITE] = {data['fullest']: data['published_suite_mean']}
    return {'subject': subject, 'seed': seed, 'unit': task.unit, 'categories': categories}


@judge('robustness')
class Corrupted:
    """Accuracy by category of corruptions."""

    def __init__(self, settings: JudgeSettings) -> None:
        self.subjects = settings.subjects
        self.corruptions = settings.corruptions

    def judge(
        self,
        library: Material,
        seeds: Sequence[int],
        config: TrainConfig,
        choices: Sequence[str],
        jobs: int,
    ) -> dict[str, Any]:
        """Return every fold, and mean and spread over seeds by category and subset."""
        subjects = who_is_left_out(library, config.data, self.subjects)

        def arguments(subject: str, seed: int) -> tuple[Any, ...]:
            return library, subject, seed, config, choices, self.corruptions

        folds = run_folds(run_corrupted_fold, arguments, subjects, seeds, jobs=jobs)
        return summarize_corrupted(folds)

    def line(self, summary: Mapping[str, Any]) -> str:
        """Return accuracy of the fullest subset by category."""
        figures = (
            f'{category} {next(iter(of.values()))["mean"]:.3f}'
            for category, of in summary['categories'].items()
        )
        return 'accuracy ' + '  '.join(figures)

    def figure(self, fold: Mapping[str, Any]) -> dict[str, float]:
        """Return accuracy by category and subset."""
        return {
            f'{category}, {subset}': value
            for category, of in fold['categories'].items()
            for subset, value in of.items()
        }

    def tables(
        self,
        found: Mapping[Cell, Mapping[str, Any]],
        rows: Sequence[str],
        columns: Sequence[str],
        configs: Mapping[Cell, TrainConfig],
    ) -> list[Table]:
        """Return accuracy by cell and category, and what was left out beside all and nothing."""
        seeds = max(len(cell['seeds']) for cell in found.values())
        subjects = ', '.join(next(iter(found.values()))['subjects'])
        judged = f'accuracy, without subject {subjects}, {seeds_in_words(seeds)}'
        categories = dict.fromkeys(c for cell in found.values() for c in cell['categories'])
        subsets = dict.fromkeys(
            s for cell in found.values() for of in cell['categories'].values() for s in of
        )
        tables = []
        for subset in subsets:
            named = [
                c for c in categories
                if any(subset in cell['categories'].get(c, {}) for cell in found.values())
            ]  # fmt: skip
            cells = [
                [' '.join(filter(None, cell)), *(_shown(summary, c, subset) for c in named)]
                for cell, summary in found.items()
            ]
            tables.append(Table(f'{subset}: {judged}', ['trained with', *named], cells))
        beside = self._left_out(found, configs)
        if beside:
            columns = [
                'left out', 'judged on', 'trained with none', 'with all but it', 'with all',
                'gained without it', 'gained with it',
            ]  # fmt: skip
            tables.insert(0, Table(f'leave one corruption out: {judged}', columns, beside))
        return tables

    def _left_out(
        self, found: Mapping[Cell, Mapping[str, Any]], configs: Mapping[Cell, TrainConfig]
    ) -> list[list[str]]:
        """Return a row for each category that a cell leaves out and subset that it changes."""
        whole = [c for c in found if not configs[c].corruptions.left_out]
        none = next((found[c] for c in whole if not configs[c].corruptions.names), None)
        every = next((found[c] for c in whole if configs[c].corruptions.names), None)
        if none is None or every is None:
            return []
        rows = []
        seeds = len(none['seeds'])
        for cell, summary in found.items():
            gained = paired_gains(summary, none, self.figure)
            with_it = paired_gains(every, none, self.figure)
            for category in configs[cell].corruptions.left_out:
                for subset in summary['categories'].get(category, {}):
                    key = f'{category}, {subset}'
                    rows.append(
                        [category, subset,
                         *(_shown(of, category, subset) for of in (none, summary, every)),
                         _gain(gained[key], seeds), _gain(with_it[key], seeds)]
                    )  # fmt: skip
        return rows


def summarize_corrupted(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and spread over seeds of each figure, and every fold."""
    folds = sorted(folds, key=lambda fold: (fold['seed'], fold['subject']))
    values: dict[str, dict[str, dict[int, list[float]]]] = {}
    for fold in folds:
        for category, of in fold['categories'].items():
            for subset, value in of.items():
                by_seed = values.setdefault(category, {}).setdefault(subset, {})
                by_seed.setdefault(fold['seed'], []).append(value)
    return {
        'seeds': sorted({fold['seed'] for fold in folds}),
        'subjects': sorted({fold['subject'] for fold in folds}),
        'unit': folds[0]['unit'],
        'categories': {
            category: {subset: over_seeds(by_seed) for subset, by_seed in of.items()}
            for category, of in values.items()
        },
        'folds': list(folds),
    }


def _gain(gain: tuple[float, float], seeds: int) -> str:
    return f'{"+" * (gain[0] >= 0)}{with_spread(*gain, seeds, digits=3)}'


def _shown(summary: Mapping[str, Any], category: str, subset: str) -> str:
    figures = summary['categories'].get(category, {}).get(subset)
    return spread(figures, len(summary['seeds'])) if figures else '-'
