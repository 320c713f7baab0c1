"""Tables and the picture of the protocol `robustness`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mujo_core.corruptions import CLEAN
from mujo_core.evaluation.plots import words
from mujo_core.evaluation.registry import Table, with_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tables(data: Mapping[str, Any]) -> list[Table]:
    """Return accuracy by category, by case, and beside baselines."""
    return [_by_category(data), _by_case(data), *_beside(data)]


def _alone(data: Mapping[str, Any]) -> list[str]:
    parts = str(data['fullest']).split('+')
    return parts if len(parts) > 1 else []


def _counts(data: Mapping[str, Any]) -> list[int]:
    """Return how many pieces were judged by the fullest subset and by each alone."""
    clean = data['cases'][0]['subsets']
    return [clean[name]['n'] for name in (data['fullest'], *_alone(data))]


def _by_category(data: Mapping[str, Any]) -> Table:
    fullest = data['fullest']
    baselines = list(data.get('ours_minus_baseline', {}))
    rows: list[list[str | int | float]] = []
    for category, of in data['categories'].items():
        alone = of['alone']
        rows.append(
            [category, of['accuracy'], of['macro_f1'],
             *(alone[m]['accuracy'] if m in alone else '' for m in _alone(data)),
             *(of['baselines'][name]['accuracy'] for name in baselines),
             of['ticks_answered']]
        )  # fmt: skip
    if 'published_suite_mean' in data:
        rows.append(['mean of the published five', data['published_suite_mean']])
        rows[-1] += [''] * (len(rows[0]) - 2)
    counts = _counts(data)
    rows.append(['n', counts[0], '', *counts[1:], *([counts[0]] * len(baselines)), ''])
    title = f'{data["dataset"]}, {data["pieces"]} {data["unit"]}s, means over severities'
    columns = ['category', fullest, 'macro-F1', *_alone(data), *baselines, 'ticks answered']
    return Table(title, columns, rows)


def _by_case(data: Mapping[str, Any]) -> Table:
    fullest = data['fullest']
    rows: list[list[str | int | float]] = []
    for case in data['cases']:
        own = case['subsets']
        best = own[fullest]
        rows.append(
            [case['case'], with_interval(best['accuracy'], best['accuracy_wilson_95']),
             best['macro_f1'],
             *(own[m]['accuracy'] if m in own else '' for m in _alone(data)),
             case.get('found_mirrored', '')]
        )  # fmt: skip
    counts = _counts(data)
    rows.append(['n', counts[0], '', *counts[1:], ''])
    columns = ['case', f'{fullest} (95 %)', 'macro-F1', *_alone(data), 'found mirrored']
    return Table('accuracy by case', columns, rows)


def _beside(data: Mapping[str, Any]) -> list[Table]:
    found = []
    for name, gaps in data.get('ours_minus_baseline', {}).items():
        rows: list[list[str | int | float]] = []
        for category, gap in gaps.items():
            of = data['categories'][category]
            theirs = of['baselines'][name]
            p = max(gap['mcnemar_p'])
            rows.append(
                [category, with_interval(gap['accuracy'], gap['accuracy_bootstrap_95']), p,
                 of['ticks_answered'], theirs['ticks_answered'],
                 of['ticks_macro_f1'], theirs['ticks_macro_f1']]
            )  # fmt: skip
        columns = ['category', 'ours minus it, accuracy (95 %)', 'largest McNemar p',
                   'ticks answered', 'by it', 'macro-F1 of all ticks', 'its']  # fmt: skip
        found.append(Table(f'beside {name}', columns, rows))
    return found


def heat_map(cases: Sequence[Mapping[str, Any]], fullest: str) -> Figure:
    """Draw accuracy by corruption (rows) and severity (columns), a panel a subset.

    Where nothing is there is left out: it has no accuracy of the same kind.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"a report needs matplotlib ({error}): pip install 'mujo_ros[evaluate]'"
        ) from error
    shown = [c for c in cases if c['category'] != 'nothing there']
    kinds = list(dict.fromkeys(str(c['corruption']) for c in shown))
    parts = [fullest, *(fullest.split('+') if '+' in fullest else [])]
    most = max(sum(c['corruption'] == kind for c in shown) for kind in kinds)
    figure = Figure(figsize=(4.2 + 2.6 * len(parts), 1.4 + 0.34 * len(kinds)), dpi=120,
                    layout='constrained')  # fmt: skip
    axes = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for panel, part in zip(axes, parts, strict=True):
        cells = np.full((len(kinds), most), np.nan)
        for row, kind in enumerate(kinds):
            own = [c for c in shown if c['corruption'] == kind]
            for column, case in enumerate(own):
                if part in case['subsets']:
                    cells[row, column] = case['subsets'][part]['accuracy']
        panel.imshow(cells, cmap='RdYlBu', vmin=0.5, vmax=1.0, aspect='auto')
        for row, column in zip(*np.nonzero(np.isfinite(cells)), strict=True):
            share = cells[row, column]
            colour = 'white' if share > 0.92 or share < 0.58 else 'black'
            panel.text(column, row, f'{100 * share:.1f}', ha='center', va='center', fontsize=8,
                       color=colour)  # fmt: skip
        panel.set_title(part, fontsize=12)
        panel.set_xticks([])
        panel.set_xlabel('severities as listed', fontsize=10)
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
    own_severities = {
        kind: ', '.join(_shown(c['severity']) for c in shown if c['corruption'] == kind)
        for kind in kinds
    }
    axes[0].set_yticks(
        range(len(kinds)),
        [kind if kind == CLEAN else f'{words(kind)}  {own_severities[kind]}' for kind in kinds],
        fontsize=9,
    )
    figure.colorbar(axes[0].images[0], ax=list(axes), shrink=0.5, label='accuracy', extend='min')
    return figure


def _shown(severity: str | float) -> str:
    return severity if isinstance(severity, str) else f'{severity:g}'
