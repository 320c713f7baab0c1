"""What can be said: labels and, for each subset of modalities, the vectors that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import torch
from torch.nn import functional

from mujo_core.labels import Label
from mujo_core.model.batch import Batch
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.text import embed_labels
from mujo_core.recognition.distinction import Distinction
from mujo_core.recognition.taught import TaughtLabel, space_of
from mujo_core.recording import MODALITIES, subset_name

TRAINED_WORDS, NEW_WORDS = 0.25, 0.05
"""How many examples the text of a taught label counts for, if the model was trained on its words
and if it was not."""


def subsets_of(modalities: tuple[str, ...]) -> list[str]:
    """Return the name of every subset of modalities, single ones first."""
    ordered = [m for m in MODALITIES if m in modalities]
    sizes = range(1, len(ordered) + 1)
    return [subset_name(chosen) for size in sizes for chosen in combinations(ordered, size)]


@dataclass(frozen=True)
class LabelSpace:
    """Labels in the joint space.

    Attributes:
        labels: by name, in the order of the scores.
        texts: (L, size) vectors of the labels' texts (or learned ones in their place).
        taught: name of a modality subset to (L, size), where prototypes stand in for texts.
        distinction: tells the taught labels apart; None where there are not two with details.
        among: (K,) bool of the checkpoint's labels: those that are there, by which a window is
            familiar; None for all of them, as where labels were added.
    """

    labels: dict[str, Label]
    texts: torch.Tensor
    taught: dict[str, torch.Tensor] = field(default_factory=dict)
    distinction: Distinction | None = None
    among: torch.Tensor | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the scores."""
        return tuple(self.labels)

    @property
    def background(self) -> list[str]:
        """Names that are no activity."""
        return [name for name, label in self.labels.items() if label.background]

    def vectors(self, subset: str) -> torch.Tensor:
        """Return (L, size): what windows of this subset of modalities are compared with."""
        return self.taught.get(subset, self.texts)

    def logits(self, model: JointSpace, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return (B, L) logits of a batch's vectors (B, size)."""
        if not self.taught:
            return model.logits(vectors, self.texts)
        present = {m: there.tolist() for m, there in batch.present.items()}
        subsets = [subset_name([m for m in present if present[m][i]]) for i in range(len(batch))]
        rows = [model.logits(v, self.vectors(s)) for v, s in zip(vectors, subsets, strict=True)]
        return torch.stack(rows)


def make_label_space(
    checkpoint: Checkpoint,
    labels: Mapping[str, Label] | None = None,
    taught: Mapping[str, TaughtLabel] | None = None,
) -> LabelSpace:
    """Put labels into a checkpoint's joint space.

    The text encoder is loaded only for a label whose words are neither the checkpoint's, nor
    stored with what was taught, nor packaged, nor in the user's cache (`mujo_core.model.text`).

    Args:
        labels: by name, in the order of the scores; None for the checkpoint's and the taught ones.
        taught: labels with examples (see `mujo_core.recognition.taught`).

    Raises:
        ImportError: a new label needs the text encoder, which is not installed.
        ValueError: no label at all, or examples of another model.
    """
    taught = taught or {}
    if labels is not None:
        taught = {name: label for name, label in taught.items() if name in labels}
    else:
        labels = {**checkpoint.labels, **{n: t.label for n, t in taught.items()}}
    if not labels:
        raise ValueError('expected at least one label, none came')
    _check_space(checkpoint, taught)
    texts = _text_vectors(checkpoint, labels, taught)
    prototypes = {}
    chosen = {row: taught[name] for row, name in enumerate(labels) if name in taught}
    if chosen:
        for subset in subsets_of(checkpoint.modalities):
            vectors = texts.clone()
            similarity = usual_similarity(checkpoint, subset)
            for row, label in chosen.items():
                weight = _words_count(checkpoint, label)
                vectors[row] = blend(texts[row], weight, label.prototypes(subset), similarity)
            prototypes[subset] = vectors
    distinction = Distinction(checkpoint.model, chosen)
    among = None
    if checkpoint.model.clusters is not None and set(labels) < set(checkpoint.labels):
        among = torch.tensor([name in labels for name in checkpoint.labels], device=texts.device)
    told_apart = distinction if distinction.any else None
    return LabelSpace(dict(labels), texts, prototypes, told_apart, among)


def blend(
    text: torch.Tensor, weight: float, examples: np.ndarray, similarity: float
) -> torch.Tensor:
    """Return the vector (size,) of a label: the direction of its examples, and its text.

    Windows lie nearer to examples of their activity than to its text (`similarity`), so that at
    full length a taught label would take windows of labels known by text, and `unknown` would
    hardly win; at that length it would lose its own to them where people differ. It gets the
    geometric mean.

    Args:
        text: (size,); weight: how many examples it counts for.
        examples: (N, size) unit vectors.
        similarity: of windows and the text of their label, 0..1 (`usual_similarity`).
    """
    shown = torch.from_numpy(examples.sum(axis=0, dtype=np.float32)).to(text.device)
    count = len(examples)
    shown = functional.normalize(shown, dim=-1) * similarity**0.5
    return (count * shown + weight * text) / (count + weight)


def usual_similarity(checkpoint: Checkpoint, subset: str) -> float:
    """Return the median cosine of windows of a modality subset and the text of their label.

    It follows from the calibration; from its spread, the way from the weakest twentieth to the
    median (`mujo_core.training.calibration`), where that has no `strength`; 1 without one.
    """
    calibration = checkpoint.calibration.get(subset)
    if calibration is None or not calibration.unknown:
        return 1.0
    median = calibration.strength
    if not median:
        median = calibration.unknown_strength(0.05) + calibration.spread * np.log(19.0)
    scale = float(checkpoint.model.log_scale.detach().exp().clamp(max=100.0))
    return float(np.clip(median * calibration.temperature / scale, 0.05, 1.0))


def _words_count(checkpoint: Checkpoint, taught: TaughtLabel) -> float:
    known = checkpoint.labels.get(taught.label.name)
    if known is not None and known.sentences == taught.label.sentences:
        return TRAINED_WORDS
    return NEW_WORDS if taught.text is not None else 0.0


def _check_space(checkpoint: Checkpoint, taught: Mapping[str, TaughtLabel]) -> None:
    if not taught:
        return
    here = space_of(checkpoint.model)
    for name, label in taught.items():
        if label.space != here:
            raise ValueError(
                f'{name!r} was taught to another model ({label.space}, this one is {here}): '
                'use the checkpoint it was taught with, or forget it and teach it again'
            )
        settings = checkpoint.model.settings
        sizes = {len(v) for example in label.examples for v in example.vectors.values()}
        texts = {settings.text_size} if label.text is None else {len(label.text)}
        if sizes != {settings.size} or texts != {settings.text_size}:
            raise ValueError(
                f'what was taught of {name!r} is damaged (vectors of {min(sizes)} and '
                f'{min(texts)} numbers, this model has {settings.size} and {settings.text_size}): '
                'forget it and teach it again'
            )


def _text_vectors(
    checkpoint: Checkpoint, labels: Mapping[str, Label], taught: Mapping[str, TaughtLabel]
) -> torch.Tensor:
    """Return (L, size): the checkpoint's vectors of labels with its words, others from text."""
    known = checkpoint.label_vectors()
    places = {name: row for row, name in enumerate(checkpoint.labels)}
    rows: dict[str, torch.Tensor] = {}
    sentences: dict[str, np.ndarray] = {}
    new: dict[str, Label] = {}
    for name, label in labels.items():
        stored = taught[name].text if name in taught else None
        if name in places and label.sentences == checkpoint.labels[name].sentences:
            rows[name] = known[places[name]]
        elif stored is not None and label.sentences == taught[name].label.sentences:
            sentences[name] = stored
        elif name in taught:
            rows[name] = torch.zeros_like(known[0])
        else:
            new[name] = label
    if new:
        sentences |= dict(zip(new, embed_labels(new, checkpoint.text_model), strict=True))
    if sentences:
        stacked = torch.from_numpy(np.stack(list(sentences.values()))).to(known.device)
        with torch.inference_mode():
            rows |= dict(zip(sentences, checkpoint.model.label_vectors(stacked), strict=True))
    return torch.stack([rows[name] for name in labels])
