"""Which of the taught labels a stream shows, and whether it looks like any: ridge regression on
the details of their examples, and the distance to the nearest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RIDGE = 0.0005
"""Penalty of the regression, of rows of unit length."""
_STEADY = 0.05
"""A number that varies less among the examples than this is not blown up to the size of others."""
USUAL = 0.85
"""Share of an example's windows that are as near to another example as is usual."""
_MOST_ROWS, _MOST_MEASURED = 2000, 500
"""Windows that are held against a new one, and among themselves, at most."""


@dataclass(frozen=True)
class Discriminant:
    """Labels told apart by one linear map.

    Attributes:
        labels: (L,) places of the labels that it knows.
        centre, scale: (size,) of the details.
        weight: (size, L) in double precision, as the others.
        shown: (M, size) centred and scaled rows of examples.
        usual: distance of an example's window to another example of the same label that is usual;
            0 where no label has two.
    """

    labels: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    shown: np.ndarray
    usual: float

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return (N, L) of details (N, size): about 1 for the label shown and 0 for others."""
        seen = (rows - self.centre) * self.scale
        return np.asarray(seen @ self.weight + 1.0 / len(self.labels))

    def likeness(self, rows: np.ndarray) -> np.ndarray:
        """Return (N,): how like an example rows (N, size) are; 1 for the same, 0 for as far as is
        usual between two examples, below for further."""
        if not self.usual:
            return np.full(len(rows), -np.inf)
        nearest = _distances((rows - self.centre) * self.scale, self.shown).min(axis=1)
        return np.asarray(1.0 - nearest / self.usual)


def fit(
    rows: np.ndarray, labels: np.ndarray, examples: np.ndarray, blocks: Sequence[int]
) -> Discriminant:
    """Solve for the map, in closed form.

    Every label counts the same, within it every example, and within a row every block of numbers.

    Args:
        rows: (N, size) details; labels: (N,) places; examples: (N,) which a row is of.
        blocks: sizes of the parts of a row.
    """
    known, place = np.unique(labels, return_inverse=True)
    weights = 1.0 / np.bincount(examples)[examples]
    weights = weights / np.bincount(place, weights)[place] / len(known)
    rows = rows.astype(float)
    centre = weights @ rows
    seen = rows - centre
    scale = 1.0 / (np.sqrt(weights @ seen**2) + _STEADY)
    start = 0
    for size in blocks:
        part = slice(start, start + size)
        length = np.sqrt(weights @ ((seen[:, part] * scale[part]) ** 2).sum(axis=1))
        scale[part] /= max(length, 1e-9) * np.sqrt(len(blocks))
        start += size
    root = np.sqrt(weights)[:, None]
    shown = seen * scale
    seen = shown * root
    target = (np.eye(len(known))[place] - 1.0 / len(known)) * root
    if len(seen) < seen.shape[1]:
        inner = seen @ seen.T + RIDGE * np.eye(len(seen))
        weight = seen.T @ np.linalg.solve(inner, target)
    else:
        inner = seen.T @ seen + RIDGE * np.eye(seen.shape[1])
        weight = np.linalg.solve(inner, seen.T @ target)
    held = evenly(len(shown), _MOST_ROWS)
    usual = _usual(shown[held], labels[held], examples[held])
    return Discriminant(known, centre, scale, weight, shown[held], usual)


def _usual(rows: np.ndarray, labels: np.ndarray, examples: np.ndarray) -> float:
    """Return how far a window of an example is from the nearest other example of its label."""
    asked = evenly(len(rows), _MOST_MEASURED)
    distances = _distances(rows[asked], rows)
    other = examples[asked][:, None] != examples
    distances[~(other & (labels[asked][:, None] == labels))] = np.inf
    nearest = distances.min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.quantile(nearest, USUAL)) if len(nearest) else 0.0


def _distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * rows @ others.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def evenly(count: int, most: int) -> np.ndarray:
    """Return at most `most` places of `count`, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)
