"""The protocol `zero_shot`: a data set's labels are known by their texts alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from mujo_core.evaluation import plots
from mujo_core.evaluation.embedding import subsets_of
from mujo_core.evaluation.label_texts import text_vectors
from mujo_core.evaluation.own_labels import (
    FALSE_ALARM_RATE,
    SURE,
    meanings,
    own_answers,
    without_threshold,
)
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
        'accuracy': even,
        'macro_f1': float(np.mean(2 * shares * even / (shares + even))),
        'commonest': float(shares.max()),
    }


def _or_nothing(figure: float | None) -> float | str:
    return '-' if figure is None else figure


@protocol('zero_shot', 'by label texts alone, on a data set the model was never trained on')
def zero_shot(task: Task) -> Result:
    """Choose the label whose text lies nearest, and say what chance would give.

    Beside it, what is said with the labels that the model has of its own: of activities that it
    knows by whatever name, and of those that it has never met and that should be unknown.
    """
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    labels = list(task.labels) or where.labels
    embedding = embed_examples(checkpoint, where.examples)
    texts = text_vectors(checkpoint, labels)
    meant = meanings(labels, checkpoint)
    trained = sorted(meant)
    found, own = {}, {}
    for subset in subsets_of(embedding.modalities):
        predictions = predict(checkpoint, embedding, where, subset, labels, texts)
        if predictions:
            name = subset_name(subset)
            found[name] = predictions
            own[name] = own_answers(checkpoint, embedding, where, subset, meant)
    subsets: dict[str, Any] = {}
    for name, predictions in found.items():
        scores = predictions.scores()
        known = [f1 for label, f1 in scores.per_class.items() if label in meant]
        subsets[name] = {
            **scores.to_dict(),
            'macro_f1_trained_on': float(np.mean(known)) if known else None,
            'own_labels': {kind: answers.to_dict() for kind, answers in own[name].items()},
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
         s['chance']['macro_f1'], _or_nothing(s['macro_f1_trained_on']), s['n']]
        for name, s in subsets.items()
    ]  # fmt: skip
    columns = [
        'modalities', 'accuracy (95 %)', 'chance', 'macro-F1 (95 %)', 'chance',
        'labels trained on', 'n',
    ]  # fmt: skip
    answered = Table(
        f'with the labels of its own, unknown at {FALSE_ALARM_RATE:.0%} false alarms',
        [
            'modalities',
            'activities',
            'right',
            'unknown or none',
            'wrong',
            f'wrong, surer than {SURE}',
            'n',
        ],
        [
            [name, kind.replace('_', ' '), a.right, _or_nothing(a.none), a.wrong, a.sure, a.n]
            for name, kinds in own.items()
            for kind, a in kinds.items()
        ],
    )
    best = max(found, key=lambda name: name.count('+'))
    picture = Plot(
        'confusion',
        f'Zero-shot confusion matrix of {best}, share of each true label',
        lambda: plots.confusion_matrix(found[best].confusion(), labels),
    )
    notes = [
        f'{len(trained)} of {len(labels)} labels mean one that the model was trained with'
        f'{": " + ", ".join(trained) if trained else ""}; its training data must not hold '
        f'{task.dataset} for this to be zero-shot.',
        *without_threshold(task, own),
    ]
    table = Table(f'{where.unit}s of {task.dataset} by its label texts alone', columns, rows)
    return Result(data, [table, answered], [picture], {}, notes)
