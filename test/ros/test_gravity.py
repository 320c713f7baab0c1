"""The unit of an accelerometer is found the same however samples come together."""

import numpy as np
import pytest

from mujo_ros.gravity import GravityWatch


@pytest.mark.parametrize('together', [1, 7, 100, 450])
@pytest.mark.parametrize(
    'length, finding', [(9.8, ''), (1.0, 'acceleration_in_g'), (0.02, 'no_gravity')]
)
def test_looks_are_of_two_seconds_however_many_samples_come_at_once(together, length, finding):
    watch, said = GravityWatch(), []
    stamps = 5.0 + np.arange(900) / 100
    samples = np.tile(np.array([0, length, 0, 0, 0, 0], np.float32), (900, 1))
    for first in range(0, 900, together):
        part = slice(first, first + together)
        said.append(watch(stamps[part], samples[part]))
    # Looks end after 2.01 s each: the second agrees with the first, and so do the others.
    expected = {1: 3, 7: 3, 100: 3, 450: 2}[together] if finding else 0
    assert [what for what in said if what] == [finding] * expected
    assert watch(100.0, samples[0]) in ('', finding)
