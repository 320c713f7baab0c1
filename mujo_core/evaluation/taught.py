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
from mujo_core.evaluation.registry import Result, Table, Task, protocol, with_spread
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.distinction import details_of, example_details
from mujo_core.recognition.label_space import LabelSpace, make_label_space
from mujo_core.recognition.taught import TaughtExample, TaughtLabel, kept, space_of
from mujo_core.recognition.teaching import mean_of
from mujo_core.recording import modality_of, subset_name

AMOUNTS = (1, 3, 5)
"""Examples of each label."""
SHOWN = 3
"""Windows that make an example, at most; one that is short has fewer."""
PEOPLE = 5
"""People who show, at most half of them."""
MANY = 6
"""From so many people on, some show and others are judged."""
_AT_ONCE = 64


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


class Shown:
    """What examples of a set show beyond the joint space, each encoded once."""

    def __init__(self, checkpoint: Checkpoint, where: ExampleSet) -> None:
        self._checkpoint = checkpoint
        self._windows = [example.window for example in where.examples]
        parts = range(0, len(self._windows), _AT_ONCE)
        self.rows = [
            row for i in parts for row in details_of(checkpoint, self._windows[i : i + _AT_ONCE])
        ]
        """Of each window, by stream."""
        self._examples: dict[tuple[int, ...], dict[str, np.ndarray]] = {}

    def example(self, rows: np.ndarray, subset: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the details of an example of some windows, of a modality subset alone."""
        key = tuple(int(row) for row in rows)
        if key not in self._examples:
            windows = [self._windows[row] for row in key]
            self._examples[key] = example_details(self._checkpoint, windows)
        return {n: kept(d) for n, d in self._examples[key].items() if modality_of(n) in subset}


def teach_all(
    checkpoint: Checkpoint, embedding: Embedding, seen: Shown, subset: Sequence[str],
    shown: dict[str, list[np.ndarray]], space: str,
) -> LabelSpace:  # fmt: skip
    """Return the space of the labels of `shown`, in their order, taught from a subset alone."""
    words = label_texts(list(shown))
    name = subset_name(tuple(subset))
    taught = {}
    for label, parts in shown.items():
        examples = tuple(
            TaughtExample(
                '',
                len(rows),
                {name: mean_of(embedding.fused(subset, rows).numpy())},
                seen.example(rows, subset),
            )
            for rows in parts
        )
        own = checkpoint.labels.get(label, words[label])
        taught[label] = TaughtLabel(own, space, examples)
    labels = {label: known.label for label, known in taught.items()}
    return make_label_space(checkpoint, labels, taught)


@protocol('taught', 'every label taught by 1, 3 and 5 examples, nothing trained')
def taught(task: Task) -> Result:
    """Teach, judge, and draw the examples anew for each seed."""
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    embedding = embed_examples(checkpoint, where.examples)
    seen = Shown(checkpoint, where)
    space = space_of(checkpoint.model)
    everybody = sorted({e.stretch.subject for e in where.examples})
    several = len(everybody) >= MANY
    subsets: dict[str, dict[str, Any]] = {}
    for subset in subsets_of(embedding.modalities):
        rows, name = embedding.having(subset), subset_name(subset)
        if not len(rows):
            continue
        for amount in AMOUNTS:
            found, counts = [], []
            for seed in task.seeds:
                rng = np.random.default_rng(seed)
                for own in [''] if several else everybody:
                    shown, judged = choose(where, rows, amount, own, rng)
                    judged = judged[[where.examples[i].label in shown for i in judged]]
                    if not len(judged) or len(shown) < 2:
                        continue
                    taught_space = teach_all(checkpoint, embedding, seen, subset, shown, space)
                    found.append(
                        _macro_f1(checkpoint, embedding, seen, where, subset, judged, taught_space)
                    )
                    counts.append(len(np.unique(where.groups(judged))))
            if found:
                subsets.setdefault(name, {})[str(amount)] = {
                    'macro_f1': float(np.mean(found)),
                    'std': float(np.std(found)),
                    'draws': len(found),
                    'judged': float(np.mean(counts)),
                }
    if not subsets:
        raise ValueError(
            f'expected recordings that are left to judge beside those that show, of two labels or '
            f'more; {len(where.examples)} {where.unit}s of {len(everybody)} people leave none: '
            'name more --subjects'
        )
    data = {
        **task.header(),
        'unit': where.unit,
        'shown_by': 'others' if several else 'the same person',
        'subsets': subsets,
    }
    rows_of = [
        [
            name,
            amount,
            with_spread(f['macro_f1'], f['std'], f['draws']),
            f['draws'],
            f'{f["judged"]:.0f}',
        ]
        for name, amounts in subsets.items()
        for amount, f in amounts.items()
    ]
    title = f'{task.dataset}, {where.unit}s; shown by {data["shown_by"]}'
    columns = ['modalities', 'examples a label', 'macro-F1', 'draws', 'judged in each']
    notes = [
        'A label with fewer recordings than asked for is taught by those it has'
        + ('.' if several else ', but for one.')
    ]
    return Result(data, [Table(title, columns, rows_of)], notes=notes)


def _macro_f1(
    checkpoint: Checkpoint, embedding: Embedding, seen: Shown, where: ExampleSet,
    subset: Sequence[str], judged: np.ndarray, space: LabelSpace,
) -> float:  # fmt: skip
    name = subset_name(tuple(subset))
    spread = checkpoint.calibration.get(name, Calibration()).temperature
    with torch.inference_mode():
        vectors = embedding.fused(subset, judged)
        logits = checkpoint.model.logits(vectors, space.vectors(name)).numpy()
    if space.distinction is not None:
        rows = [{n: d for n, d in seen.rows[i].items() if modality_of(n) in subset} for i in judged]
        logits, _ = space.distinction.tell(logits, rows, np.full(len(judged), spread))
    labels = list(space.names)
    predictions = pool(softmax(logits / spread), judged, where, labels)
    return score(predictions.probabilities, predictions.truth, labels).macro_f1
