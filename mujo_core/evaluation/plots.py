"""Pictures of a report. matplotlib's figures are made without a window system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mujo_core.evaluation.embedding import Embedding, unit_mean
from mujo_core.evaluation.label_texts import text_vectors
from mujo_core.evaluation.metrics import Scores
from mujo_core.evaluation.predictions import ExampleSet
from mujo_core.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which most colour-blind people tell apart.
BLUE, ORANGE, GREEN, GREY = '#0072B2', '#D55E00', '#009E73', '#777777'
MARKERS = {'video': 's', 'pose': 'o', 'imu': '^', 'text': '*'}
_MOST_POINTS = 600
"""Of one modality on a map."""


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
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


def _words(label: str) -> str:
    return label.replace('_', ' ')


def confusion_matrix(counts: np.ndarray, labels: Sequence[str]) -> Figure:
    """Draw (L, L) counts, truth by row, as shares of each true label; only what occurs."""
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts, names = counts[np.ix_(used, used)], [_words(labels[i]) for i in used]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 1.5 + 0.36 * len(names))
    figure, axes = _figure(side + 1.6, side + 1.2)
    image = axes.imshow(shares, cmap='Blues', vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(names)), names, rotation=60, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel('said', fontsize=12)
    axes.set_ylabel('true', fontsize=12)
    size = 12 if len(names) <= 12 else 8
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        text = f'{100 * share:.0f}' if share >= 0.005 else '<1'
        colour = 'white' if share > 0.55 else 'black'
        axes.text(column, row, text, ha='center', va='center', fontsize=size, color=colour)
    bar = figure.colorbar(image, ax=axes, shrink=0.5, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(['0 %', '50 %', '100 %'])
    return figure


def subset_bars(
    scores: Mapping[str, Scores], spread: Mapping[str, Any], data: Mapping[str, Any]
) -> Figure:
    """Draw macro-F1 of every subset with its interval, single subjects, and a baseline's."""
    beside = data.get('baseline', {'subsets': {}})
    names = list(scores)
    figure, axes = _figure(2.2 + 1.3 * len(names), 4.5)
    place = np.arange(len(names))
    paired = bool(beside['subsets'])
    width = 0.38 if paired else 0.6
    ours = np.array([scores[n].macro_f1 for n in names])
    bounds = np.array([spread[n]['macro_f1_bootstrap_95'] for n in names])
    error = np.clip([ours - bounds[:, 0], bounds[:, 1] - ours], 0.0, None)
    left = place - width / 2 if paired else place
    axes.bar(left, ours, width, color=BLUE, label='ours', yerr=error, capsize=4)
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
        axes.legend(loc='lower right', fontsize=11)
    axes.set_xticks(place, names)
    axes.set_ylim(0.0, 1.1)
    axes.set_yticks(np.arange(0.0, 1.01, 0.2))
    axes.set_ylabel('macro-F1', fontsize=12)
    return figure


def outage_bars(outages: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]) -> Figure:
    """Draw macro-F1 by kind of outage, a bar a failing modality."""
    figure, axes = _figure(9.0, 1.2 + 0.32 * len(names) * (1 + len(outages)) / 1.4)
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
    figure, axes = _figure(8.0, 5.0)
    points = sorted(curve, key=lambda p: p['windows'])
    x = [p['windows'] for p in points]
    styles = {
        'pretrained': ('pretrained, fine-tuned', BLUE, 'o-'),
        'scratch': ('from scratch, as many steps', ORANGE, 's-'),
        'linear_probe': ('linear probe of the pretrained', GREEN, '^--'),
    }
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
    axes.legend(fontsize=11, loc='lower right')
    return figure


def retrieval_bars(pairs: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw R@1, R@5 and MRR of each pair, with what chance would give."""
    figure, axes = _figure(9.0, 1.4 + 0.75 * len(pairs))
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


def joint_space_map(checkpoint: Checkpoint, embedding: Embedding, where: ExampleSet) -> Figure:
    """Draw recordings (the mean of their windows) of each modality and the label texts, in 2D."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError(
            f"a report needs scikit-learn ({error}): pip install 'mujo_ros[evaluate]'"
        ) from error
    labels = where.labels
    parts, kinds, places = [], [], []
    for modality in embedding.modalities:
        rows = embedding.having([modality])
        if where.unit == 'window':
            rows = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
        vectors, own = embedding.fused([modality], rows).numpy(), where.places(rows, labels)
        if where.unit == 'recording':
            _, first = np.unique(where.groups(rows), return_index=True)
            vectors, own = unit_mean(vectors, where.groups(rows))[0], own[first]
        step = max(1, -(-len(vectors) // _MOST_POINTS))
        parts.append(vectors[::step])
        places.append(own[::step])
        kinds += [modality] * len(parts[-1])
    parts.append(text_vectors(checkpoint, labels).numpy())
    places.append(np.arange(len(labels)))
    kinds += ['text'] * len(labels)
    points, place = np.concatenate(parts), np.concatenate(places)
    perplexity = min(30.0, max(2.0, (len(points) - 1) / 4))
    flat = TSNE(
        2, perplexity=perplexity, metric='cosine', init='random', random_state=0
    ).fit_transform(points)
    return _draw_map(flat, np.array(kinds), place, labels)


def _draw_map(
    flat: np.ndarray, kinds: np.ndarray, place: np.ndarray, labels: Sequence[str]
) -> Figure:
    from matplotlib import colormaps

    figure, axes = _figure(11.0, 8.5)
    wheel = np.concatenate([colormaps['tab20'](range(20)), colormaps['Dark2'](range(8))])
    colours = wheel[place % len(wheel)]
    for kind, marker in MARKERS.items():
        own = kinds == kind
        if own.any():
            size, edge = (160, 'black') if kind == 'text' else (34, 'none')
            axes.scatter(flat[own, 0], flat[own, 1], s=size, c=colours[own], marker=marker, edgecolors=edge,
                         alpha=1.0 if kind == 'text' else 0.75)  # fmt: skip
            axes.scatter([], [], s=60, c=GREY, marker=marker, label=kind)
    for x, y, label in zip(*flat[kinds == 'text'].T, labels, strict=True):
        axes.annotate(
            _words(label), (x, y), (6, 6), textcoords='offset points', fontsize=9,
            bbox={'facecolor': 'white', 'alpha': 0.7, 'edgecolor': 'none', 'pad': 1},
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.legend(fontsize=11, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return figure
