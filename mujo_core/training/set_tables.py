"""What leaving data sets out comes to: one table over the sets, and a summary for a model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mujo_core.evaluation.registry import Table, seeds_in_words, with_spread

Fold = Mapping[str, Any]
"""What `judge_set` says of one."""
_KINDS = {'pose': 'mean over skeleton sets', 'imu': 'mean over device sets'}
_FIGURES: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
    'macro-F1 by text': lambda s: (s['by_text'] or {}).get('macro_f1'),
    'chance': lambda s: (s['by_text'] or {}).get('chance', {}).get('macro_f1'),
    'right': lambda s: s['own_labels'].get('met', {}).get('right'),
    'unknown': lambda s: s['own_labels'].get('met', {}).get('none'),
    'wrong': lambda s: s['own_labels'].get('met', {}).get('wrong'),
    'never met: surely wrong': lambda s: s['own_labels'].get('never_met', {}).get('sure'),
    'taught by 5': lambda s: s['taught'],
}
"""A column to its figure of a subset; None where there is none."""


def set_table(folds: Sequence[Fold]) -> Table:
    """Return a row for each set and subset of modalities, and the means over kinds of sets."""
    seeds = {fold['seed'] for fold in folds}
    rows: list[list[str]] = []
    singles: dict[str, list[dict[str, float]]] = {kind: [] for kind in _KINDS}
    for dataset in dict.fromkeys(fold['dataset'] for fold in folds):
        own = [fold for fold in folds if fold['dataset'] == dataset]
        for subset in dict.fromkeys(name for fold in own for name in fold['subsets']):
            values = {
                column: [v for fold in own if subset in fold['subsets']
                         if (v := figure(fold['subsets'][subset])) is not None]
                for column, figure in _FIGURES.items()
            }  # fmt: skip
            known = f'{len(own[0]["known"])} of {len(own[0]["labels"])}'
            shown_by = own[0].get('shown_by') or '-'
            rows.append([dataset, subset, known, *map(_shown, values.values()), shown_by])
            if subset in singles:
                singles[subset].append({c: float(np.mean(v)) for c, v in values.items() if v})
    for kind, title in _KINDS.items():
        if singles[kind]:
            means = [[s[c] for s in singles[kind] if c in s] for c in _FIGURES]
            cells = [f'{np.mean(v):.3f}' if v else '-' for v in means]
            rows.append([title, kind, f'{len(singles[kind])} sets', *cells, ''])
    title = f'one data set left out, {seeds_in_words(len(seeds))}'
    return Table(title, ['left out', 'modalities', 'labels known', *_FIGURES, 'shown by'], rows)


def _shown(values: Sequence[float]) -> str:
    if not values:
        return '-'
    return with_spread(float(np.mean(values)), float(np.std(values)), len(values), digits=3)


def summarize_sets(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return the summary by which `mujo train --cross-validation` writes a card.

    A seed's figure of a subset is the mean over the sets that have it.
    """
    seeds = sorted({fold['seed'] for fold in folds})
    texts = [
        {
            'subject': fold['dataset'],
            'seed': fold['seed'],
            'subsets': {n: s['by_text'] for n, s in fold['subsets'].items() if s['by_text']},
        }
        for fold in folds
    ]
    subsets: dict[str, Any] = {}
    for subset in dict.fromkeys(name for fold in texts for name in fold['subsets']):
        subsets[subset] = {}
        for figure in ('accuracy', 'macro_f1', 'ece'):
            means = [
                float(np.mean(values))
                for seed in seeds
                if (values := [f['subsets'][subset][figure] for f in texts
                               if f['seed'] == seed and subset in f['subsets']])
            ]  # fmt: skip
            subsets[subset][figure] = {'mean': float(np.mean(means)), 'std': float(np.std(means))}
    return {
        'left_out': 'data_set',
        'seeds': seeds,
        'subjects': list(dict.fromkeys(fold['dataset'] for fold in folds)),
        'unit': 'recording (or window, where they are long)',
        'subsets': subsets,
        'folds': texts,
    }
