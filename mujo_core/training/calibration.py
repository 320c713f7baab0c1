"""Calibration from held-out windows: a temperature and the logit of `unknown` per subset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from mujo_core.model.checkpoint import Calibration
from mujo_core.recognition.decision import calibrated_scores

FALSE_ALARM_RATES = (0.01, 0.02, 0.05, 0.1, 0.2)


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


def cross_fitted(logits: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> np.ndarray:
    """Return (N, L) probabilities of people's windows, each at the temperature of the others.

    Args:
        logits: (n, L) of each of two people or more; truths: (n,) their labels' places.
    """
    found = []
    for own in range(len(logits)):
        others = [i for i in range(len(logits)) if i != own]
        temperature = fit_temperature(
            np.concatenate([logits[i] for i in others]), np.concatenate([truths[i] for i in others])
        )
        found.append(softmax(logits[own] / temperature, axis=1))
    return np.concatenate(found)


def calibrate(
    logits: np.ndarray, truth: np.ndarray, familiarity: np.ndarray | None = None
) -> Calibration:
    """Fit the temperature and the strengths of `unknown`.

    Args:
        logits: (N, L) of windows of people the model has not seen.
        truth: (N,) their labels' places.
        familiarity: (N,) of them; None where they do not count.
    """
    temperature = fit_temperature(logits, truth)
    usual = 0.0 if familiarity is None else float(np.median(familiarity))
    strength = _strengths(logits, familiarity, Calibration(temperature, familiarity=usual))
    # A window of usual strength is unknown with 1 : 19, one at the weakest twentieth with 1 : 1.
    spread = float((np.median(strength) - np.quantile(strength, 0.05)) / np.log(19.0))
    spread = max(spread, 1e-3)
    unknown = {
        rate: _strength_for(
            rate, logits, familiarity, Calibration(temperature, spread, familiarity=usual)
        )
        for rate in FALSE_ALARM_RATES
    }
    plain = max(0.0, float(np.median(logits.max(axis=1)) / temperature))
    return Calibration(temperature, spread, unknown, usual, plain)


def _strengths(
    logits: np.ndarray, familiarity: np.ndarray | None, calibration: Calibration
) -> np.ndarray:
    """Return (N,): how strong the best label is, as `calibrated_scores` has it."""
    strength = logits.max(axis=1) / calibration.temperature
    if familiarity is None or not calibration.familiarity:
        return np.asarray(strength)
    return np.asarray(strength * familiarity / calibration.familiarity)


def _strength_for(
    rate: float, logits: np.ndarray, familiarity: np.ndarray | None, calibration: Calibration
) -> float:
    """Find the strength with which `unknown` wins on that share of the windows."""

    def excess(strength: float) -> float:
        trial = replace(calibration, unknown={rate: strength})
        scores, unknown = calibrated_scores(logits, trial, rate, familiarity)
        return float((unknown > scores.max(axis=1)).mean()) - rate

    # Bisection, since the share grows in steps with the strength.
    strength = _strengths(logits, familiarity, calibration)
    low = float(strength.min()) - 10.0 * calibration.spread
    high = float(strength.max()) + 10.0 * calibration.spread
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return low
