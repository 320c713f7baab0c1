"""A map of the joint space in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mujo_core.evaluation.embedding import Embedding, unit_mean
from mujo_core.evaluation.label_texts import text_vectors
from mujo_core.evaluation.plots import GREY, new_figure, words
from mujo_core.evaluation.predictions import ExampleSet
from mujo_core.evaluation.registry import Plot
from mujo_core.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = {'video': 's', 'pose': 'o', 'imu': '^', 'text': '*'}
_MOST_POINTS = 600
"""Of one modality on a map."""


def map_plot(checkpoint: Checkpoint, embedding: Embedding, where: ExampleSet) -> Plot:
    """Return the map as a picture of a report."""
    return Plot(
        'joint_space',
        'The joint space (t-SNE of cosine distances): marker is the modality, colour and name the '
        'label; stars are the label texts',
        lambda: joint_space_map(checkpoint, embedding, where),
    )


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
    from matplotlib.patheffects import withStroke

    figure, axes = new_figure(11.0, 8.5)
    wheel = np.concatenate([colormaps['tab20'](range(20)), colormaps['Dark2'](range(8))])
    colours = wheel[place % len(wheel)]
    for kind, marker in MARKERS.items():
        own = kinds == kind
        if own.any():
            size, edge = (130, 'black') if kind == 'text' else (34, 'none')
            x, y = flat[own].T
            axes.scatter(x, y, size, colours[own], marker=marker, edgecolors=edge, alpha=0.8)
            axes.scatter([], [], 60, GREY, marker=marker, label=kind)
    for index, label in enumerate(labels):
        # Beside its clips, of one modality if it can be: its text may lie far from all of them.
        own = place == index
        groups = (own & (kinds == kinds[0]), own & (kinds != 'text'), own)
        x, y = np.median(flat[next(group for group in groups if group.any())], axis=0)
        name = axes.annotate(
            words(label), (x, y), (0, 9), textcoords='offset points', fontsize=10, ha='center'
        )
        name.set_path_effects([withStroke(linewidth=2.5, foreground='white')])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.legend(fontsize=11, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return figure
