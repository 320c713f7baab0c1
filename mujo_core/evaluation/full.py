"""The protocol `full`: one prediction a recording, for every modality subset it allows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch

from mujo_core.evaluation.metrics import Scores, score
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.playback import windows_of
from mujo_core.recording import Recording, subset_name
from mujo_core.window import Window

STRIDE = 0.25
"""Seconds between the windows of a recording that is longer than one."""


def subsets_of(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every subset of modalities, single ones first."""
    return [s for n in range(1, len(modalities) + 1) for s in combinations(modalities, n)]


def window_logits(checkpoint: Checkpoint, windows: Sequence[Window]) -> np.ndarray:
    """Return (N, L) logits of windows."""
    with torch.inference_mode():
        batch = batch_windows(windows, checkpoint.window)
        return checkpoint.model.logits(checkpoint.model(batch), checkpoint.label_vectors()).numpy()


def recording_probabilities(
    checkpoint: Checkpoint, recording: Recording, subset: Sequence[str], columns: Sequence[int]
) -> np.ndarray | None:
    """Return (len(columns),) probabilities of a recording, or None where it lacks the subset.

    The recording's windows are averaged. The choice is among `columns` alone: a data set's
    protocol asks which of its activities it is, not whether it is one of them.
    """
    if not set(subset) <= set(recording.modalities):
        return None
    windows = list(windows_of(recording.only(subset), checkpoint.window, STRIDE))
    calibration = checkpoint.calibration.get(subset_name(tuple(subset)), Calibration())
    logits = window_logits(checkpoint, windows)[:, columns] / calibration.temperature
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.mean(axis=0)


def evaluate_full(
    checkpoint: Checkpoint, recordings: Sequence[Recording], choices: Sequence[str] = ()
) -> dict[str, Scores]:
    """Score every modality subset that checkpoint and recordings allow.

    Args:
        checkpoint: the model.
        recordings: each labelled activity in them is judged by itself.
        choices: the protocol's labels, among which an answer is chosen; empty for those that occur.

    Raises:
        ValueError: no recording with a label of the checkpoint.
    """
    names = list(checkpoint.labels)
    known = [r for whole in recordings for r in whole.activities() if r.label in checkpoint.labels]
    if not known:
        raise ValueError(
            f'expected recordings with labels out of {", ".join(names)}; '
            f'{len(recordings)} recordings came, none with one of them'
        )
    asked = set(choices) or {str(r.label) for r in known}
    labels = [name for name in names if name in asked]
    columns = [names.index(name) for name in labels]
    present = [m for m in checkpoint.modalities if any(m in r.modalities for r in known)]
    results = {}
    for subset in subsets_of(present):
        rows, truth = [], []
        for recording in known:
            row = recording_probabilities(checkpoint, recording, subset, columns)
            if row is not None and recording.label is not None:
                rows.append(row)
                truth.append(labels.index(recording.label))
        if rows:
            results[subset_name(subset)] = score(np.stack(rows), np.array(truth), labels)
    return results
