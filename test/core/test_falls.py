"""Falls as events: what is found, how late, and what is a false alarm."""

import numpy as np
import pytest

from mujo_core.evaluation.falls import Falls

STAMPS = np.arange(0.0, 60.0, 0.1)


def said(*spans: tuple[float, float]) -> np.ndarray:
    return np.any([(a <= STAMPS) & (b >= STAMPS) for a, b in spans], axis=0)


def test_a_fall_is_found_from_its_impact_on():
    falls = Falls()
    falls.add(STAMPS, said((20.75, 23.0)), [20.0])
    found = falls.to_dict()
    assert (found['falls'], found['found'], found['false_alarms']) == (1, 1.0, 0)
    assert found['median_delay'] == pytest.approx(0.8)


def test_what_comes_too_late_is_not_found_and_what_follows_a_fall_is_not_judged():
    falls = Falls()
    falls.add(STAMPS, said((22.0, 24.0)), [20.0])
    assert falls.to_dict()['found'] == 0.0
    assert falls.alarms == 0


def test_alarms_are_counted_by_the_hour_and_those_close_together_once():
    falls = Falls()
    falls.add(STAMPS, said((5.0, 6.0), (7.0, 7.2), (40.0, 41.0)), [])
    found = falls.to_dict()
    assert found['false_alarms'] == 2
    assert found['found'] is None
    assert found['false_alarms_per_hour'] == pytest.approx(120.0, rel=0.01)
