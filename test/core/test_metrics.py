"""Figures against ones computed by hand."""

import numpy as np
import pytest

from mujo_core.evaluation.metrics import score

LABELS = ['walk', 'jog', 'sit', 'wave']


def one_hot(predicted: list[int], confidence: float = 1.0) -> np.ndarray:
    rows = np.full((len(predicted), 4), (1 - confidence) / 3)
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def test_accuracy_and_f1_by_hand():
    # walk: 2 of 3 found, nothing else called walk: precision 1, recall 2/3.
    # jog: 2 of 2 found, one walk called jog: precision 2/3, recall 1. sit: all right.
    found = score(one_hot([0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 2]), LABELS)
    assert found.n == 6
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.per_class == pytest.approx({'walk': 0.8, 'jog': 0.8, 'sit': 1.0})
    assert found.macro_f1 == pytest.approx((0.8 + 0.8 + 1.0) / 3)


def test_a_label_that_is_only_predicted_counts_as_missed():
    found = score(one_hot([0, 3]), np.array([0, 0]), LABELS)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0) / 2)
    assert set(found.per_class) == {'walk'}


def test_labels_that_do_not_occur_do_not_count():
    found = score(one_hot([0, 1]), np.array([0, 1]), LABELS)
    assert (found.accuracy, found.macro_f1) == (1.0, 1.0)


def test_calibration_error_by_hand():
    # Ten said with 0.85 of which five are right; ten said with 0.65 of which eight are right.
    rows = np.concatenate([one_hot([0] * 10, 0.85), one_hot([1] * 10, 0.65)])
    truth = np.array([0] * 5 + [1] * 5 + [1] * 8 + [0] * 2)
    found = score(rows, truth, LABELS)
    assert found.ece == pytest.approx((0.35 + 0.15) / 2, abs=1e-5)
    assert found.accuracy == pytest.approx(13 / 20)


def test_sure_and_right_has_no_calibration_error():
    assert score(one_hot([0, 1, 2]), np.array([0, 1, 2]), LABELS).ece == pytest.approx(
        0.0, abs=1e-6
    )


def test_what_is_written_has_the_fields_of_the_report():
    written = score(one_hot([0, 0, 1]), np.array([0, 0, 0]), LABELS).to_dict()
    assert list(written) == ['accuracy', 'macro_f1', 'ece', 'n', 'per_class']
    assert written['accuracy'] == pytest.approx(2 / 3)
    assert written['n'] == 3
    assert written['per_class'] == pytest.approx({'walk': 0.8})


def test_a_single_label_can_be_scored():
    found = score(np.ones((3, 1)), np.zeros(3, int), ['walk'])
    assert (found.accuracy, found.macro_f1, found.ece, found.n) == (1.0, 1.0, 0.0, 3)
    assert found.per_class == {'walk': 1.0}
