"""From logits to honest scores, and from scores to events."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy.special import expit

from mujo_core.model.checkpoint import Calibration


def calibrated_scores(
    logits: np.ndarray, calibration: Calibration, false_alarm_rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels' probabilities (..., L) and that of none of them (...); they sum to 1.

    Args:
        logits: (..., L) of a modality subset.
        calibration: of that subset.
        false_alarm_rate: share of known activities that may be said to be unknown.
    """
    scaled = np.asarray(logits, dtype=float) / calibration.temperature
    strength = scaled.max(axis=-1)
    scores = np.exp(scaled - strength[..., None])
    scores /= scores.sum(axis=-1, keepdims=True)
    threshold = calibration.unknown_strength(false_alarm_rate)
    # Where the best label is weak it is probably none of them.
    unknown = expit((threshold - strength) / calibration.spread)
    return scores * (1.0 - unknown)[..., None], unknown


class Events:
    """Says where activities start, go on and end, from one answer to the next.

    Args:
        background: names that are no activity.
    """

    def __init__(self, background: Collection[str]) -> None:
        self.background = set(background)
        self._active: str | None = None

    def update(self, label: str) -> str | None:
        """Return ``'start'``, ``'continue'``, ``'end'`` or None for the newest label."""
        previous = self._active
        self._active = None if label in self.background else label
        if self._active is None:
            return 'end' if previous else None
        return 'continue' if self._active == previous else 'start'

    def reset(self) -> None:
        """Forget what was going on."""
        self._active = None
