"""Another checkpoint beside ours, on the same streams: which of two models is the better one?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mujo_core.evaluation.corrupted import Ours
from mujo_core.evaluation.examples import Example
from mujo_core.evaluation.registry import Task
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.recording import Recording
from mujo_core.timeline import SILENT_AFTER


class AnotherCheckpoint:
    """A model that is given what ours is given, in windows of its own.

    Raises:
        ValueError: it does not know one of the labels.
    """

    modalities = ('video', 'pose', 'imu')
    silent_after = SILENT_AFTER

    def __init__(self, folder: str, task: Task, subset: Sequence[str], labels: Sequence[str]):
        checkpoint = load_checkpoint(folder)
        if missing := [name for name in labels if name not in checkpoint.labels]:
            raise ValueError(
                f'expected a checkpoint that knows the labels asked for, {folder} lacks '
                f'{", ".join(missing)}; compare models of the same labels'
            )
        self.ours = Ours(checkpoint, labels)
        self.spec = checkpoint.window
        self.subset = [m for m in subset if m in checkpoint.modalities]

    def hears(self, arrived: Recording) -> Recording:
        """Return all that arrives: it is asked for windows of its own."""
        return arrived

    def fit(self, examples: Sequence[Example], truth: np.ndarray) -> None:
        """Learn nothing: it is trained."""

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (N, classes), NaN where it has nothing to look at."""
        embedding = self.ours.encode([e.window for e in examples])
        return self.ours.fused(embedding, {m: embedding.present[m] for m in self.subset})
