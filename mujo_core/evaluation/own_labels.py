"""What a model says, with labels of its own, of activities it was trained on and of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from mujo_core.evaluation.embedding import Embedding
from mujo_core.evaluation.predictions import ExampleSet, pool
from mujo_core.evaluation.registry import Task
from mujo_core.labels import UNKNOWN, merge
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.decision import DecisionSettings, calibrated_scores
from mujo_core.recording import subset_name

FALSE_ALARM_RATE = DecisionSettings().false_alarm_rate
"""The rate of false alarms at which `unknown` is said."""
SURE = 0.5
"""The confidence from which a wrong answer is a confident one."""


def meanings(names: Sequence[str], checkpoint: Checkpoint) -> dict[str, str]:
    """Return which of a checkpoint's labels each name means, of the names that mean one."""
    meant = {name: name if name in checkpoint.labels else merge(name) for name in names}
    return {name: label for name, label in meant.items() if label in checkpoint.labels}


@dataclass(frozen=True)
class Answers:
    """What was said of n windows or recordings; shares, which sum to 1 but for `sure`.

    Attributes:
        right: the label itself.
        none: `unknown`, or a label that is no activity; None without a threshold of `unknown`.
        wrong: another activity; sure: that with a confidence of `SURE` or more.
    """

    n: int
    right: float
    none: float | None
    wrong: float
    sure: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the object for a report's JSON."""
        return asdict(self)


def without_threshold(task: Task, subsets: Iterable[str]) -> list[str]:
    """Return a sentence that names the subsets of which nothing is ever said to be unknown."""
    known = task.checkpoint.calibration
    bare = [name for name in subsets if name not in known or not known[name].unknown]
    if not bare:
        return []
    return [
        f'{task.checkpoint_name} has no threshold of unknown for {", ".join(bare)} (no '
        'calibration: mujo train --cross-validation fits one): of those nothing is ever said to '
        "be unknown, and figures of it are left out ('-')."
    ]


def own_answers(
    checkpoint: Checkpoint,
    embedding: Embedding,
    where: ExampleSet,
    subset: Sequence[str],
    meant: Mapping[str, str],
) -> dict[str, Answers]:
    """Return what is said of activities that were `met` in training and of those that were not.

    Args:
        subset: modalities, of which some window has all.
        meant: the checkpoint's label of each name that has one (`meanings`).

    Returns:
        ``met`` and ``never_met``, each where it occurs.
    """
    rows = embedding.having(subset)
    examples = [replace(e, label=meant.get(e.label, UNKNOWN)) for e in where.examples]
    names = [*checkpoint.labels, UNKNOWN]
    with torch.inference_mode():
        vectors = embedding.fused(subset, rows)
        logits = checkpoint.model.logits(vectors, checkpoint.label_vectors()).numpy()
    calibration = checkpoint.calibration.get(subset_name(tuple(subset)), Calibration())
    familiarity = embedding.familiarity(subset, rows)
    scores, unknown = calibrated_scores(logits, calibration, FALSE_ALARM_RATE, familiarity)
    said = pool(np.column_stack([scores, unknown]), rows, replace(where, examples=examples), names)
    confidence, predicted = said.probabilities.max(axis=1), said.predicted
    background = [label.background for label in checkpoint.labels.values()]
    nothing = np.array([*background, True])[predicted]
    met = said.truth != len(checkpoint.labels)
    right = met & (predicted == said.truth)
    none = nothing & ~right
    wrong = ~right & ~none
    return {
        kind: Answers(
            int(rows.sum()),
            float(right[rows].mean()),
            float(none[rows].mean()) if calibration.unknown else None,
            float(wrong[rows].mean()),
            float((wrong & (confidence >= SURE))[rows].mean()),
        )
        for kind, rows in (('met', met), ('never_met', ~met))
        if rows.any()
    }
