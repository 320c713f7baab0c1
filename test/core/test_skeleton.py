"""Layouts, canonical pose, up and handedness on a body whose every joint is known."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mujo_core.datasets.utd_mhad import load_utd_mhad
from mujo_core.skeleton import (
    CANONICAL_JOINTS,
    JOINT,
    LAYOUTS,
    MIRRORED_JOINTS,
    PARENTS,
    canonical_joints,
    canonical_pose,
    estimate_up,
    get_layout,
    handedness,
    rotation_to_z_up,
)

UTD = Path(__file__).parents[3] / 'shared' / 'data' / 'utd_mhad'
RATE = 25.0
steady = settings(derandomize=True, max_examples=50, deadline=None)

# Facing +x, left is +y, metres; the right side mirrors the left one.
BODY = {
    'nose': (0.1, 0.0, 1.62), 'head': (0.0, 0.0, 1.7), 'head_top': (-0.1, 0.0, 1.78),
    'neck': (0.0, 0.0, 1.5), 'spine': (-0.02, 0.0, 1.2), 'pelvis': (0.0, 0.0, 0.95),
    'l_ear': (0.0, 0.08, 1.7), 'l_eye': (0.08, 0.03, 1.72), 'l_eye_inner': (0.09, 0.02, 1.72),
    'l_eye_outer': (0.08, 0.05, 1.72), 'l_mouth': (0.09, 0.02, 1.58),
    'l_shoulder': (0.0, 0.2, 1.5), 'l_elbow': (-0.05, 0.25, 1.2), 'l_wrist': (0.15, 0.22, 1.1),
    'l_hand': (0.22, 0.22, 1.1), 'l_pinky': (0.24, 0.24, 1.1), 'l_index': (0.25, 0.21, 1.1),
    'l_thumb': (0.2, 0.19, 1.12),
    'l_hip': (0.0, 0.12, 0.95), 'l_knee': (0.03, 0.12, 0.5), 'l_ankle': (0.0, 0.12, 0.08),
    'l_heel': (-0.05, 0.12, 0.02), 'l_foot': (0.15, 0.14, 0.02),
}  # fmt: skip

# The published orders, written down apart from the code.
ORDERS = {
    'mediapipe33': (
        'nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear l_mouth '
        'r_mouth l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index '
        'r_index l_thumb r_thumb l_hip r_hip l_knee r_knee l_ankle r_ankle l_heel r_heel l_foot '
        'r_foot'
    ),
    'kinect20': (
        'head neck spine pelvis l_shoulder l_elbow l_wrist l_hand r_shoulder r_elbow r_wrist '
        'r_hand l_hip l_knee l_ankle l_foot r_hip r_knee r_ankle r_foot'
    ),
    'h36m17': (
        'pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle spine neck nose head_top l_shoulder '
        'l_elbow l_wrist r_shoulder r_elbow r_wrist'
    ),
    'coco17': (
        'nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist '
        'l_hip r_hip l_knee r_knee l_ankle r_ankle'
    ),
    'openpose18': (
        'nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle '
        'l_hip l_knee l_ankle r_eye l_eye r_ear l_ear'
    ),
    'canonical16': (
        'pelvis spine neck head l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip '
        'l_knee r_knee l_ankle r_ankle'
    ),
}
# Rows: where the sensor's x, y and z point, in the body's frame, for a body that faces it.
FRAMES = {
    'mediapipe33': ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),  # optical: x right, y down, z forward
    'kinect20': ((0, 1, 0), (0, 0, 1), (1, 0, 0)),  # x to the body's left, y up, z to the sensor
    'h36m17': ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    'coco17': ((0, 1, 0), (0, 0, -1), (0, 0, 0)),  # image: x right, y down
    'openpose18': ((0, 1, 0), (0, 0, -1), (0, 0, 0)),
    'canonical16': ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}
SOLID = ('mediapipe33', 'kinect20', 'h36m17', 'canonical16')


def place(name: str) -> np.ndarray:
    if name.startswith('r_'):
        return np.array(BODY['l_' + name[2:]]) * (1, -1, 1)
    return np.array(BODY[name], dtype=float)


def body(layout: str, order: str | None = None) -> np.ndarray:
    """The body (J, 3) in z-up world axes, in a layout's order."""
    return np.stack([place(name) for name in (order or ORDERS[layout]).split()])


def as_seen(layout: str) -> np.ndarray:
    """The body (J, 3) as that layout's sensor reports it, two metres away."""
    return body(layout) @ np.array(FRAMES[layout], dtype=float).T + (0.3, 0.1, 2.0)


def expected_canonical() -> np.ndarray:
    """(16, 3): pelvis at the origin, torso 0.5, written down from the body alone."""
    joints = body('canonical16')
    joints[1] = (joints[0] + joints[2]) / 2
    return (joints - joints[0]) * (0.5 / 0.55)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn about z."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]).T


def pose_of(points: np.ndarray, layout: str):
    return canonical_pose(canonical_joints(points, layout), RATE)


def mirrored(points: np.ndarray, layout: str) -> np.ndarray:
    """The same frames with the names of left and right swapped."""
    order = ORDERS[layout].split()
    swap = {'l': 'r', 'r': 'l'}
    other = [swap[n[0]] + n[1:] if n[:2] in ('l_', 'r_') else n for n in order]
    return points[..., [order.index(name) for name in other], :]


@pytest.mark.parametrize('layout', SOLID)
def test_every_layout_gives_the_same_canonical_pose(layout):
    pose = pose_of(as_seen(layout)[None], layout)
    assert pose.mask.all()
    np.testing.assert_allclose(pose.joints[0], expected_canonical(), atol=1e-5)


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


