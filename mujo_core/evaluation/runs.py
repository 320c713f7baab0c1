"""One protocol on several checkpoints, such as those of several seeds: mean and spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mujo_core.evaluation.registry import Result, Table

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
    if isinstance(first, dict):
        return {k: spread([v[k] for v in values]) for k in first if all(k in v for v in values)}
    if isinstance(first, list) and all(len(v) == len(first) for v in values):
        return [spread(part) for part in zip(*values, strict=True)]
    if isinstance(first, int | float):
        mean, std = float(np.mean(values)), float(np.std(values))
        return {'mean': round(mean, 5), 'std': round(std, 5), 'values': list(values)}
    return first if all(v == first for v in values) else None


def join_runs(results: Sequence[Result]) -> Result:
    """Return the results of several checkpoints as one; the pictures are the first one's."""
    if len(results) == 1:
        return results[0]
    header = {
        name: results[0].data[name] for name in ('dataset', 'split', 'subjects', 'recordings')
    }
    parts = [name for name in results[0].data if name not in (*header, 'checkpoint')]
    joined = spread([{part: result.data[part] for part in parts} for result in results])
    tables = []
    for part, figures in _FIGURES.items():
        if part in joined:
            rows = [
                [name, *(f'{of[f]["mean"]:.4f} ± {of[f]["std"]:.4f}' for f in figures)]
                for name, of in joined[part].items()
            ]
            title = f'{header["dataset"]}, mean and std of {len(results)} checkpoints'
            tables.append(Table(title, ['', *figures.values()], rows))
    data = {
        **header,
        'checkpoint': [result.data['checkpoint'] for result in results],
        'over_checkpoints': joined,
        'runs': [result.data for result in results],
    }
    notes = [*results[0].notes, f'The pictures show {results[0].data["checkpoint"]}.']
    details = {'details': [result.details for result in results]}
    return Result(data, tables or results[0].tables, results[0].plots, details, notes)
