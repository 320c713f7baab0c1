"""One protocol on several checkpoints, such as those of several seeds: mean and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mujo_core.evaluation.registry import Result, Table, with_spread

_FIGURES = {
    'subsets': {'accuracy': 'accuracy', 'macro_f1': 'macro-F1', 'ece': 'ECE'},
    'categories': {
        'accuracy': 'accuracy',
        'macro_f1': 'macro-F1',
        'ticks_answered': 'ticks answered',
    },
    'pairs': {'r_at_1': 'R@1', 'r_at_5': 'R@5', 'mrr': 'MRR'},
}
"""Which figures of a result's parts are printed, and their names for people."""


def spread(values: Sequence[Any]) -> Any:
    """Join trees of one shape: each number becomes its mean, std and values.

    What is no number stays where it is the same in all, else it is left out (None).
    """
    first = values[0]
    if any(v is None for v in values):
        # A figure that one of them lacks has no mean.
        return None
    if isinstance(first, dict):
        return {k: spread([v[k] for v in values]) for k in first if all(k in v for v in values)}
    if isinstance(first, list) and all(len(v) == len(first) for v in values):
        return [spread(part) for part in zip(*values, strict=True)]
    if isinstance(first, int | float):
        mean, std = float(np.mean(values)), float(np.std(values))
        return {'mean': mean, 'std': std, 'values': list(values)}
    return first if all(v == first for v in values) else None


def join_runs(results: Sequence[Result]) -> Result:
    """Return the results of several checkpoints as one; the pictures are the first one's."""
    if len(results) == 1:
        return results[0]
    header = {
        name: results[0].data[name] for name in ('dataset', 'split', 'subjects', 'recordings')
    }
    # Single answers have no mean; each run keeps its own.
    single = (*header, 'checkpoint', 'subjects_trained_on', 'answers')
    parts = [name for name in results[0].data if name not in single]
    joined = spread([{part: result.data[part] for part in parts} for result in results])
    title = f'{header["dataset"]}, mean and std of {len(results)} checkpoints'
    tables = []
    for part, figures in _FIGURES.items():
        of_rows = joined.get(part, {})
        if of_rows and all(f in of for of in of_rows.values() for f in figures):
            rows = [[name, *(_shown(of[f]) for f in figures)] for name, of in of_rows.items()]
            tables.append(Table(title, ['', *figures.values()], rows))
    tables += [*_beside(joined, title), *_beside_corrupted(joined, title)]
    if not tables:
        # Figures of a kind that is not averaged here stand one below the other.
        tables = [
            replace(table, title=f'{result.data["checkpoint"]}: {table.title}')
            for result in results
            for table in result.tables
        ]
    seen = [who for result in results for who in result.data['subjects_trained_on']]
    data = {
        **header,
        'checkpoint': [result.data['checkpoint'] for result in results],
        'subjects_trained_on': [who for who in header['subjects'] if who in seen],
        'over_checkpoints': joined,
        'runs': [result.data for result in results],
    }
    notes = [
        *dict.fromkeys(n for r in results for n in r.notes),
        f'The pictures show {results[0].data["checkpoint"]}.',
    ]
    details = {'details': [result.details for result in results]}
    return Result(data, tables, results[0].plots, details, notes)


def _shown(figure: Mapping[str, Any]) -> str:
    return with_spread(figure['mean'], figure['std'], len(figure['values']))


def _beside(joined: Mapping[str, Any], title: str) -> list[Table]:
    """Return a table a baseline of the protocol `full`."""
    tables = []
    for name, beside in joined.get('baselines', {}).items():
        rows = [
            [subset, _shown(of['ours']['macro_f1']), _shown(of['macro_f1']),
             _shown(of['ours_minus_baseline']['macro_f1']),
             max(of['ours_minus_baseline']['mcnemar_p']['values'])]
            for subset, of in beside['subsets'].items()
        ]  # fmt: skip
        columns = ['modalities', 'ours', name, 'difference', 'largest McNemar p']
        tables.append(Table(f'macro-F1 beside {name}, {title}', columns, rows))
    return tables


def _beside_corrupted(joined: Mapping[str, Any], title: str) -> list[Table]:
    """Return a table a baseline of the protocol `robustness`."""
    tables = []
    for name, gaps in joined.get('ours_minus_baseline', {}).items():
        categories = joined['categories']
        rows = [
            [category, _shown(categories[category]['accuracy']),
             _shown(categories[category]['baselines'][name]['accuracy']), _shown(gap['accuracy'])]
            for category, gap in gaps.items()
        ]  # fmt: skip
        columns = ['category', 'ours', name, 'difference']
        tables.append(Table(f'accuracy beside {name}, {title}', columns, rows))
    return tables
