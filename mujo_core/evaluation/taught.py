"""The protocol `taught`: every label of a data set is taught by a few examples, none is trained.

An example is a recording (or the first windows of a long one). Where there are people enough,
examples are shown by some and the others are judged, five people showing at most; else a person
shows one's own and is judged on the rest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mujo_core.evaluation.embedding import Embedding, subsets_of
from mujo_core.evaluation.label_texts import label_texts
from mujo_core.evaluation.metrics import score
from mujo_core.evaluation.predictions import (
    ExampleSet,
    embed_examples,
    make_examples,
    pool,
    softmax,
)
from mujo_core.evaluation.registry import Result, Table, Task, protocol
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.label_space import make_label_space
from mujo_core.recognition.taught import TaughtExample, TaughtLabel, space_of
from mujo_core.recognition.teaching import mean_of
from mujo_core.recording import subset_name

AMOUNTS = (1, 3, 5)
"""Examples of each label."""
SHOWN = 3
"""Windows that make an example, at most; one that is short has fewer."""
PEOPLE = 5
"""People who show, at most half of them."""
MANY = 6
"""From so many people on, some show and others are judged."""


def choose(
    where: ExampleSet, rows: np.ndarray, amount: int, own: str, rng: np.random.Generator
) -> tuple[dict[str, list[np.ndarray]], np.ndarray]:
    """Return the rows of each example by label, and the rows that are judged.

    Args:
        rows: windows that can be used; amount: examples of each label.
        own: who shows and is judged; '' where some show and others are judged.
    """
    groups = where.groups(rows)
    people = np.array([where.examples[i].stretch.subject for i in rows])
    labels = np.array([where.examples[i].label for i in rows])
    everybody = sorted(set(people))
    several = not own
    showing = np.array([own] if own else everybody)
    if several:
        showing = rng.permutation(everybody)[: min(PEOPLE, len(everybody) // 2)]
    shown: dict[str, list[np.ndarray]] = {}
    used = np.isin(people, showing) if several else np.zeros(len(rows), dtype=bool)
    for label in sorted(set(labels)):
        mine = (labels == label) & np.isin(people, showing)
        found = rng.permutation(np.unique(groups[mine]))
        who = np.array([people[groups == group][0] for group in found])
        # One of each person first, then second ones.
        turn = np.array([(who[:i] == name).sum() for i, name in enumerate(who)])
        found = found[np.argsort(turn, kind='stable')]
        # Whoever is judged on the rest keeps at least one for that.
        found = found[: min(amount, len(found) if several else len(found) - 1)]
        shown[label] = [rows[groups == group][:SHOWN] for group in found]
        used |= np.isin(groups, found)
    judged = ~used if several else ~used & (people == own)
    return {label: parts for label, parts in shown.items() if parts}, rows[judged]


def teach_all(
    checkpoint: Checkpoint, embedding: Embedding, subset: Sequence[str],
    shown: dict[str, list[np.ndarray]], space: str,
) -> torch.Tensor:  # fmt: skip
    """Return (L, size) vectors of the labels of `shown`, in their order."""
    words = label_texts(list(shown))
    name = subset_name(tuple(subset))
    taught = {}
    for label, parts in shown.items():
        examples = tuple(
            TaughtExample('', len(rows), {name: mean_of(embedding.fused(subset, rows).numpy())})
            for rows in parts
        )
        own = checkpoint.labels.get(label, words[label])
        taught[label] = TaughtLabel(own, space, examples)
    labels = {label: known.label for label, known in taught.items()}
    return make_label_space(checkpoint, labels, taught).vectors(name)


@protocol('taught', 'every label taught by 1, 3 and 5 examples, nothing trained')
def taught(task: Task) -> Result:
    """Teach, judge, and draw the examples anew for each seed."""
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    embedding = embed_examples(checkpoint, where.examples)
    space = space_of(checkpoint.model)
    everybody = sorted({e.stretch.subject for e in where.examples})
    several = len(everybody) >= MANY
    subsets: dict[str, dict[str, Any]] = {}
    for subset in subsets_of(embedding.modalities):
        rows, name = embedding.having(subset), subset_name(subset)
        if not len(rows):
            continue
        for amount in AMOUNTS:
            found = []
            for seed in task.seeds:
                rng = np.random.default_rng(seed)
                for own in [''] if several else everybody:
                    shown, judged = choose(where, rows, amount, own, rng)
                    judged = judged[[where.examples[i].label in shown for i in judged]]
                    if not len(judged) or len(shown) < 2:
                        continue
                    vectors = teach_all(checkpoint, embedding, subset, shown, space)
                    found.append(
                        _macro_f1(checkpoint, embedding, where, subset, judged, shown, vectors)
                    )
            if found:
                subsets.setdefault(name, {})[str(amount)] = {
                    'macro_f1': round(float(np.mean(found)), 5),
                    'std': round(float(np.std(found)), 5),
                    'draws': len(found),
                }
    data = {
        **task.header(),
        'unit': where.unit,
        'shown_by': 'others' if several else 'the same person',
        'subsets': subsets,
    }
    rows_of = [
        [name, amount, f'{f["macro_f1"]:.4f} ± {f["std"]:.4f}', f['draws']]
        for name, amounts in subsets.items()
        for amount, f in amounts.items()
    ]
    title = f'{task.dataset}, {where.unit}s; shown by {data["shown_by"]}'
    columns = ['modalities', 'examples a label', 'macro-F1', 'draws']
    notes = [
        'A label with fewer recordings than asked for is taught by those it has'
        + ('.' if several else ', but for one.')
    ]
    return Result(data, [Table(title, columns, rows_of)], notes=notes)


def _macro_f1(
    checkpoint: Checkpoint, embedding: Embedding, where: ExampleSet, subset: Sequence[str],
    judged: np.ndarray, shown: dict[str, list[np.ndarray]], vectors: torch.Tensor,
) -> float:  # fmt: skip
    calibration = checkpoint.calibration.get(subset_name(tuple(subset)), Calibration())
    with torch.inference_mode():
        logits = checkpoint.model.logits(embedding.fused(subset, judged), vectors).numpy()
    labels = list(shown)
    predictions = pool(softmax(logits / calibration.temperature), judged, where, labels)
    return score(predictions.probabilities, predictions.truth, labels).macro_f1
