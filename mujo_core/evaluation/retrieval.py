"""The protocol `retrieval`: from a clip in one modality to it in another, to and from texts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from mujo_core.evaluation import plots
from mujo_core.evaluation.embedding import Embedding, unit_mean
from mujo_core.evaluation.label_texts import text_vectors
from mujo_core.evaluation.predictions import ExampleSet, embed_examples, make_examples
from mujo_core.evaluation.registry import Plot, Result, Table, Task, protocol, with_chance
from mujo_core.evaluation.space_map import map_plot

_AT_ONCE = 1024


def label_first(
    queries: np.ndarray, gallery: np.ndarray, asked: np.ndarray, held: np.ndarray
) -> float:
    """Return the share of queries whose nearest item has their label, be it theirs or not."""
    found = [
        held[(queries[start : start + _AT_ONCE] @ gallery.T).argmax(axis=1)]
        for start in range(0, len(queries), _AT_ONCE)
    ]
    return float((np.concatenate(found) == asked).mean())


@dataclass(frozen=True)
class Items:
    """Unit vectors (N, size) of one modality; of each its clip and its label, (N,) places."""

    vectors: np.ndarray
    clips: np.ndarray
    labels: np.ndarray


def items_of(embedding: Embedding, where: ExampleSet, modality: str, labels: list[str]) -> Items:
    """Return what can be found in a modality: recordings (the mean of their windows) or windows."""
    rows = embedding.having([modality])
    vectors = embedding.fused([modality], rows).numpy()
    places = where.places(rows, labels)
    if where.unit == 'window':
        return Items(vectors, rows, places)
    groups = where.groups(rows)
    means, clips = unit_mean(vectors, groups)
    _, first = np.unique(groups, return_index=True)
    return Items(means, clips, places[first])


def ranks(queries: np.ndarray, gallery: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the rank (Q,) of the best wanted item, from 1; of equal ones it is the last.

    Args:
        queries: (Q, size); gallery: (N, size) unit vectors.
        wanted: (Q, N) bool, at least one a row.
    """
    found = []
    for start in range(0, len(queries), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        similarity = queries[part] @ gallery.T
        best = np.where(wanted[part], similarity, -np.inf).max(axis=1, keepdims=True)
        found.append(1 + ((similarity >= best) & ~wanted[part]).sum(axis=1))
    return np.concatenate(found)


def figures_of(rank: np.ndarray) -> dict[str, float]:
    """Return R@1, R@5, MRR and the median of ranks (Q,)."""
    return {
        'r_at_1': float((rank <= 1).mean()),
        'r_at_5': float((rank <= 5).mean()),
        'mrr': float((1.0 / rank).mean()),
        'median_rank': float(np.median(rank)),
    }


def chance_of(wanted: np.ndarray) -> dict[str, float]:
    """Return what a random order of the gallery would reach, exactly.

    Args:
        wanted: (Q, N) bool.
    """
    counts, queries = np.unique(wanted.sum(axis=1), return_counts=True)
    size = wanted.shape[1]
    places = np.arange(size)
    one, five, reciprocal = [], [], []
    for count in counts:
        # The share of orders in which nothing wanted is among the first r.
        misses = np.cumprod(np.clip((size - count - places) / (size - places), 0.0, 1.0))
        first = -np.diff(np.concatenate([[1.0], misses]))
        one.append(1.0 - misses[0])
        five.append(1.0 - misses[min(5, size) - 1])
        reciprocal.append(float((first / (places + 1)).sum()))
    return {
        'r_at_1': float(np.average(one, weights=queries)),
        'r_at_5': float(np.average(five, weights=queries)),
        'mrr': float(np.average(reciprocal, weights=queries)),
    }


@protocol('retrieval', 'from each modality to each other one, and to and from label texts')
def retrieval(task: Task) -> Result:
    """Rank every gallery by cosine; of a text any clip of its label counts."""
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    labels = where.labels
    embedding = embed_examples(checkpoint, where.examples)
    items = {m: items_of(embedding, where, m, labels) for m in embedding.modalities}
    texts = text_vectors(checkpoint, labels).numpy()
    pairs: dict[str, dict[str, Any]] = {}
    for source, target in permutations([*items, 'text'], 2):
        if source == 'text':
            there = items[target]
            asked, held = np.unique(there.labels), there.labels
            queries, gallery = texts[asked], there.vectors
            wanted = asked[:, None] == held[None, :]
        elif target == 'text':
            asked, held = items[source].labels, np.arange(len(labels))
            queries, gallery = items[source].vectors, texts
            wanted = asked[:, None] == held[None, :]
        else:
            here, there = items[source], items[target]
            common, first, second = np.intersect1d(here.clips, there.clips, return_indices=True)
            queries, gallery = here.vectors[first], there.vectors[second]
            asked, held = here.labels[first], there.labels[second]
            wanted = np.eye(len(common), dtype=bool)
        if not len(queries):
            continue
        pairs[f'{source} to {target}'] = {
            **figures_of(ranks(queries, gallery, wanted)),
            'right_label_first': label_first(queries, gallery, asked, held),
            'queries': len(queries),
            'gallery': len(gallery),
            'chance': chance_of(wanted),
        }
    data = {**task.header(), 'unit': where.unit, 'pairs': pairs}
    rows = [
        [name, *(with_chance(p[f], p['chance'][f]) for f in ('r_at_1', 'r_at_5', 'mrr')),
         p['median_rank'], p['right_label_first'], f'{p["queries"]} in {p["gallery"]}']
        for name, p in pairs.items()
    ]  # fmt: skip
    columns = ['', 'R@1', 'R@5', 'MRR', 'median rank', 'label@1', 'queries']
    table = Table(f'retrieval of {where.unit}s, {task.dataset}; in brackets: chance', columns, rows)
    pictures = [
        Plot('retrieval', 'Retrieval between modalities; the lines are what chance would give',
             lambda: plots.retrieval_bars(pairs)),
        map_plot(checkpoint, embedding, where),
    ]  # fmt: skip
    notes = [
        'Between sensors the one right item is the same clip at the same time; of a text any '
        'clip of its label is right; of items equally near the wrong ones come first. label@1: the '
        'nearest item has the right label, whether it is the same clip or not.'
    ]
    return Result(data, [table], pictures, {}, notes)
