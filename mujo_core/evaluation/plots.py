"""Pictures of a report. matplotlib's figures are made without a window system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mujo_core.evaluation.metrics import Scores

# Okabe and Ito's colours, which most colour-blind people tell apart.
BLUE, ORANGE, GREEN, GREY = '#0072B2', '#D55E00', '#009E73', '#777777'


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure (inches) and its axes; ImportError names the extra."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"a report needs matplotlib ({error}): pip install 'mujo_ros[evaluate]'"
        ) from error
    figure = Figure(figsize=(width, height), dpi=120, layout='constrained')
    axes = figure.add_subplot()
    axes.spines[['top', 'right']].set_visible(False)
    axes.tick_params(labelsize=11)
    return figure, axes


def words(label: str) -> str:
    """Return a label as people read it."""
    return label.replace('_', ' ')


def confusion_matrix(counts: np.ndarray, labels: Sequence[str]) -> Figure:
    """Draw (L, L) counts, truth by row, as shares of each true label; only what occurs."""
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts, names = counts[np.ix_(used, used)], [words(labels[int(i)]) for i in used]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 1.5 + 0.36 * len(names))
    figure, axes = new_figure(side + 0.8, side)
    axes.imshow(shares, cmap='Blues', vmin=0.0, vmax=1.0, aspect='auto')
    axes.set_xticks(range(len(names)), names, rotation=60, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(np.arange(len(names)) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names)) - 0.5, minor=True)
    axes.grid(which='minor', color='white', linewidth=1)
    axes.tick_params(which='minor', length=0)
    axes.set_xlabel('said', fontsize=12)
    axes.set_ylabel('true (each row sums to 100 %)', fontsize=12)
    size = 12 if len(names) <= 12 else 8
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        text = f'{100 * share:.0f}' if share >= 0.005 else '<1'
        colour = 'white' if share > 0.55 else 'black'
        axes.text(column, row, text, ha='center', va='center', fontsize=size, color=colour)
    return figure


def subset_bars(
    scores: Mapping[str, Scores], spread: Mapping[str, Any], data: Mapping[str, Any]
) -> Figure:
    """Draw macro-F1 of every subset with its interval, single subjects, and a baseline's."""
    beside = data.get('baseline', {'subsets': {}})
    names = list(scores)
    figure, axes = new_figure(2.2 + 1.3 * len(names), 4.5)
    place = np.arange(len(names))
    paired = bool(beside['subsets'])
    width = 0.38 if paired else 0.6
    ours = np.array([scores[n].macro_f1 for n in names])
    bounds = np.array([spread[n]['macro_f1_bootstrap_95'] for n in names])
    left = place - width / 2 if paired else place
    axes.bar(left, ours, width, color=BLUE, label='ours')
    axes.vlines(left, bounds[:, 0], bounds[:, 1], color='black', linewidth=2)
    for x, name in zip(left, names, strict=True):
        each = [figures['macro_f1'] for figures in spread[name]['subjects'].values()]
        if len(each) > 1:
            around = x + np.linspace(-0.3, 0.3, len(each)) * width
            axes.plot(around, each, 'o', color='black', markersize=4, alpha=0.6)
    if paired:
        there = [i for i, n in enumerate(names) if n in beside['subsets']]
        theirs = [beside['subsets'][names[i]]['macro_f1'] for i in there]
        right = place[there] + width / 2
        bars = axes.bar(right, theirs, width, color=ORANGE, label=beside['name'])
        axes.bar_label(bars, fmt='%.3f', fontsize=10, padding=3)
    for x, value, top in zip(left, ours, bounds[:, 1], strict=True):
        axes.text(x, max(top, value) + 0.015, f'{value:.3f}', ha='center', fontsize=10)
    if paired:
        axes.legend(fontsize=11, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    axes.set_xticks(place, names)
    axes.set_ylim(0.0, 1.1)
    axes.set_yticks(np.arange(0.0, 1.01, 0.2))
    axes.set_ylabel('macro-F1', fontsize=12)
    return figure


def outage_bars(outages: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]) -> Figure:
    """Draw macro-F1 by kind of outage, a bar a failing modality."""
    figure, axes = new_figure(9.0, 1.2 + 0.32 * len(names) * (1 + len(outages)) / 1.4)
    place = np.arange(len(names))[::-1]
    height = 0.8 / len(outages)
    for index, (modality, cases) in enumerate(outages.items()):
        offset = ((len(outages) - 1) / 2 - index) * height
        values = [case['macro_f1'] for case in cases]
        colour = (BLUE, ORANGE, GREEN)[index % 3]
        bars = axes.barh(place + offset, values, height * 0.9, color=colour, label=modality)
        axes.bar_label(bars, fmt='%.3f', fontsize=10, padding=3)
    axes.set_yticks(place, names)
    axes.set_xlim(0.0, 1.1)
    axes.set_xlabel('macro-F1', fontsize=12)
    axes.legend(title='fails', fontsize=11, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return figure


def label_curve(curve: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw macro-F1 by the number of labelled windows (log), a band of one std over seeds."""
    figure, axes = new_figure(8.0, 5.0)
    points = sorted(curve, key=lambda p: p['windows'])
    x = [p['windows'] for p in points]
    styles = {
        'pretrained': ('pretrained, fine-tuned', BLUE, 'o-'),
        'scratch': ('from scratch, as many steps', ORANGE, 's-'),
        'linear_probe': ('linear probe of the pretrained', GREEN, '^--'),
    }
    others = [m for m in points[0]['methods'] if m not in styles]
    styles |= {m: (m, GREY, 'd:') for m in others}
    for method, (name, colour, style) in styles.items():
        mean = np.array([p['methods'][method]['macro_f1']['mean'] for p in points])
        std = np.array([p['methods'][method]['macro_f1']['std'] for p in points])
        axes.plot(x, mean, style, color=colour, label=name, linewidth=2, markersize=7)
        axes.fill_between(x, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale('log')
    axes.set_xticks(x, [f'{p["amount"]}\n({p["windows"]:g})' for p in points])
    axes.minorticks_off()
    axes.set_xlabel('labelled windows', fontsize=12)
    axes.set_ylabel('macro-F1, unseen people', fontsize=12)
    axes.set_ylim(0.0, 1.02)
    axes.grid(axis='y', alpha=0.3)
    axes.legend(fontsize=10, loc='lower center', bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return figure


def retrieval_bars(pairs: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw R@1, R@5 and MRR of each pair, with what chance would give."""
    figure, axes = new_figure(9.0, 1.4 + 0.75 * len(pairs))
    place = np.arange(len(pairs))[::-1]
    figures = {'r_at_1': ('R@1', BLUE), 'r_at_5': ('R@5', GREEN), 'mrr': ('MRR', ORANGE)}
    for index, (figure_name, (name, colour)) in enumerate(figures.items()):
        offset = (1 - index) * 0.26
        values = [p[figure_name] for p in pairs.values()]
        bars = axes.barh(place + offset, values, 0.24, color=colour, label=name)
        axes.bar_label(bars, fmt='%.2f', fontsize=10, padding=8)
        for y, pair in zip(place + offset, pairs.values(), strict=True):
            at = pair['chance'][figure_name]
            axes.plot([at, at], [y - 0.12, y + 0.12], color='black', linewidth=2.5)
    axes.plot([], [], color='black', linewidth=2.5, label='chance')
    axes.set_yticks(place, [f'{n}\n(of {p["gallery"]})' for n, p in pairs.items()])
    axes.set_xlim(0.0, 1.1)
    axes.legend(fontsize=11, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return figure
