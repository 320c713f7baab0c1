"""Figures of a classifier from its probabilities, by torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_f1_score,
)


@dataclass(frozen=True)
class Scores:
    """Figures of one modality subset on n recordings, each 0..1."""

    accuracy: float
    macro_f1: float
    ece: float
    n: int
    per_class: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `mujo evaluate --json` writes for a subset."""
        return {
            'accuracy': self.accuracy,
            'macro_f1': self.macro_f1,
            'ece': self.ece,
            'n': self.n,
            'per_class': dict(self.per_class),
        }


def score(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> Scores:
    """Score predictions.

    Args:
        probabilities: (N, L), rows sum to 1.
        truth: (N,) places in `labels`.
        labels: names; macro-F1 is the mean over those that occur in the truth or are predicted.
    """
    rows = torch.from_numpy(np.asarray(probabilities, dtype=np.float32))
    target = torch.from_numpy(np.asarray(truth, dtype=np.int64))
    if len(labels) == 1:  # torchmetrics wants two, and a data set may have one
        rows = torch.nn.functional.pad(rows, (0, 1))
    count = rows.shape[1]
    # Ten bins, weighted by their share: the expected calibration error of Guo et al. (2017).
    ece = multiclass_calibration_error(rows, target, num_classes=count, n_bins=10, norm='l1')
    f1 = multiclass_f1_score(rows, target, num_classes=count, average='none')
    occurs = np.union1d(np.unique(truth), np.asarray(probabilities).argmax(axis=1))
    return Scores(
        accuracy=float(multiclass_accuracy(rows, target, num_classes=count, average='micro')),
        macro_f1=float(f1[torch.from_numpy(occurs)].mean()),
        ece=float(ece),
        n=len(target),
        per_class={labels[int(i)]: float(f1[int(i)]) for i in np.unique(truth)},
    )
