"""Baselines by name, and what each has to offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mujo_core.evaluation.examples import Example
from mujo_core.window import WindowSpec

if TYPE_CHECKING:
    from mujo_core.evaluation.registry import Task

_BUILT_IN = ('minirocket', 'late_fusion', 'synchronizer')


class Baseline(Protocol):
    """A classifier of examples. Each holds its window, and the samples it was cut from.

    Attributes:
        modalities: what it can read.

    It may have, beside what is below:

    - ``for_task(task, subset, labels)``, a class method that makes it where the constructor's
      arguments do not say enough (it wants the checkpoint, or training settings);
    - ``hears(recording)``, which returns what of arriving streams reaches it, and `silent_after`,
      the seconds without a sample after which it answers no more (protocol `robustness` alone).
    """

    modalities: tuple[str, ...]

    def __init__(self, subset: Sequence[str], spec: WindowSpec, classes: int, seed: int) -> None:
        """Take the modalities it may look at, the window, and the number of labels."""

    def fit(self, examples: Sequence[Example], truth: np.ndarray) -> None:
        """Learn from examples and the places (N,) of their labels."""

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (N, classes), rows that sum to 1."""


_BASELINES: dict[str, tuple[str, type[Baseline]]] = {}


def baseline(name: str, summary: str) -> Callable[[type], type]:
    """Register a baseline by name."""

    def register(kind: type) -> type:
        _BASELINES[name] = (summary, kind)
        return kind

    return register


def baselines() -> dict[str, str]:
    """Return every baseline's name and summary."""
    for module in _BUILT_IN:
        import_module(f'mujo_core.evaluation.baselines.{module}')
    return {name: summary for name, (summary, _) in _BASELINES.items()}


def get_baseline(name: str) -> type[Baseline]:
    """Return a baseline by name; ValueError lists the names."""
    if name not in baselines():
        raise ValueError(
            f'expected a baseline out of {", ".join(_BASELINES)}, or (robustness) a checkpoint '
            f'folder; {name!r} came'
        )
    return _BASELINES[name][1]


def make_baseline(name: str, task: Task, subset: Sequence[str], labels: Sequence[str]) -> Baseline:
    """Return a baseline that looks at some modalities, not fitted yet; a folder is a checkpoint."""
    if Path(name).is_dir():
        another = import_module('mujo_core.evaluation.baselines.another_checkpoint')
        checkpoint: Baseline = another.AnotherCheckpoint(name, task, subset, labels)
        return checkpoint
    kind = get_baseline(name)
    for_task = getattr(kind, 'for_task', None)
    if for_task is not None:
        made: Baseline = for_task(task, subset, labels)
        return made
    return kind(subset, task.checkpoint.window, len(labels), task.seeds[0])
