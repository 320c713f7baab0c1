"""From logits to honest scores, and from scores to events."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mujo_core.model.checkpoint import Calibration


def calibrated_scores(
    logits: np.ndarray, calibration: Calibration, false_alarm_rate: float
) -> tuple[np.ndarray, float]:
    """Return the labels' probabilities (L,) and the probability of none of them; they sum to 1.

    `unknown` is one more class, whose logit is a constant: it wins where all labels are weak.
    """
    scaled = np.asarray(logits, dtype=float) / calibration.temperature
    extended = np.append(scaled, calibration.unknown_logit(false_alarm_rate))
    extended = np.exp(extended - extended.max())
    extended /= extended.sum()
    return extended[:-1], float(extended[-1])


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
