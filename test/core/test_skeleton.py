"""The canonical pose of a body whose every joint is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_body import FRAMES, ORDERS, SOLID, as_seen, body, expected_canonical, place, turned

from mujo_core.skeleton import (
    CANONICAL_JOINTS,
    JOINT,
    MIRRORED_JOINTS,
    PARENTS,
    canonical_joints,
    canonical_pose,
    rotation_to_z_up,
)

RATE = 25.0
steady = settings(derandomize=True, max_examples=50, deadline=None)


def pose_of(points: np.ndarray, layout: str):
    return canonical_pose(canonical_joints(points, layout), RATE)


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_a_joint_that_lacks_a_coordinate_is_not_seen(axis):
    joints = np.random.default_rng(0).normal(size=(10, len(CANONICAL_JOINTS), 3))
    without = [JOINT[f'left_{part}'] for part in ('hip', 'shoulder', 'wrist')]
    joints[4, without, axis] = np.nan
    part = canonical_pose(joints, RATE)
    joints[4, without] = np.nan
    wholly = canonical_pose(joints, RATE)
    assert not part.mask[4, without].any() and part.mask.sum() == part.mask.size - 3
    if axis < 2:  # of the height alone a body can still be turned
        np.testing.assert_allclose(part.joints, wholly.joints, atol=1e-6)


def test_parents_and_mirror_agree_with_the_names():
    assert len(CANONICAL_JOINTS) == len(PARENTS) == len(MIRRORED_JOINTS) == 16
    for joint, other in enumerate(MIRRORED_JOINTS):
        assert MIRRORED_JOINTS[other] == joint
        assert MIRRORED_JOINTS[PARENTS[joint]] == PARENTS[other]
        swapped = CANONICAL_JOINTS[joint].replace('left', 'right')
        if swapped != CANONICAL_JOINTS[joint]:
            assert CANONICAL_JOINTS[other] == swapped
    assert [CANONICAL_JOINTS[PARENTS[JOINT[n]]] for n in ('left_wrist', 'left_elbow', 'head')] == [
        'left_elbow', 'left_shoulder', 'chest',
    ]  # fmt: skip


@steady
@given(
    layout=st.sampled_from(SOLID),
    angle=st.floats(-180, 180),
    size=st.floats(0.4, 2.5),
    offset=st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_where_how_large_and_which_way_do_not_matter(layout, angle, size, offset):
    world = turned(body(layout), angle) * size + offset
    seen = world @ np.array(FRAMES[layout], dtype=float).T
    pose = pose_of(np.tile(seen, (5, 1, 1)), layout)
    expected = np.tile(expected_canonical(layout), (5, 1, 1))
    np.testing.assert_allclose(pose.joints, expected, atol=1e-3)
    np.testing.assert_allclose(pose.root, 0.0, atol=1e-2)


@steady
@given(angle=st.floats(-180, 180), speed=st.floats(0.2, 2.0), sideways=st.floats(-1.0, 1.0))
def test_walking_the_way_one_faces_is_motion_along_x(angle, speed, sideways):
    t = np.arange(75) / RATE
    path = np.stack([speed * t, sideways * t, 0 * t], axis=1)
    walk = turned(body('kinect20') + path[:, None], angle) @ np.array(FRAMES['kinect20']).T
    pose = pose_of(walk, 'kinect20')
    expected = np.array([speed, sideways, 0.0, 0.0]) * (0.5 / 0.55)
    np.testing.assert_allclose(pose.root, np.tile(expected, (75, 1)), atol=2e-2)
    np.testing.assert_allclose(pose.joints[40], expected_canonical('kinect20'), atol=1e-3)


@pytest.mark.parametrize('rate', [-1.0, 0.5, 2.0])
def test_turning_on_the_spot_is_the_headings_rate(rate):
    t = np.arange(75) / RATE
    spin = np.stack([turned(body('canonical16'), np.rad2deg(rate * each)) for each in t])
    pose = pose_of(spin, 'canonical16')
    np.testing.assert_allclose(pose.root[:, 3], rate, rtol=0.02)
    np.testing.assert_allclose(pose.root[:, :3], 0.0, atol=1e-3)


def test_jumping_is_motion_along_z():
    t = np.arange(75) / RATE
    up = np.stack([body('canonical16') + np.array((0, 0, 0.4 * each)) for each in t])
    np.testing.assert_allclose(pose_of(up, 'canonical16').root[:, 2], 0.4 * 0.5 / 0.55, rtol=0.01)


@pytest.mark.parametrize('layout', SOLID)
def test_hidden_joints_are_masked_and_move_no_other(layout):
    seen = np.tile(as_seen(layout), (10, 1, 1))
    order = ORDERS[layout].split()
    whole = pose_of(seen, layout)
    hidden = seen.copy()
    hidden[3:, order.index('l_hand' if 'l_hand' in order else 'l_wrist')] = np.nan
    hidden[:, order.index('r_knee'), 1] = np.nan
    pose = pose_of(hidden, layout)
    expected = np.ones((10, 16), dtype=bool)
    expected[3:, JOINT['left_wrist']] = False
    expected[:, JOINT['right_knee']] = False
    assert np.array_equal(pose.mask, expected)
    assert (pose.joints[~expected] == 0).all()
    np.testing.assert_allclose(pose.joints[expected], whole.joints[expected], atol=1e-5)


def test_the_head_stands_on_what_is_seen_of_it():
    order = ORDERS['mediapipe33'].split()
    seen = as_seen('mediapipe33')[None]
    hidden = seen.copy()
    hidden[:, order.index('l_ear')] = np.nan
    head = pose_of(hidden, 'mediapipe33').joints[0, JOINT['head']]
    eyes = (place('l_eye') + place('r_eye')) / 2 - place('pelvis')
    np.testing.assert_allclose(head, eyes * (0.5 / 0.55), atol=1e-5)
    hidden[:, [order.index('l_eye'), order.index('nose')]] = np.nan
    assert not pose_of(hidden, 'mediapipe33').mask[0, JOINT['head']]


def test_without_hips_the_shoulders_carry_the_pose():
    order = ORDERS['coco17'].split()
    seen = np.tile(as_seen('coco17'), (5, 1, 1))
    seen[
        :, [order.index(f'{side}_{name}') for side in 'lr' for name in ('hip', 'knee', 'ankle')]
    ] = np.nan
    pose = pose_of(seen, 'coco17')
    chest, shoulder = pose.joints[0, JOINT['chest']], pose.joints[0, JOINT['left_shoulder']]
    np.testing.assert_allclose(chest, (0, 0, 0.5), atol=1e-5)
    np.testing.assert_allclose(shoulder - chest, (0, 0.5 / 1.4 / 2, 0), atol=1e-5)
    assert pose.mask[0].sum() == 8


def test_nobody_in_view_is_all_masked_and_finite():
    pose = pose_of(np.full((20, 20, 3), np.nan), 'kinect20')
    assert not pose.mask.any()
    assert (pose.joints == 0).all() and (pose.root == 0).all()


def test_a_body_at_one_point_is_finite():
    pose = pose_of(np.ones((20, 20, 3)), 'kinect20')
    assert np.isfinite(pose.joints).all() and np.isfinite(pose.root).all()


@steady
@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda up: np.linalg.norm(up) > 0.05))
def test_any_up_is_turned_to_z_by_a_rotation(up):
    turn = rotation_to_z_up(up)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(turn) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(turn @ np.array(up) / np.linalg.norm(up), (0, 0, 1), atol=2e-3)


@pytest.mark.parametrize('up', [(0, 0, 0), (np.nan, 0, 1), (np.inf, 0, 0)])
def test_an_up_without_direction_is_refused(up):
    with pytest.raises(ValueError, match='up must be a direction'):
        rotation_to_z_up(up)


@pytest.mark.parametrize(
    'up', [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
)
def test_a_given_up_overrides_the_layouts(up):
    # World axes turned so that z lies along `up`.
    seen = np.tile(body('kinect20') @ rotation_to_z_up(up), (6, 1, 1))
    pose = canonical_pose(canonical_joints(seen, 'kinect20', up), RATE)
    np.testing.assert_allclose(pose.joints[0], expected_canonical('kinect20'), atol=1e-5)
