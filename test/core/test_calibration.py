"""Calibration on held-out logits: honest scores, and unknowns at the promised rate."""

import numpy as np
import pytest
from scipy.special import softmax

from mujo_core.model.checkpoint import Calibration
from mujo_core.recognition.decision import calibrated_scores
from mujo_core.training.calibration import (
    FALSE_ALARM_RATES,
    HeldOut,
    calibrate,
    cross_fitted,
    fit_temperature,
    negative_log_likelihood,
)


def honest_logits(count: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth's distribution."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, labels)) * 2.5
    odds = np.exp(logits)
    truth = np.array([rng.choice(labels, p=row / row.sum()) for row in odds])
    return logits, truth


def test_likelihood_against_the_formula():
    logits, truth = np.array([[1.0, 3.0], [700.0, -700.0]]), np.array([0, 0])
    expected = (np.log(np.exp(0.5) + np.exp(1.5)) - 0.5 + 0.0) / 2
    assert negative_log_likelihood(logits, truth, 2.0) == pytest.approx(expected)


@pytest.mark.parametrize('exaggeration', [0.3, 1.0, 4.0])
def test_the_temperature_takes_exaggeration_back(exaggeration):
    logits, truth = honest_logits(4000, 6, 1)
    found = calibrate(HeldOut(logits * exaggeration, truth))
    assert found.temperature == pytest.approx(exaggeration, rel=0.08)


def test_no_temperature_is_better():
    logits, truth = honest_logits(500, 4, 2)
    best = calibrate(HeldOut(logits * 3, truth)).temperature
    at_best = negative_log_likelihood(logits * 3, truth, best)
    for other in np.geomspace(0.1, 18, 60):
        assert at_best <= negative_log_likelihood(logits * 3, truth, float(other)) + 1e-6


@pytest.mark.parametrize('scale', [0.5, 1.0, 6.0])
def test_known_windows_are_called_unknown_at_the_promised_rate(scale):
    logits, truth = honest_logits(2000, 6, 3)
    calibration = calibrate(HeldOut(logits * scale, truth))
    assert set(calibration.unknown) == set(FALSE_ALARM_RATES)
    for rate in FALSE_ALARM_RATES:
        scores, unknown = calibrated_scores(logits * scale, calibration, rate)
        assert (unknown > scores.max(axis=1)).mean() == pytest.approx(rate, abs=2e-3)


def test_unfamiliar_windows_are_unknown_and_the_rate_of_false_alarms_is_kept():
    logits, truth = honest_logits(2000, 6, 3)
    familiarity = np.random.default_rng(0).lognormal(2.0, 0.2, len(logits))
    calibration = calibrate(HeldOut(logits, truth, familiarity))
    assert calibration.familiarity == pytest.approx(np.median(familiarity))
    for rate in FALSE_ALARM_RATES:
        scores, unknown = calibrated_scores(logits, calibration, rate, familiarity)
        assert (unknown > scores.max(axis=1)).mean() == pytest.approx(rate, abs=2e-3)
    # The very same logits, of windows a quarter as familiar.
    scores, unknown = calibrated_scores(logits, calibration, 0.05, familiarity / 4)
    assert (unknown > scores.max(axis=1)).mean() > 0.1


def test_weak_windows_are_unknown_more_often():
    logits, truth = honest_logits(2000, 6, 4)
    calibration = calibrate(HeldOut(logits, truth))
    weak, _ = honest_logits(2000, 6, 5)
    scores, unknown = calibrated_scores(weak * 0.2, calibration, 0.05)
    assert (unknown > scores.max(axis=1)).mean() > 0.5


def test_scores_of_held_out_windows_are_honest():
    logits, truth = honest_logits(6000, 5, 6)
    temperature = calibrate(HeldOut(logits[:3000] * 5, truth[:3000])).temperature
    scores, _ = calibrated_scores(logits[3000:] * 5, Calibration(temperature), 0.05)
    said, right = scores.max(axis=1), scores.argmax(axis=1) == truth[3000:]
    for low in np.arange(0.3, 0.95, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        assert said[inside].mean() == pytest.approx(right[inside].mean(), abs=0.06)


def test_a_calibration_is_plain_numbers():
    calibration = calibrate(HeldOut(*honest_logits(200, 3, 7)))
    numbers = [calibration.temperature, calibration.spread, *calibration.unknown.values()]
    assert {type(number) for number in numbers} == {float}


def test_what_is_cross_fitted_is_calibrated_on_the_others_alone():
    logits, truth = honest_logits(3000, 4, 3)
    people = [HeldOut(logits[i::3] * 3, truth[i::3]) for i in range(3)]
    people[0] = HeldOut(people[0].logits / 3, people[0].truth)  # logits not exaggerated
    found = cross_fitted(people)
    assert found.shape == (3000, 4) and found.sum(axis=1) == pytest.approx(np.ones(3000))
    others = HeldOut.joined(people[1:])
    temperature = fit_temperature(others.logits, others.truth)
    assert found[:1000] == pytest.approx(softmax(people[0].logits / temperature, axis=1))
    confidence = found.max(axis=1)[:1000]
    right = found[:1000].argmax(axis=1) == people[0].truth
    assert confidence.mean() < right.mean() - 0.1  # too modest, as the others' temperature makes it


def test_false_alarms_are_counted_of_filled_windows_and_honesty_of_live_ones():
    filled, live = (HeldOut(*honest_logits(2000, 6, seed)) for seed in (3, 4))
    partly = HeldOut(live.logits * 0.5, live.truth)  # less is seen of an activity
    found = calibrate(partly, filled)
    assert found.temperature == calibrate(partly).temperature == pytest.approx(0.5, rel=0.08)

    def alarms(windows: HeldOut) -> float:
        scores, unknown = calibrated_scores(windows.logits, found, 0.05)
        return float((unknown > scores.max(axis=1)).mean())

    assert alarms(filled) == pytest.approx(0.05, abs=2e-3)
    assert alarms(partly) > 0.15


def test_windows_are_joined_in_order_with_their_familiarity():
    parts = [HeldOut(np.full((2, 3), i), np.full(2, i), np.full(2, i / 2)) for i in range(2)]
    found = HeldOut.joined(parts)
    assert found.logits[:, 0].tolist() == found.truth.tolist() == [0, 0, 1, 1]
    assert found.familiarity.tolist() == [0, 0, 0.5, 0.5]
    assert HeldOut.joined([HeldOut(p.logits, p.truth) for p in parts]).familiarity is None
