"""What a model says, with labels of its own, of activities it was trained on and of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from mujo_core.evaluation.embedding import Embedding
from mujo_core.evaluation.predictions import ExampleSet, pool
from mujo_core.evaluation.registry import Task
from mujo_core.labels import (
    UNKNOWN,
    distractor_places,
    merge,
    never_for_others,
    related,
    wider_labels,
)
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.posture import posture_of
from mujo_core.recognition.decision import (
    DecisionSettings,
    Postures,
    calibrated_scores,
    settle,
)
from mujo_core.recording import subset_name

FALSE_ALARM_RATE = DecisionSettings().false_alarm_rate
"""The rate of false alarms at which `unknown` is said."""
SURE = 0.5
"""The confidence from which a wrong answer is a confident one."""


def meanings(names: Sequence[str], checkpoint: Checkpoint) -> dict[str, str]:
    """Return what each name means, of the names for which a checkpoint has a label.

    That label may be wider or narrower: who knows a kick to the side knows a kick.
    """
    known = checkpoint.labels
    meant = {name: name if name in known else merge(name) for name in names}
    return {
        name: label
        for name, label in meant.items()
        if any(related(label, o, known) for o, words in known.items() if not words.distractor)
    }


@dataclass(frozen=True)
class Answers:
    """What was said of n windows or recordings; shares, which sum to 1 but for `sure`.

    Attributes:
        right: the label itself, or one that is wider or narrower.
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
        meant: the label that each name means, where the checkpoint has one (`meanings`).

    Returns:
        ``met`` and ``never_met``, each where it occurs.
    """
    rows = embedding.having(subset)
    names = [*checkpoint.labels, UNKNOWN]
    with torch.inference_mode():
        vectors = embedding.fused(subset, rows)
        logits = checkpoint.model.logits(vectors, checkpoint.label_vectors()).numpy()
    calibration = checkpoint.calibration.get(subset_name(tuple(subset)), Calibration())
    familiarity = embedding.familiarity(subset, rows)
    apart = distractor_places(checkpoint.labels)
    scores, unknown = calibrated_scores(logits, calibration, FALSE_ALARM_RATE, familiarity, apart)
    truths = list(dict.fromkeys(where.examples[int(row)].label for row in rows))
    # `pool` names the truth by its place, the answers by theirs.
    if 'pose' in subset:
        tell, rate = Postures(checkpoint.labels), checkpoint.window.pose_rate
        seen = [posture_of(where.examples[int(row)].window.pose, rate) for row in rows]
        scores = np.stack([tell(row, what) for row, what in zip(scores, seen, strict=True)])
    said = pool(np.column_stack([scores, unknown]), rows, where, truths)
    wider = wider_labels(checkpoint.labels, never_for_others(checkpoint.labels))
    settled = np.array([np.append(settle(row[:-1], wider), row[-1]) for row in said.probabilities])
    confidence, predicted = settled.max(axis=1), settled.argmax(axis=1)
    background = [label.background for label in checkpoint.labels.values()]
    nothing = np.array([*background, True])[predicted]
    met = np.array([name in meant for name in truths])[said.truth]
    fits = np.array(
        [[n in meant and related(meant[n], o, checkpoint.labels) for o in names] for n in truths]
    )
    right = fits[said.truth, predicted]
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