@pytest.mark.parametrize('layout', ['coco17', 'openpose18'])
def test_a_flat_layout_gives_what_the_image_shows(layout):
    assert get_layout(layout).dimensions == 2
    flat = as_seen(layout)
    flat[:, 2] = 0.0
    pose = pose_of(flat[None], layout)
    expected = expected_canonical() * (0, 1, 1)
    np.testing.assert_allclose(pose.joints[0], expected, atol=1e-5)


def test_only_flat_layouts_are_marked_so():
    assert set(LAYOUTS) == set(ORDERS)
    assert {n for n, layout in LAYOUTS.items() if layout.dimensions == 3} == set(SOLID)


@pytest.mark.parametrize('layout', sorted(ORDERS))
def test_a_layout_has_as_many_joints_as_its_sensor(layout):
    count = len(ORDERS[layout].split())
    assert len(get_layout(layout).joints) == count
    with pytest.raises(ValueError, match=f'{layout} has {count} joints') as caught:
        canonical_joints(np.zeros((2, count + 1, 3)), layout)
    assert '\n' not in str(caught.value)


def test_an_unknown_layout_is_refused_with_the_names():
    with pytest.raises(ValueError, match='coco17, h36m17, kinect20, mediapipe33') as caught:
        get_layout('kinect25')
    assert 'kinect25' in str(caught.value)


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
    np.testing.assert_allclose(pose.joints, np.tile(expected_canonical(), (5, 1, 1)), atol=1e-3)
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
    np.testing.assert_allclose(pose.joints[40], expected_canonical(), atol=1e-3)


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
    hidden[3:, order.index('l_wrist')] = np.nan
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
def test_a_given_up_overrides_the_layouts_and_is_found(up):
    # World axes turned so that z lies along `up`.
    seen = np.tile(body('kinect20') @ rotation_to_z_up(up), (6, 1, 1))
    assert estimate_up(seen, 'kinect20') == up
    pose = canonical_pose(canonical_joints(seen, 'kinect20', up), RATE)
    np.testing.assert_allclose(pose.joints[0], expected_canonical(), atol=1e-5)


def test_up_is_not_guessed_of_a_body_that_leans_or_is_not_seen():
    lean = rotation_to_z_up((1.0, 0.0, 1.0))
    assert estimate_up(np.tile(body('kinect20') @ lean, (6, 1, 1)), 'kinect20') is None
    assert estimate_up(np.full((6, 20, 3), np.nan), 'kinect20') is None
    assert estimate_up(np.zeros((6, 20, 3)), 'kinect20') is None


def test_up_is_found_from_the_torso_where_legs_are_hidden():
    seen = np.tile(as_seen('mediapipe33'), (6, 1, 1))
    seen[:, 25:] = np.nan
    assert estimate_up(seen, 'mediapipe33') == (0, -1, 0)


@pytest.mark.parametrize('layout', SOLID)
def test_swapped_sides_and_mirrored_images_are_found(layout):
    seen = np.tile(as_seen(layout), (4, 1, 1))
    image = seen * (-1, 1, 1) if layout in ('mediapipe33', 'kinect20') else seen * (1, -1, 1)
    assert handedness(seen, layout) > 0.9
    assert handedness(mirrored(seen, layout), layout) < -0.9
    assert handedness(image, layout) < -0.9


@pytest.mark.parametrize('layout', SOLID)
def test_handedness_does_not_depend_on_heading(layout):
    for angle in (0, 70, 140, 210, 280):
        seen = turned(body(layout), angle) @ np.array(FRAMES[layout], dtype=float).T
        assert handedness(np.tile(seen, (4, 1, 1)), layout) > 0.9


def test_a_straight_knee_that_a_sensor_bends_backward_tells_nothing():
    order = ORDERS['kinect20'].split()
    points = body('kinect20')
    for side in 'lr':
        points[order.index(f'{side}_knee'), 0] = -0.05
        points[order.index(f'{side}_foot'), 0] = 0.02
    seen = np.tile(points @ np.array(FRAMES['kinect20'], dtype=float).T, (4, 1, 1))
    assert handedness(seen, 'kinect20') > 0.9


def test_a_bent_knee_tells_without_feet_and_hands():
    points = body('canonical16')
    for side in ('left', 'right'):
        points[JOINT[f'{side}_knee'], 0] = 0.35
        points[JOINT[f'{side}_wrist']] = np.nan
    seen = np.tile(points, (4, 1, 1))
    assert handedness(seen, 'canonical16') > 0.9
    assert handedness(mirrored(seen, 'canonical16'), 'canonical16') < -0.9


def test_handedness_says_nothing_where_nothing_tells():
    assert handedness(as_seen('coco17')[None], 'coco17') == 0.0
    assert handedness(np.zeros((0, 20, 3)), 'kinect20') == 0.0
    assert handedness(np.full((4, 20, 3), np.nan), 'kinect20') == 0.0
    stiff = np.tile(body('canonical16') * (0, 1, 1), (4, 1, 1))
    assert handedness(stiff, 'canonical16') == 0.0


@pytest.mark.skipif(not UTD.is_dir(), reason='needs UTD-MHAD beside the repository')
def test_handedness_of_real_recordings():
    # The rule was chosen on subjects 1 and 3; these it has not seen.
    scores = []
    for recording in load_utd_mhad(UTD, subjects=('5',)):
        xyz = recording.streams['pose'].values
        scores.append(
            (handedness(xyz, 'kinect20'), handedness(mirrored(xyz, 'kinect20'), 'kinect20'))
        )
    as_it_is, swapped = np.array(scores).T
    assert len(scores) > 100
    assert (as_it_is < -0.3).mean() < 0.01
    assert (swapped < -0.3).mean() > 0.95
