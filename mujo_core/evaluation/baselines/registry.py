"""Baselines by name, and what each has to offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

import numpy as np

from mujo_core.evaluation.examples import Example
from mujo_core.window import WindowSpec

_BUILT_IN = ('minirocket',)


class Baseline(Protocol):
    """A classifier of examples. Each holds its window, and the samples it was cut from.

    Attributes:
        modalities: what it can read.
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
        raise ValueError(f'expected a baseline out of {", ".join(_BASELINES)}; {name!r} came')
    return _BASELINES[name][1]
