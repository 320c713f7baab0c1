"""The protocol `zero_shot`: a data set's labels are known by their texts alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from mujo_core.evaluation import plots
from mujo_core.evaluation.embedding import subsets_of
from mujo_core.evaluation.label_texts import text_vectors
from mujo_core.evaluation.predictions import embed_examples, make_examples, predict
from mujo_core.evaluation.registry import Plot, Result, Table, Task, protocol, with_interval
from mujo_core.recording import subset_name


def chance(truth: np.ndarray, count: int) -> dict[str, float]:
    """Return what blind guessing reaches: evenly over `count` labels, or always the commonest.

    Args:
        truth: (N,) places of the labels.
    """
    shares = np.bincount(truth, minlength=count) / len(truth)
    even = 1.0 / count
    return {
        'accuracy': round(even, 5),
        'macro_f1': round(float(np.mean(2 * shares * even / (shares + even))), 5),
        'commonest': round(float(shares.max()), 5),
    }


@protocol('zero_shot', 'by label texts alone, on a data set the model was never trained on')
def zero_shot(task: Task) -> Result:
    """Choose the label whose text lies nearest, and say what chance would give."""
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    labels = list(task.labels) or where.labels
    embedding = embed_examples(checkpoint, where.examples)
    texts = text_vectors(checkpoint, labels)
    trained = sorted(set(labels) & set(checkpoint.labels))
    found = {}
    for subset in subsets_of(embedding.modalities):
        predictions = predict(checkpoint, embedding, where, subset, labels, texts)
        if predictions:
            found[subset_name(subset)] = predictions
    subsets: dict[str, Any] = {}
    for name, predictions in found.items():
        subsets[name] = {
            **predictions.scores().to_dict(),
            'chance': chance(predictions.truth, len(labels)),
            'spread': predictions.spread(),
        }
    data = {
        **task.header(),
        'unit': where.unit,
        'labels': labels,
        'labels_trained_on': trained,
        'subsets': subsets,
    }
    rows = [
        [name, with_interval(s['accuracy'], s['spread']['accuracy_wilson_95']),
         s['chance']['accuracy'],
         with_interval(s['macro_f1'], s['spread']['macro_f1_bootstrap_95']),
         s['chance']['macro_f1'], s['n']]
        for name, s in subsets.items()
    ]  # fmt: skip
    columns = ['modalities', 'accuracy (95 %)', 'chance', 'macro-F1 (95 %)', 'chance', 'n']
    best = max(found, key=lambda name: name.count('+'))
    picture = Plot(
        'confusion',
        f'Zero-shot confusion matrix of {best}, share of each true label',
        lambda: plots.confusion_matrix(found[best].confusion(), labels),
    )
    notes = [
        f'{len(trained)} of {len(labels)} labels have a name among those the model was trained '
        f'with{": " + ", ".join(trained) if trained else ""}; its training data must not hold '
        f'{task.dataset} for this to be zero-shot.'
    ]
    table = Table(f'{where.unit}s of {task.dataset} by its label texts alone', columns, rows)
    return Result(data, [table], [picture], {}, notes)
