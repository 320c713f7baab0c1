"""Which way is up, by parameter, by frame name, by the body."""

import math

import numpy as np
import pytest
from known_body import SOLID, as_seen, body

from mujo_core.layouts import get_layout
from mujo_core.skeleton import rotation_to_z_up
from mujo_core.upright import FRAMES_A_LOOK, LOOKS_THAT_AGREE, UpDirection, estimate_up

ENOUGH = FRAMES_A_LOOK * LOOKS_THAT_AGREE


def standing(axis, sign):
    """A kinect20 body that stands along an axis."""
    layout = get_layout('kinect20')
    heights = {'head': 1.7, 'shoulder': 1.45, 'hip': 0.95, 'knee': 0.5, 'ankle': 0.1, 'foot': 0.0}
    xyz = np.zeros((20, 3), np.float32)
    for i, name in enumerate(layout.joints):
        xyz[i, axis] = sign * next((h for part, h in heights.items() if part in name), 1.1)
    return xyz


def test_a_given_axis_is_taken():
    assert UpDirection('-x', 0.5, 'kinect20')('camera_optical_frame', standing(2, 1)) == (-1, 0, 0)


def test_an_optical_frame_is_turned_by_the_pitch_of_the_camera():
    up = UpDirection('auto', math.radians(30), 'kinect20')
    np.testing.assert_allclose(
        up('a/camera_optical_frame', standing(2, 1)), (0, -math.cos(math.pi / 6), -0.5)
    )
    # What the camera sees far ahead on the floor is lower than what is near, along this up.
    near, far = np.array([0, 1.0, 0.5]), np.array([0, 0.0, 0.5 + math.sqrt(3)])
    direction = np.array(up('a/camera_optical_frame', standing(2, 1)))
    assert abs(direction @ (near - far)) < 1e-6


@pytest.mark.parametrize('axis, sign', [(0, 1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_another_frame_is_asked_of_the_body_until_it_is_sure(axis, sign):
    up = UpDirection('auto', 0.0, 'kinect20')
    answers = [up('map', standing(axis, sign)) for _ in range(ENOUGH)]
    assert answers[:-1] == [None] * (ENOUGH - 1)
    expected = [0.0, 0.0, 0.0]
    expected[axis] = float(sign)
    assert answers[-1] == tuple(expected)
    # Once found, lying down does not turn the world.
    assert [up('map', standing((axis + 1) % 3, 1)) for _ in range(ENOUGH)][-1] == tuple(expected)
    # Another sensor is asked anew.
    assert up('other', standing(axis, sign)) is None


def test_looks_that_disagree_or_see_nobody_decide_nothing():
    up = UpDirection('auto', 0.0, 'kinect20')
    for i in range(4 * ENOUGH):
        assert up('map', standing(1 + (i // FRAMES_A_LOOK) % 2, 1)) is None
        assert up('map', np.full((20, 3), np.nan, np.float32)) is None


@pytest.mark.parametrize('layout', SOLID)
def test_up_of_a_layouts_usual_frame_is_found(layout):
    assert estimate_up(np.tile(as_seen(layout), (6, 1, 1)), layout) == get_layout(layout).up


@pytest.mark.parametrize(
    'up', [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
)
def test_up_of_any_other_frame_is_found(up):
    assert (
        estimate_up(np.tile(body('kinect20') @ rotation_to_z_up(up), (6, 1, 1)), 'kinect20') == up
    )


def test_up_is_not_guessed_of_a_body_that_leans_or_is_not_seen():
    lean = rotation_to_z_up((1.0, 0.0, 1.0))
    assert estimate_up(np.tile(body('kinect20') @ lean, (6, 1, 1)), 'kinect20') is None
    assert estimate_up(np.full((6, 20, 3), np.nan), 'kinect20') is None
    assert estimate_up(np.zeros((6, 20, 3)), 'kinect20') is None


def test_up_is_found_from_the_torso_where_legs_are_hidden():
    seen = np.tile(as_seen('mediapipe33'), (6, 1, 1))
    seen[:, 25:] = np.nan
    assert estimate_up(seen, 'mediapipe33') == (0, -1, 0)
