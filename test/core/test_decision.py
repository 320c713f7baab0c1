"""From logits to scores."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mujo_core.labels import select_labels
from mujo_core.model.checkpoint import Calibration
from mujo_core.recognition.decision import (
    Decision,
    DecisionSettings,
    Postures,
    calibrated_scores,
    settle,
)
from mujo_core.recognition.segmentation import BY_ITSELF

rows = st.lists(st.floats(-60, 60), min_size=2, max_size=8)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(logits=rows, temperature=st.floats(0.05, 20), threshold=st.floats(-200, 200))
def test_scores_and_unknown_are_probabilities_in_the_order_of_the_logits(
    logits, temperature, threshold
):
    calibration = Calibration(temperature, 0.7, {0.05: threshold})
    scores, unknown = calibrated_scores(np.array(logits), calibration, 0.05)
    assert scores.sum() + float(unknown) == pytest.approx(1.0)
    assert (scores >= 0).all() and float(unknown) >= 0
    assert scores[int(np.argmax(logits))] == scores.max()


def test_scores_against_the_formula():
    logits = np.array([2.0, 1.0, -1.0])
    calibration = Calibration(temperature=2.0, spread=0.5, unknown={0.1: 1.2})
    scores, unknown = calibrated_scores(logits, calibration, 0.1)
    doubt = 1 / (1 + np.exp(-(1.2 - 1.0) / 0.5))
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum() * (1 - doubt)
    np.testing.assert_allclose(scores, expected)
    assert float(unknown) == pytest.approx(doubt)


def test_a_window_less_familiar_than_usual_is_less_strong():
    logits = np.array([2.0, 1.0, -1.0])
    calibration = Calibration(temperature=2.0, spread=0.5, unknown={0.1: 1.2}, familiarity=8.0)
    scores, unknown = calibrated_scores(np.stack([logits] * 2), calibration, 0.1, np.array([4, 8]))
    assert unknown == pytest.approx(1 / (1 + np.exp(-(1.2 - np.array([0.5, 1.0])) / 0.5)))
    assert scores.sum(axis=1) + unknown == pytest.approx(np.ones(2))
    # Nobody said what is usual: it does not count.
    _, before = calibrated_scores(logits, Calibration(2.0, 0.5, {0.1: 1.2}), 0.1, np.array(4.0))
    assert float(before) == pytest.approx(float(unknown[1]))


def test_without_calibration_nothing_is_unknown():
    scores, unknown = calibrated_scores(np.array([0.5, 0.1]), Calibration(), 0.05)
    assert float(unknown) == 0.0
    assert scores.sum() == pytest.approx(1.0)


def test_more_false_alarms_make_more_unknown():
    calibration = Calibration(1.0, 1.0, {0.01: -2.0, 0.1: 1.0, 0.2: 2.0})
    found = [
        float(calibrated_scores(np.ones(3), calibration, rate)[1]) for rate in (0.01, 0.1, 0.2)
    ]
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_many_windows_at_once_are_as_one_by_one():
    logits = np.random.default_rng(0).normal(size=(5, 4)) * 4
    calibration = Calibration(1.5, 0.8, {0.05: 1.0})
    scores, unknown = calibrated_scores(logits, calibration, 0.05)
    for row, score, doubt in zip(logits, scores, unknown, strict=True):
        alone, alone_doubt = calibrated_scores(row, calibration, 0.05)
        np.testing.assert_allclose(alone, score)
        assert float(alone_doubt) == pytest.approx(float(doubt))


def test_smoothing_is_by_time_and_not_by_answers():
    def last(step):
        decide = Decision(DecisionSettings(smoothing=2.0, stream=BY_ITSELF))
        decide(0.0, np.array([8.0, 0.0]), Calibration())
        for stamp in np.arange(step, 3.0 + 1e-9, step):
            scores, unknown = decide(float(stamp), np.array([0.0, 8.0]), Calibration())
        assert scores.sum() + unknown == pytest.approx(1.0)
        return scores

    slow, fast = last(0.5), last(0.1)
    np.testing.assert_allclose(slow, fast)
    assert slow[0] == pytest.approx(np.exp(-1.5), abs=1e-3)


def test_no_smoothing_says_what_is_seen():
    decide = Decision(DecisionSettings(stream=BY_ITSELF))
    for logits in ([8.0, 0.0], [0.0, 8.0]):
        scores, _ = decide(1.0, np.array(logits), Calibration())
        assert scores.argmax() == np.argmax(logits)


@pytest.mark.parametrize(
    'name, value',
    [
        ('false_alarm_rate', 0.3),
        ('false_alarm_rate', 0.001),
        ('false_alarm_rate', math.nan),
        ('top_k', 0),
        ('smoothing', -1.0),
        ('smoothing', math.inf),
        ('labels', 'walk'),
        ('labels', (5,)),
        ('labels', None),
    ],
)
def test_settings_that_do_nothing_are_refused(name, value):
    with pytest.raises(ValueError, match='expected') as caught:
        DecisionSettings(**{name: value})
    assert '\n' not in str(caught.value)


def test_distractors_count_as_none():
    logits = np.array([2.0, 1.0, 3.0])
    plain, before = calibrated_scores(logits, Calibration(unknown={0.05: 1.0}), 0.05)
    scores, unknown = calibrated_scores(
        logits, Calibration(unknown={0.05: 1.0}), 0.05, distractors=[2]
    )
    assert scores[2] == 0.0
    assert scores[:2] == pytest.approx(plain[:2])
    assert float(unknown) == pytest.approx(float(before) + plain[2])


# A kick, two kinds of it, and a walk: the kinds are narrower than the first.
WIDER = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)


@pytest.mark.parametrize(
    ('scores', 'settled'),
    [
        # One kind stands out: it is said, with all that speaks for a kick.
        ([0.3, 0.4, 0.05, 0.25], [0.0, 0.7, 0.05, 0.25]),
        # Two kinds alike: it is a kick, whichever.
        ([0.2, 0.25, 0.25, 0.3], [0.7, 0.0, 0.0, 0.3]),
        # Hardly any of its kinds.
        ([0.6, 0.1, 0.0, 0.3], [0.7, 0.0, 0.0, 0.3]),
    ],
)
def test_related_labels_do_not_share_what_is_theirs_together(scores, settled):
    before = np.array(scores)
    np.testing.assert_allclose(settle(before, WIDER), settled)
    np.testing.assert_allclose(before, scores)
    np.testing.assert_allclose(settle(before, np.zeros((4, 4), dtype=bool)), scores)


def test_a_decision_says_the_kind_or_the_kick():
    logits = np.log(np.array([0.2, 0.25, 0.25, 0.3]))
    settings = DecisionSettings(stream=BY_ITSELF)
    scores, _ = Decision(settings, (), WIDER)(0.0, logits, Calibration())
    assert scores == pytest.approx([0.7, 0.0, 0.0, 0.3])


@pytest.mark.parametrize(
    ('scores', 'unknown', 'said'),
    [
        ([0.1, 0.06, 0.0, 0.6], 0.24, 0),  # a kick, or a kind of it, from 0.15 on
        ([0.02, 0.2, 0.0, 0.6], 0.18, 1),  # the kind that has more of it
        ([0.04, 0.1, 0.0, 0.6], 0.26, 3),
        ([0.04, 0.1, 0.0, 0.3], 0.56, None),
    ],
)
def test_what_must_not_be_missed_is_said_from_its_own_score_on(scores, unknown, said):
    decision = Decision(DecisionSettings(), (), WIDER, (), {0: 0.15})
    assert decision.said(np.array(scores), unknown) == said


def test_without_an_alarm_the_likeliest_is_said():
    decision = Decision(DecisionSettings(), (), WIDER)
    assert decision.said(np.array([0.4, 0.1, 0.0, 0.3]), 0.2) == 0
    assert decision.said(np.array([0.3, 0.1, 0.0, 0.2]), 0.4) is None


STILL = select_labels(['walk', 'rest', 'sit', 'stand', 'lie', 'type'])


@pytest.mark.parametrize(
    ('seen', 'told'),
    [
        # Angles say which: rest and the other postures are that one.
        ('sit', {'walk': 0.1, 'sit': 0.8, 'type': 0.1}),
        ('lie', {'walk': 0.1, 'lie': 0.9}),
        # Nothing is seen: rest is the likeliest posture.
        (None, {'walk': 0.1, 'sit': 0.1, 'stand': 0.6, 'lie': 0.1, 'type': 0.1}),
    ],
)
def test_rest_is_no_answer_where_a_posture_is(seen, told):
    before = {'walk': 0.1, 'rest': 0.4, 'sit': 0.1, 'stand': 0.2, 'lie': 0.1, 'type': 0.1}
    scores = np.array([before[name] for name in STILL])
    found = dict(zip(STILL, Postures(STILL)(scores, seen), strict=True))
    assert {name: score for name, score in found.items() if score} == pytest.approx(told)


def test_without_postures_rest_is_an_answer():
    labels = select_labels(['walk', 'rest'])
    scores = np.array([0.4, 0.6])
    assert Postures(labels)(scores, 'sit') == pytest.approx(scores)
