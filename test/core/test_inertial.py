"""Units, placements and turns of IMUs."""

import numpy as np
import pytest

from mujo_core.inertial import (
    MIRRORED,
    PLACEMENTS,
    check_placement,
    increasing,
    join_sensors,
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


def test_only_later_stamps_increase():
    stamps = np.array([1.0, 2.0, 2.0, 1.5, 3.0, 2.9, 4.0])
    assert increasing(stamps).tolist() == [True, True, False, False, True, False, True]
    assert increasing(stamps[:0]).tolist() == []


def test_two_sensors_of_a_device_are_joined_where_both_have_data():
    stamps = np.arange(0.0, 1.0, 0.01)
    gyro_stamps = np.concatenate([np.arange(0.205, 0.5, 0.01), np.arange(0.705, 0.9, 0.01)])
    force = np.tile([0.0, 0.0, 9.81], (len(stamps), 1))
    turns = np.stack([gyro_stamps, -gyro_stamps, 2 * gyro_stamps], axis=1)
    joined, samples = join_sensors(stamps, force, gyro_stamps, turns)
    assert joined[0] == pytest.approx(0.21) and joined[-1] == pytest.approx(0.89)
    assert not ((joined > 0.5) & (joined < 0.705)).any()
    assert samples.dtype == np.float32 and samples.shape == (len(joined), 6)
    assert samples[:, 3] == pytest.approx(joined, abs=1e-6)
    assert samples[:, 5] == pytest.approx(2 * joined, abs=1e-6)
    assert len(join_sensors(stamps, force, gyro_stamps[:1], turns[:1])[0]) == 0
