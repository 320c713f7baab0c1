"""Corrupted streams through the timeline, tick by tick, and what a system answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mujo_core.corruptions import Corruption, corrupt
from mujo_core.evaluation.distinct import DistinctEncoder, covers
from mujo_core.evaluation.embedding import Embedding
from mujo_core.evaluation.examples import (
    Example,
    default_stride,
    default_unit,
    filling,
    labelled_stretches,
)
from mujo_core.evaluation.predictions import softmax
from mujo_core.evaluation.statistics import wilson_interval
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.pace import at_pace
from mujo_core.recognition.coverage import LEAST_TOTAL_COVERAGE, usable
from mujo_core.recognition.playback import live_windows, stops_of
from mujo_core.recording import Recording, subset_name
from mujo_core.timeline import SILENT_AFTER
from mujo_core.window import WindowSpec

NO_ANSWER = -1
"""The place of no label."""


@dataclass(frozen=True)
class Piece:
    """What is corrupted and scored as one: a clip, or one window of a long recording.

    Attributes:
        stretch: its streams, of one activity; source: the recording they are from.
        last_only: ask at its end alone, else at each stride.
        pace: at which its streams are played to the node once they are corrupted.
    """

    stretch: Recording
    source: str
    last_only: bool
    pace: float = 1.0


@dataclass(frozen=True)
class Pieces:
    """All that is scored, and its truth."""

    pieces: list[Piece]
    labels: list[str]
    unit: str
    stride: float

    @property
    def truth(self) -> np.ndarray:
        """The places (G,) of the labels."""
        where = {name: place for place, name in enumerate(self.labels)}
        return np.array([where[str(p.stretch.label)] for p in self.pieces], dtype=int)

    @property
    def sources(self) -> np.ndarray:
        """Which recording (G,) each is from."""
        return np.unique([p.source for p in self.pieces], return_inverse=True)[1]

    def having(self, subset: Sequence[str]) -> np.ndarray:
        """Return which pieces (G,) hold all modalities of a subset, before anything goes wrong."""
        return np.array([set(subset) <= set(p.stretch.modalities) for p in self.pieces], dtype=bool)


def make_pieces(
    recordings: Sequence[Recording],
    spec: WindowSpec,
    known: Sequence[str],
    choices: Sequence[str],
    unit: str | None,
    stride: float | None,
) -> Pieces:
    """Cut recordings into pieces.

    Args:
        known: the labels of the checkpoint; choices: of the protocol, empty for those that occur.
        unit, stride: None for what suits recordings of this length.

    Raises:
        ValueError: no recording has a label that is known.
    """
    stretches = labelled_stretches(recordings, known)
    if not stretches:
        raise ValueError(
            f'expected recordings with labels out of {", ".join(known)}; '
            f'{len(recordings)} recordings came, none with one of them'
        )
    unit = unit or default_unit(stretches, spec)
    whole = unit == 'recording' and stride is None
    stride = stride or default_stride(unit, spec)
    pieces = []
    for stretch in stretches:
        if unit == 'recording':
            pace = filling(stretch, spec) if whole else 1.0
            pieces.append(Piece(stretch, stretch.name, last_only=False, pace=pace))
            continue
        for number, end in enumerate(stops_of(stretch, spec, stride)):
            # A little more than the window, so that moved stamps have something to move in.
            part = stretch.cut(end - 1.1 * spec.seconds, end, f'{stretch.name}#{number}')
            pieces.append(Piece(part, stretch.name, last_only=True))
    asked = set(choices) or {str(s.label) for s in stretches}
    labels = [name for name in known if name in asked]
    pieces = [piece for piece in pieces if piece.stretch.label in labels]
    return Pieces(pieces, labels, unit, stride)


@dataclass(frozen=True)
class Ticks:
    """What a node looks at while pieces are played to it.

    Attributes:
        groups: (N,) the piece of each tick.
        examples: (N,) its window and where that is from; None where there is nothing to look at.
    """

    groups: np.ndarray
    examples: list[Example | None]


def corrupted_streams(pieces: Pieces, how: Corruption | None, seed: int) -> list[Recording]:
    """Return the pieces' recordings as they arrive; None leaves them as they are."""
    stretches = [piece.stretch for piece in pieces.pieces]
    return stretches if how is None else [corrupt(s, how, seed) for s in stretches]


def ticks_of(
    pieces: Pieces,
    arrived: Sequence[Recording],
    heard: Sequence[Recording],
    spec: WindowSpec,
    silent_after: float = SILENT_AFTER,
) -> Ticks:
    """Play streams to a node.

    Args:
        arrived: the pieces' corrupted recordings, whose length says when the node ticks.
        heard: what of them reaches the recognizer.
        silent_after: seconds without a sample after which it answers no more.
    """
    groups: list[int] = []
    examples: list[Example | None] = []
    for group, (piece, recording, reached) in enumerate(
        zip(pieces.pieces, arrived, heard, strict=True)
    ):
        there = recording if any(len(s) for s in recording.streams.values()) else piece.stretch
        if piece.pace != 1.0:
            there, reached = at_pace(there, piece.pace), at_pace(reached, piece.pace)
        stops = stops_of(there, spec, pieces.stride)
        stops = stops[-1:] if piece.last_only else stops
        label = str(piece.stretch.label)
        for (age, window), stop in zip(live_windows(reached, spec, stops), stops, strict=True):
            used = None
            if window is not None and age <= silent_after + 1e-6:
                used = usable(window)
            groups.append(group)
            examples.append(
                None if used is None else Example(used, label, reached, group, float(stop))
            )
    return Ticks(np.array(groups, dtype=int), examples)


