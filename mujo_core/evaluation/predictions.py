"""From vectors or a baseline's answers to predictions, one a recording or one a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mujo_core.evaluation.embedding import Embedding, embed_windows
from mujo_core.evaluation.examples import (
    Example,
    cut_examples,
    default_stride,
    default_unit,
    filling,
    labelled_stretches,
)
from mujo_core.evaluation.metrics import Scores, score
from mujo_core.evaluation.statistics import (
    accuracy,
    bootstrap_intervals,
    confusion,
    macro_f1,
    wilson_interval,
)
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.pace import at_pace
from mujo_core.recording import Recording, subset_name
from mujo_core.window import WindowSpec


@dataclass(frozen=True)
class ExampleSet:
    """Windows that are scored, and what counts as one of them.

    Attributes:
        examples: in order of their stretches; unit: `recording` or `window`; stride: seconds.
    """

    examples: list[Example]
    unit: str
    stride: float

    @property
    def labels(self) -> list[str]:
        """The labels that occur, sorted."""
        return sorted({example.label for example in self.examples})

    def groups(self, rows: np.ndarray) -> np.ndarray:
        """Return the stretch (len(rows),) of some examples."""
        return np.array([self.examples[i].group for i in rows], dtype=int)

    def places(self, rows: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        """Return the labels (len(rows),) of some examples, as places in `labels`."""
        where = {name: index for index, name in enumerate(labels)}
        return np.array([where[self.examples[i].label] for i in rows], dtype=int)


def make_examples(
    recordings: Sequence[Recording],
    spec: WindowSpec,
    labels: Sequence[str] = (),
    unit: str | None = None,
    stride: float | None = None,
) -> ExampleSet:
    """Cut recordings into labelled windows.

    Args:
        labels: keep these alone; empty for all.
        unit, stride: None for what suits recordings of this length. With a stride recordings keep
            their pace, and the mean over their windows is taken.

    Raises:
        ValueError: no recording has one of the labels.
    """
    stretches = labelled_stretches(recordings, labels)
    if not stretches:
        wanted = f'labels out of {", ".join(labels)}' if labels else 'labels'
        raise ValueError(
            f'expected recordings with {wanted}; '
            f'{len(recordings)} recordings came, none with one of them'
        )
    unit = unit or default_unit(stretches, spec)
    if unit == 'recording' and stride is None:
        stretches = [at_pace(s, filling(s, spec)) for s in stretches]
    stride = stride or default_stride(unit, spec)
    return ExampleSet(cut_examples(stretches, spec, stride), unit, stride)


def embed_examples(checkpoint: Checkpoint, examples: Sequence[Example]) -> Embedding:
    """Encode the windows of examples."""
    return embed_windows(checkpoint, [example.window for example in examples])


@dataclass(frozen=True)
class Predictions:
    """Answers of one classifier.

    Attributes:
        probabilities: (N, L); truth: (N,) places in `labels`.
        recordings: (N,) to which recording each belongs; subjects: (N,) whose it is.
        places: (N,) of what got each answer: a stretch, or an example where the unit is a window.
    """

    labels: list[str]
    probabilities: np.ndarray
    truth: np.ndarray
    recordings: np.ndarray
    subjects: np.ndarray
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    @property
    def predicted(self) -> np.ndarray:
        """The places (N,) of the labels said."""
        return np.asarray(self.probabilities.argmax(axis=1))

    def scores(self) -> Scores:
        """Return the figures."""
        return score(self.probabilities, self.truth, self.labels)

    def confusion(self) -> np.ndarray:
        """Return (L, L) counts, truth by row."""
        return confusion(self.truth, self.predicted, len(self.labels))

    def spread(self) -> dict[str, Any]:
        """Return intervals of the figures, and the figures of each subject."""
        right = int((self.predicted == self.truth).sum())
        drawn = bootstrap_intervals(self.truth, self.predicted, self.recordings, len(self.labels))
        each = {}
        for subject in sorted(set(self.subjects), key=lambda s: (len(s), s)):
            own = self.subjects == subject
            matrix = confusion(self.truth[own], self.predicted[own], len(self.labels))
            each[str(subject)] = {
                'accuracy': float(accuracy(matrix)),
                'macro_f1': float(macro_f1(matrix)),
                'n': int(own.sum()),
            }
        return {
            'accuracy_wilson_95': list(wilson_interval(right, len(self.truth))),
            'accuracy_bootstrap_95': list(drawn['accuracy']),
            'macro_f1_bootstrap_95': list(drawn['macro_f1']),
            'subjects': each,
            'std_over_subjects': {
                figure: float(np.std([e[figure] for e in each.values()]))
                for figure in ('accuracy', 'macro_f1')
            },
        }


def pool(
    probabilities: np.ndarray, rows: np.ndarray, where: ExampleSet, labels: Sequence[str]
) -> Predictions:
    """Join the answers (len(rows), L) for some examples to predictions, by the set's unit.

    A recording's answer is the mean over its windows.
    """
    truth, groups = where.places(rows, labels), where.groups(rows)
    first = np.arange(len(rows))
    places = np.asarray(rows)
    if where.unit == 'recording':
        places, first, place = np.unique(groups, return_index=True, return_inverse=True)
        sums = np.zeros((len(first), probabilities.shape[1]))
        np.add.at(sums, place, probabilities)
        probabilities = sums / np.bincount(place)[:, None]
    stretches = [where.examples[int(rows[i])].stretch for i in first]
    names = [s.name.rpartition('#')[0] or s.name for s in stretches]
    return Predictions(
        labels=list(labels),
        probabilities=probabilities,
        truth=truth[first],
        recordings=np.unique(names, return_inverse=True)[1],
        subjects=np.array([s.subject for s in stretches]),
        places=places,
    )


def answers_of(where: ExampleSet, found: Mapping[str, Predictions]) -> dict[str, Any]:
    """Return what was said of each recording or window, one list a column, all in one order.

    Returns:
        ``recording`` (the labelled stretch), ``subject``, ``label``, of windows ``end`` in seconds;
        ``said`` and ``probability`` (of what was said) by modality subset, None where a recording
        lacks one of its modalities.
    """
    whole = where.unit == 'recording'
    by_place = {e.group if whole else i: e for i, e in enumerate(where.examples)}
    order = sorted({int(place) for p in found.values() for place in p.places})
    shown = [by_place[place] for place in order]
    columns: dict[str, Any] = {
        'recording': [e.stretch.name for e in shown],
        'subject': [e.stretch.subject for e in shown],
        'label': [e.label for e in shown],
    }
    if not whole:
        columns['end'] = [round(e.end, 3) for e in shown]
    columns |= {'said': {}, 'probability': {}}
    for name, p in found.items():
        row = {int(place): i for i, place in enumerate(p.places)}
        said, best = p.predicted, p.probabilities.max(axis=1)
        there = [row.get(place) for place in order]
        columns['said'][name] = [None if i is None else p.labels[said[i]] for i in there]
        columns['probability'][name] = [None if i is None else float(best[i]) for i in there]
    return columns


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return (N, L) rows that sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def predict(
    checkpoint: Checkpoint,
    embedding: Embedding,
    where: ExampleSet,
    subset: Sequence[str],
    labels: Sequence[str],
    texts: torch.Tensor,
) -> Predictions | None:
    """Return the answers from a subset of modalities, or None where nothing holds it.

    Args:
        labels: among which an answer is chosen: a data set's protocol asks which of its
            activities it is, not whether it is one of them.
        texts: (L, size) unit vectors of the labels.
    """
    rows = embedding.having(subset)
    if not len(rows):
        return None
    with torch.inference_mode():
        logits = checkpoint.model.logits(embedding.fused(subset, rows), texts).numpy()
    calibration = checkpoint.calibration.get(subset_name(tuple(subset)), Calibration())
    return pool(softmax(logits / calibration.temperature), rows, where, labels)
