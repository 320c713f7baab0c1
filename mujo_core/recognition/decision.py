"""From logits to honest scores."""

from __future__ import annotations

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
