"""Fast sensors fill whole windows."""

import numpy as np
import pytest

from mujo_core.thinning import Thinning
from mujo_core.timeline import Timeline
from mujo_core.window import WindowSpec

SPEC = WindowSpec()


@pytest.mark.parametrize('rate', [20, 50, 200, 201, 400, 500, 1000, 4000])
def test_a_window_is_covered_at_any_rate(rate):
    timeline, thinning = Timeline(SPEC), Thinning(SPEC)
    rng = np.random.default_rng(0)
    stamps = 100.0 + np.arange(5 * rate) / rate + rng.uniform(-0.1, 0.1, 5 * rate) / rate
    needed = [stamp for stamp in stamps if thinning.needs('imu/head', stamp)]
    for stamp in needed:
        timeline.insert('imu/head', stamp, np.ones(6))
    assert timeline.cut().coverage['imu/head'] == 1.0
    if rate <= 200:
        assert len(needed) == len(stamps)


def test_only_what_follows_closely_is_left_out():
    thinning = Thinning(SPEC)
    stamps = [10.0, 10.001, 10.0, 9.0, 9.0005, 5000.0, 10.002]
    needed = [thinning.needs('imu/head', stamp) for stamp in stamps]
    assert needed == [True, False, True, True, False, True, True]
    assert thinning.needs('imu/left_wrist', 10.0021)
    thinning.reset()
    assert thinning.needs('imu/head', 10.0021)
