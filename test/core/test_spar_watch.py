"""SPAR's shoulder exercises, from seglearn's package."""

from collections import Counter

import numpy as np
import pytest

from mujo_core.datasets.registry import load_recordings
from mujo_core.datasets.spar_watch import EXERCISES

pytest.importorskip('seglearn', reason='the extra datasets is not installed')


@pytest.fixture(scope='module')
def recordings():
    return load_recordings('spar_watch', '')


def test_people_sides_and_exercises(recordings):
    assert len(recordings) == 140 == len({r.name for r in recordings})
    assert Counter(r.label for r in recordings) == dict.fromkeys(EXERCISES.values(), 20)
    assert {r.subject for r in recordings} == {str(n) for n in range(1, 11)}
    assert Counter(n for r in recordings for n in r.streams) == {
        'imu/left_wrist': 70, 'imu/right_wrist': 70,
    }  # fmt: skip
    assert sum(r.end for r in recordings) / 60 == pytest.approx(81.3, abs=0.1)


def test_an_arm_that_hangs_reads_upward(recordings):
    """A watch's x axis points to the hand on the left arm, to the elbow on the right."""
    for recording in recordings:
        if recording.label == 'trapezius_extension':
            ((name, stream),) = recording.streams.items()
            mean = stream.values[:, :3].mean(axis=0)
            toward_hand = mean[0] if 'left' in name else -mean[0]
            assert toward_hand == pytest.approx(-9.81, rel=0.15), recording.name


def test_units_are_si(recordings):
    force = np.concatenate([s.values[:, :3] for r in recordings for s in r.streams.values()])
    assert np.median(np.linalg.norm(force, axis=1)) == pytest.approx(9.81, rel=0.1)
    turns = np.concatenate([s.values[:, 3:] for r in recordings for s in r.streams.values()])
    assert 5.0 < np.percentile(np.linalg.norm(turns, axis=1), 99) < 15.0
