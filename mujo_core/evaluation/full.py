"""The protocol `full`: every modality subset that checkpoint and data allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mujo_core.evaluation import plots
from mujo_core.evaluation.baselines import baseline_table, compare_with_baseline
from mujo_core.evaluation.embedding import Embedding, subsets_of
from mujo_core.evaluation.metrics import Scores
from mujo_core.evaluation.predictions import (
    ExampleSet,
    Predictions,
    answers_of,
    embed_examples,
    make_examples,
    predict,
)
from mujo_core.evaluation.registry import Plot, Result, Table, Task, protocol, with_interval
from mujo_core.evaluation.space_map import map_plot
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import Recording, subset_name
from mujo_core.window import Window

__all__ = ['evaluate_full', 'full', 'subsets_of', 'window_logits']


def window_logits(checkpoint: Checkpoint, windows: Sequence[Window]) -> np.ndarray:
    """Return (N, L) logits of windows."""
    return weighed_logits(checkpoint, windows)[0]


def weighed_logits(
    checkpoint: Checkpoint, windows: Sequence[Window]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, L) logits of windows and how familiar they are, (N,)."""
    with torch.inference_mode():
        vectors, familiarity = checkpoint.model.weighed(batch_windows(windows, checkpoint.window))
        logits = checkpoint.model.logits(vectors, checkpoint.label_vectors())
    return logits.numpy(), familiarity.numpy()


def protocol_labels(checkpoint: Checkpoint, where: ExampleSet, choices: Sequence[str]) -> list[str]:
    """Return the labels among which an answer is chosen, in the checkpoint's order."""
    asked = set(choices) or set(where.labels)
    return [name for name in checkpoint.labels if name in asked]


def predict_subsets(
    checkpoint: Checkpoint, embedding: Embedding, where: ExampleSet, choices: Sequence[str]
) -> dict[str, Predictions]:
    """Return the answers from every subset of modalities that occurs."""
    labels = protocol_labels(checkpoint, where, choices)
    names = list(checkpoint.labels)
    texts = checkpoint.label_vectors()[[names.index(name) for name in labels]]
    found = {
        subset_name(subset): predict(checkpoint, embedding, where, subset, labels, texts)
        for subset in subsets_of(embedding.modalities)
    }
    return {name: predictions for name, predictions in found.items() if predictions}


def evaluate_full(
    checkpoint: Checkpoint,
    recordings: Sequence[Recording],
    choices: Sequence[str] = (),
    unit: str | None = None,
) -> dict[str, Scores]:
    """Score every modality subset that checkpoint and recordings allow.

    Args:
        checkpoint: the model.
        recordings: each labelled activity in them is judged by itself.
        choices: the protocol's labels, among which an answer is chosen; empty for those that occur.
        unit: `recording` or `window`; None for what suits recordings of this length.

    Raises:
        ValueError: no recording with a label of the checkpoint.
    """
    where = make_examples(recordings, checkpoint.window, list(checkpoint.labels), unit)
    embedding = embed_examples(checkpoint, where.examples)
    found = predict_subsets(checkpoint, embedding, where, choices)
    return {name: predictions.scores() for name, predictions in found.items()}


@protocol('full', 'one answer a recording (or window) from every subset of modalities')
def full(task: Task) -> Result:
    """Score every subset; with a baseline, fit it on the other people and test the difference."""
    checkpoint = task.checkpoint
    where = make_examples(
        task.tested, checkpoint.window, list(checkpoint.labels), task.unit, task.stride
    )
    embedding = embed_examples(checkpoint, where.examples)
    found = predict_subsets(checkpoint, embedding, where, task.labels)
    scores = {name: predictions.scores() for name, predictions in found.items()}
    spread = {name: predictions.spread() for name, predictions in found.items()}
    data = {
        **task.header(),
        'subsets': {name: s.to_dict() for name, s in scores.items()},
        'unit': where.unit,
        'answers': answers_of(where, found),
    }
    rows = [
        [name,
         with_interval(s.accuracy, spread[name]['accuracy_wilson_95']),
         with_interval(s.macro_f1, spread[name]['macro_f1_bootstrap_95']),
         spread[name]['std_over_subjects']['macro_f1'] if len(data['subjects']) > 1 else '-',
         s.ece, s.n]
        for name, s in scores.items()
    ]  # fmt: skip
    title = f'{task.dataset}, {where.unit}s of subjects {" ".join(map(str, data["subjects"]))}'
    columns = ['modalities', 'accuracy (95 %)', 'macro-F1 (95 %)', '± people', 'ECE', 'n']
    tables = [Table(title, columns, rows)]
    for name in task.baselines:
        beside = compare_with_baseline(task, name, where, found)
        # One is what most ask for, and its figures have a place of their own.
        data.setdefault('baseline', beside)
        data.setdefault('baselines', {})[name] = beside
        tables.append(baseline_table(beside))
    best = max(found, key=lambda name: name.count('+'))
    pictures = [
        Plot('subsets', 'Macro-F1 by modality subset; bars: 95 % bootstrap over recordings, '
             'dots: single subjects', lambda: plots.subset_bars(scores, spread, data)),
        Plot('confusion', f'Confusion matrix of {best}, share of each true label',
             lambda: plots.confusion_matrix(found[best].confusion(), found[best].labels)),
        map_plot(checkpoint, embedding, where),
    ]  # fmt: skip
    details = {
        'stride': where.stride,
        'spread': spread,
        'confusion': {name: p.confusion().tolist() for name, p in found.items()},
        'labels': found[best].labels,
    }
    return Result(data, tables, pictures, details)
