"""A measured figure beside its limit: what cannot be beaten on this machine in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure with its limit, both in `unit`.

    Attributes:
        group: what was measured.
        value: the median over the repeats; of a percentile: over all answers.
        low, high: the lowest and the highest repeat.
        limit: the median of what the limit took.
        ratio: cost over the limit's cost, 1 at the limit (so for rates: limit over value); where
            both were measured in turns, the median over the turns.
    """

    group: str
    name: str
    unit: str
    value: float
    low: float
    high: float
    repeats: int
    limit: float
    limit_name: str
    ratio: float


def make_figure(
    group: str,
    name: str,
    unit: str,
    repeats: Sequence[float],
    limits: Sequence[float],
    limit_name: str,
    value: float | None = None,
) -> Figure:
    """Return the figure of `repeats` beside the median of `limits`; the unit '1/s' is a rate."""
    if value is None and len(repeats) == len(limits):
        costs = np.divide(repeats, limits)
    else:
        costs = np.array([np.median(repeats) if value is None else value]) / np.median(limits)
    ratio = float(np.median(1.0 / costs if unit == '1/s' else costs))
    value = float(np.median(repeats)) if value is None else value
    limit = float(np.median(limits))
    low, high = float(min(repeats)), float(max(repeats))
    return Figure(group, name, unit, value, low, high, len(repeats), limit, limit_name, ratio)
