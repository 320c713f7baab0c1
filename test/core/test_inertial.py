"""Units, placements and turns of IMUs."""

import numpy as np
import pytest

from mujo_core.inertial import (
    MIRRORED,
    PLACEMENTS,
    check_placement,
    looks_like_unit,
    rotate_device,
    si_sample,
)

QUARTER_TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x to y


def test_g_and_degrees_become_si():
    samples = si_sample(np.array([[1.0, 0.0, -2.0]]), np.array([[180.0, -90.0, 0.0]]))
    assert samples.dtype == np.float32
    expected = [9.80665, 0.0, -19.6133, np.pi, -np.pi / 2, 0.0]
    np.testing.assert_allclose(samples[0], expected, rtol=1e-6)


@pytest.mark.parametrize('name', ['right_wrist', 'nose', 'left_sock_2', *PLACEMENTS])
def test_any_lower_case_name_is_a_placement(name):
    assert check_placement(name) == name


@pytest.mark.parametrize(
    'name', ['', 'Right_Wrist', '2nd_wrist', '_wrist', 'right wrist', 'a/b', 'wrist\n', 'w' * 65]
)
def test_what_cannot_name_a_topic_is_no_placement(name):
    with pytest.raises(ValueError, match='rename it') as caught:
        check_placement(name)
    assert repr(name) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_mirroring_swaps_the_sides_and_nothing_else():
    assert MIRRORED['right_wrist'] == 'left_wrist'
    assert MIRRORED['left_upper_arm'] == 'right_upper_arm'
    assert MIRRORED['chest'] == 'chest'
    assert all(MIRRORED[MIRRORED[name]] == name for name in PLACEMENTS)
    assert set(MIRRORED) == set(PLACEMENTS)


def test_turning_a_device_turns_both_vectors():
    samples = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], dtype=np.float32)
    turned = rotate_device(samples, QUARTER_TURN)
    np.testing.assert_allclose(turned, [[-2, 1, 3, -5, 4, 6]], atol=1e-6)
    assert turned.dtype == np.float32
    np.testing.assert_allclose(rotate_device(turned, QUARTER_TURN.T), samples, atol=1e-6)
    stacked = np.tile(samples, (4, 7, 1))
    np.testing.assert_allclose(rotate_device(stacked, QUARTER_TURN)[2, 3], turned[0], atol=1e-6)


@pytest.mark.parametrize(('gravity', 'unit'), [(9.8, 'm/s^2'), (1.0, 'g'), (0.0, 'no gravity')])
def test_the_unit_shows_in_the_magnitude_at_rest(gravity, unit):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moving = gravity * directions + rng.normal(size=(200, 3)) * 0.05
    moving[:20] *= 8.0
    assert looks_like_unit(moving) == unit
