"""Which of the taught labels a stream shows: ridge regression on the details of their examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RIDGE = 0.0005
"""Penalty of the regression, of rows of unit length."""
_STEADY = 0.05
"""A number that varies less among the examples than this is not blown up to the size of others."""


@dataclass(frozen=True)
class Discriminant:
    """Labels told apart by one linear map.

    Attributes:
        labels: (L,) places of the labels that it knows.
        centre, scale: (size,) of the details.
        weight: (size, L) in double precision, as the others.
    """

    labels: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    weight: np.ndarray

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Return (N, L) of details (N, size): about 1 for the label shown and 0 for others."""
        seen = (rows - self.centre) * self.scale
        return np.asarray(seen @ self.weight + 1.0 / len(self.labels))


def fit(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, blocks: Sequence[int]
) -> Discriminant:
    """Solve for the map, in closed form.

    Every label counts the same, and within a row every block of numbers.

    Args:
        rows: (N, size) details; labels: (N,) places; weights: (N,) of the rows of a label.
        blocks: sizes of the parts of a row.
    """
    known, place = np.unique(labels, return_inverse=True)
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
    seen = seen * scale * root
    target = (np.eye(len(known))[place] - 1.0 / len(known)) * root
    if len(seen) < seen.shape[1]:
        inner = seen @ seen.T + RIDGE * np.eye(len(seen))
        weight = seen.T @ np.linalg.solve(inner, target)
    else:
        inner = seen.T @ seen + RIDGE * np.eye(seen.shape[1])
        weight = np.linalg.solve(inner, seen.T @ target)
    return Discriminant(known, centre, scale, weight)