@dataclass(frozen=True)
class Answers:
    """What one system said.

    Attributes:
        said: (G,) places of the labels of the pieces, NO_ANSWER where there was none.
        ticks: (N,) the same of each tick; groups: (N,) the piece of each.
    """

    said: np.ndarray
    ticks: np.ndarray
    groups: np.ndarray

    def of(self, chosen: np.ndarray) -> Answers:
        """Return what was said of some pieces (G,) bool alone."""
        ticks = chosen[self.groups]
        place = np.cumsum(chosen) - 1
        return Answers(self.said[chosen], self.ticks[ticks], place[self.groups[ticks]])


def pool_ticks(probabilities: np.ndarray, groups: np.ndarray, count: int) -> Answers:
    """Join the answers (N, L) of ticks, NaN where there is none, to one answer a piece."""
    answered = np.isfinite(probabilities).all(axis=1)
    filled = np.where(answered[:, None], probabilities, 0.0)
    sums = np.zeros((count, probabilities.shape[1]))
    np.add.at(sums, groups, filled)
    anything = np.bincount(groups[answered], minlength=count) > 0
    return Answers(
        np.where(anything, sums.argmax(axis=1), NO_ANSWER),
        np.where(answered, filled.argmax(axis=1), NO_ANSWER),
        groups,
    )


class Ours:
    """The checkpoint's answers, as the recognizer calibrates them, among a protocol's labels."""

    def __init__(self, checkpoint: Checkpoint, labels: Sequence[str]) -> None:
        self.checkpoint = checkpoint
        self.encode = DistinctEncoder(checkpoint)
        names = list(checkpoint.labels)
        self._texts = checkpoint.label_vectors()[[names.index(name) for name in labels]]

    def embed(self, ticks: Ticks, keep: bool = False) -> Embedding:
        """Encode the windows of ticks."""
        return self.encode([None if e is None else e.window for e in ticks.examples], keep)

    def probabilities(
        self, ticks: Ticks, embedding: Embedding, subset: Sequence[str]
    ) -> np.ndarray:
        """Return (N, L) answers from a subset of modalities; NaN where there is none."""
        there = {m: embedding.present[m].copy() for m in subset}
        if len(subset) == 1:
            # Alone it must cover what a window needs at least.
            (only,) = subset
            for place, example in enumerate(ticks.examples):
                if example is not None and there[only][place]:
                    there[only][place] = covers(example.window, only, LEAST_TOTAL_COVERAGE)
        return self.fused(embedding, there)

    def fused(self, embedding: Embedding, there: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return (N, L) answers, NaN where there is none.

        Args:
            there: modality to (N,) bool, whether it is used.
        """
        patterns = np.stack(list(there.values()), axis=1)
        rows = np.full((len(patterns), len(self._texts)), np.nan)
        for pattern in np.unique(patterns[patterns.any(axis=1)], axis=0):
            used = [m for m, has in zip(there, pattern, strict=True) if has]
            where = np.flatnonzero((patterns == pattern).all(axis=1))
            with torch.inference_mode():
                vectors = embedding.fused(used, where)
                logits = self.checkpoint.model.logits(vectors, self._texts).numpy()
            calibration = self.checkpoint.calibration.get(subset_name(used), Calibration())
            rows[where] = softmax(logits / calibration.temperature)
        return rows


def macro_f1_of_all(truth: np.ndarray, said: np.ndarray, classes: int) -> float:
    """Return macro-F1 over the labels; where nothing was said that label was missed."""
    answered = said != NO_ANSWER
    asked = np.bincount(truth, minlength=classes)
    told = np.bincount(said[answered], minlength=classes)
    hits = np.bincount(truth[said == truth], minlength=classes)
    occurs = asked + told > 0
    return float((2 * hits[occurs] / (asked + told)[occurs]).mean())


def figures(
    answers: Answers, truth: np.ndarray, classes: int, nothing: bool = False
) -> dict[str, int | float | list[float]]:
    """Return the figures of a case: of the pieces, and of the ticks.

    Args:
        nothing: there was nothing to see, so that no answer is the right one.
    """
    right = int((answers.said == (NO_ANSWER if nothing else truth)).sum())
    silent = float((answers.ticks == NO_ANSWER).mean())
    low, high = wilson_interval(right, len(truth))
    f1 = macro_f1_of_all(truth, answers.said, classes)
    tick_f1 = macro_f1_of_all(truth[answers.groups], answers.ticks, classes)
    return {
        'n': len(truth),
        'accuracy': right / len(truth),
        'accuracy_wilson_95': [low, high],
        'macro_f1': right / len(truth) if nothing else f1,
        'answered': float((answers.said != NO_ANSWER).mean()),
        'ticks_answered': 1.0 - silent,
        'ticks_macro_f1': silent if nothing else tick_f1,
    }
