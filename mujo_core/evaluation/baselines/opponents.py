"""Baselines on corrupted streams: fitted once on clean ones, asked tick by tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mujo_core.evaluation.baselines.comparison import having
from mujo_core.evaluation.baselines.registry import Baseline, make_baseline
from mujo_core.evaluation.corrupted import Answers, Pieces, Ticks, pool_ticks, ticks_of
from mujo_core.evaluation.predictions import make_examples
from mujo_core.evaluation.registry import Task
from mujo_core.recording import Recording
from mujo_core.timeline import SILENT_AFTER
from mujo_core.window import WindowSpec


@dataclass(frozen=True)
class Opponent:
    """A baseline that is fitted, and the node around it."""

    name: str
    baseline: Baseline
    spec: WindowSpec

    def answers(self, pieces: Pieces, arrived: Sequence[Recording], ticks: Ticks) -> Answers:
        """Return what it says to the same corrupted streams.

        Args:
            arrived: the pieces' recordings as they come; ticks: what the timeline makes of them.
        """
        hears = getattr(self.baseline, 'hears', None)
        if hears is not None:
            silent_after = getattr(self.baseline, 'silent_after', SILENT_AFTER)
            heard = [hears(recording) for recording in arrived]
            spec = getattr(self.baseline, 'spec', self.spec)
            ticks = ticks_of(pieces, arrived, heard, spec, silent_after)
        rows = np.full((len(ticks.examples), len(pieces.labels)), np.nan)
        asked = [i for i, example in enumerate(ticks.examples) if example is not None]
        if asked:
            there = [e for e in ticks.examples if e is not None]
            rows[asked] = self.baseline.probabilities(there)
        return pool_ticks(rows, ticks.groups, len(pieces.pieces))


def prepare_opponents(task: Task, pieces: Pieces, modalities: Sequence[str]) -> list[Opponent]:
    """Fit a task's baselines on other people.

    Raises:
        ValueError: an unknown baseline, or nobody is left to fit one on.
    """
    spec = task.checkpoint.window
    opponents = []
    training = None
    for name in task.baselines:
        made = make_baseline(name, task, modalities, pieces.labels)
        subset = [m for m in modalities if m in made.modalities]
        if not hasattr(made, 'hears'):
            if training is None:
                training = make_examples(
                    task.training(), spec, pieces.labels, pieces.unit, pieces.stride
                )
            known = having(training, subset)
            task.say(f'fitting {name} on {len(known)} windows of other people')
            made.fit([training.examples[i] for i in known], training.places(known, pieces.labels))
        opponents.append(Opponent(Path(name).name, made, spec))
    return opponents
