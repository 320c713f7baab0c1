"""How sure a figure is: intervals, and paired tests between two classifiers.

Windows of one recording resemble each other, so that whatever is drawn again is recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

DRAWS = 2000
"""Of a bootstrap."""


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    found = binomtest(right, count).proportion_ci(0.95, method='wilson')
    return float(found.low), float(found.high)


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Return the exact two-sided p of McNemar's test (1947).

    Args:
        first, second: (N,) bool, whether each classifier is right on the same examples.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return (L, L) counts, truth by row."""
    cells = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def macro_f1(matrices: np.ndarray) -> np.ndarray:
    """Return macro-F1 (...) of confusion matrices (..., L, L), over the labels that occur."""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    involved = matrices.sum(axis=-1) + matrices.sum(axis=-2)
    f1 = 2 * hits / np.maximum(involved, 1)
    return f1.sum(axis=-1) / np.maximum((involved > 0).sum(axis=-1), 1)


def accuracy(matrices: np.ndarray) -> np.ndarray:
    """Return the accuracy (...) of confusion matrices (..., L, L)."""
    hits = np.trace(matrices, axis1=-2, axis2=-1)
    return hits / np.maximum(matrices.sum(axis=(-2, -1)), 1)


def _resampled(
    truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Confusion matrices (DRAWS, L, L) of recordings drawn with replacement."""
    names, place = np.unique(groups, return_inverse=True)
    cells = np.zeros((len(names), classes * classes))
    np.add.at(cells, (place, truth * classes + predicted), 1)
    even = np.full(len(names), 1 / len(names))
    weights = np.random.default_rng(seed).multinomial(len(names), even, size=DRAWS)
    return (weights @ cells).reshape(DRAWS, classes, classes)


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def bootstrap_intervals(
    truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, classes: int, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of accuracy and macro-F1 over recordings.

    Args:
        truth, predicted: (N,) places of labels; groups: (N,) their recordings.
        classes: the number of labels.
    """
    drawn = _resampled(truth, predicted, groups, classes, seed)
    return {'accuracy': _interval(accuracy(drawn)), 'macro_f1': _interval(macro_f1(drawn))}


@dataclass(frozen=True)
class Comparison:
    """The first classifier's figures minus the second's, on the same examples.

    Attributes:
        accuracy, macro_f1: differences; their intervals: 95 %, bootstrap over recordings.
        mcnemar: p of the exact test that both are right equally often.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    mcnemar: float


def compare(
    truth: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    groups: np.ndarray,
    classes: int,
    seed: int = 0,
) -> Comparison:
    """Compare predictions (N,) of two classifiers: paired bootstrap and McNemar's test."""
    one, other = (confusion(truth, p, classes) for p in (first, second))
    # The same seed draws the same recordings for both.
    drawn = [_resampled(truth, p, groups, classes, seed) for p in (first, second)]
    return Comparison(
        accuracy=float(accuracy(one) - accuracy(other)),
        accuracy_interval=_interval(accuracy(drawn[0]) - accuracy(drawn[1])),
        macro_f1=float(macro_f1(one) - macro_f1(other)),
        macro_f1_interval=_interval(macro_f1(drawn[0]) - macro_f1(drawn[1])),
        mcnemar=mcnemar(first == truth, second == truth),
    )
