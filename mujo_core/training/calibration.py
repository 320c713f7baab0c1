"""Calibration from held-out windows: a temperature and the strength of `unknown` per subset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from mujo_core.model.checkpoint import Calibration
from mujo_core.recognition.decision import calibrated_scores

FALSE_ALARM_RATES = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class HeldOut:
    """Windows of people a model has not seen, from one modality subset.

    Attributes:
        logits: (N, L); truth: (N,) their labels' places.
        familiarity: (N,) of them; None where it does not count.
    """

    logits: np.ndarray
    truth: np.ndarray
    familiarity: np.ndarray | None = None

    @staticmethod
    def joined(parts: Sequence[HeldOut]) -> HeldOut:
        """Return the windows of all parts, in order."""
        familiarity = [part.familiarity for part in parts if part.familiarity is not None]
        return HeldOut(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.truth for part in parts]),
            np.concatenate(familiarity) if familiarity else None,
        )


def negative_log_likelihood(logits: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    """Return the mean over rows of -log p(truth) at a temperature."""
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    chosen = scaled[np.arange(len(truth)), truth]
    return float((np.log(np.exp(scaled).sum(axis=1)) - chosen).mean())


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature (Guo et al., ICML 2017) that makes (N, L) logits likeliest."""
    best = minimize_scalar(
        lambda log_t: negative_log_likelihood(logits, truth, float(np.exp(log_t))),
        bounds=(-3.0, 3.0),
        method='bounded',
    )
    return float(np.exp(best.x))


def cross_fitted(people: Sequence[HeldOut]) -> np.ndarray:
    """Return (N, L) probabilities of two people's windows or more's, each person's at the
    temperature of the others."""
    found = []
    for own in people:
        others = HeldOut.joined([other for other in people if other is not own])
        temperature = fit_temperature(others.logits, others.truth)
        found.append(softmax(own.logits / temperature, axis=1))
    return np.concatenate(found)


def calibrate(live: HeldOut, filled: HeldOut | None = None) -> Calibration:
    """Fit the temperature and the strengths of `unknown`.

    Args:
        live: drawn as live windows are, which the temperature makes scores honest for.
        filled: those that an activity fills, of which rates of false alarms are shares: a part of
            an activity is as weak as what was never met. None for the live ones.
    """
    filled = filled or live
    temperature = fit_temperature(live.logits, live.truth)
    usual = 0.0 if live.familiarity is None else float(np.median(live.familiarity))
    strength = _strengths(filled, Calibration(temperature, familiarity=usual))
    # A window of usual strength is unknown with 1 : 19, one at the weakest twentieth with 1 : 1.
    spread = float((np.median(strength) - np.quantile(strength, 0.05)) / np.log(19.0))
    spread = max(spread, 1e-3)
    unknown = {
        rate: _strength_for(rate, filled, Calibration(temperature, spread, familiarity=usual))
        for rate in FALSE_ALARM_RATES
    }
    plain = max(0.0, float(np.median(live.logits.max(axis=1)) / temperature))
    return Calibration(temperature, spread, unknown, usual, plain)


def _strengths(windows: HeldOut, calibration: Calibration) -> np.ndarray:
    """Return (N,): how strong the best label is, as `calibrated_scores` has it."""
    strength = windows.logits.max(axis=1) / calibration.temperature
    if windows.familiarity is None or not calibration.familiarity:
        return np.asarray(strength)
    return np.asarray(strength * windows.familiarity / calibration.familiarity)


def _strength_for(rate: float, windows: HeldOut, calibration: Calibration) -> float:
    """Find the strength with which `unknown` wins on that share of the windows."""

    def excess(strength: float) -> float:
        trial = replace(calibration, unknown={rate: strength})
        scores, unknown = calibrated_scores(windows.logits, trial, rate, windows.familiarity)
        return float((unknown > scores.max(axis=1)).mean()) - rate

    # Bisection, since the share grows in steps with the strength.
    strength = _strengths(windows, calibration)
    low = float(strength.min()) - 10.0 * calibration.spread
    high = float(strength.max()) + 10.0 * calibration.spread
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return low
