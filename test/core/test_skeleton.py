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
    STANDARD_BODY,
    canonical_joints,
    canonical_pose,
    is_flat,
    rotation_to_z_up,
    standard_proportions,
)

RATE = 25.0
steady = settings(derandomize=True, max_examples=50, deadline=None)


def pose_of(points: np.ndarray, layout: str):
    joints = canonical_joints(points, layout)
    return canonical_pose(joints, RATE, standard_body=False, complete=False)


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
    pose = canonical_pose(canonical_joints(seen, 'kinect20', up), RATE, standard_body=False)
    np.testing.assert_allclose(pose.joints[0], expected_canonical('kinect20'), atol=1e-5)


def moving(seed: int = 0) -> np.ndarray:
    """(30, 16, 3) a body that bends every joint."""
    rng = np.random.default_rng(seed)
    still = canonical_joints(as_seen('canonical16'), 'canonical16')
    bones = still - still[list(PARENTS)]
    joints = np.zeros((30, 16, 3), np.float32)
    for t in range(30):
        for joint, parent in enumerate(PARENTS):
            sway = bones[joint] + 0.2 * np.linalg.norm(bones[joint]) * rng.normal(size=3)
            length = np.linalg.norm(bones[joint])
            step = sway * length / max(np.linalg.norm(sway), 1e-9)
            joints[t, joint] = joints[t, parent] + (step if joint else 0.0)
    return joints


def lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints - joints[:, list(PARENTS)], axis=-1)


def test_bones_get_the_lengths_of_one_body_and_keep_their_directions():
    joints = moving()
    standard = standard_proportions(joints)
    torso = np.median(lengths(joints), axis=0)[[1, 2]].sum()
    shares = np.median(lengths(standard), axis=0) / torso
    limbs = [JOINT[f'{side}_{part}'] for side in ('left', 'right') for part in ('elbow', 'knee')]
    np.testing.assert_allclose(shares[limbs], STANDARD_BODY[limbs], rtol=1e-3)
    before, after = (x - x[:, list(PARENTS)] for x in (joints, standard))
    cosine = (before * after).sum(-1) / np.maximum(lengths(joints) * lengths(standard), 1e-9)
    np.testing.assert_allclose(cosine[:, 1:], 1.0, atol=1e-4)


def test_a_person_with_other_limbs_has_the_same_pose():
    joints = moving()
    bones = joints - joints[:, list(PARENTS)]
    factor = {'knee': 0.8, 'ankle': 0.75, 'elbow': 0.8, 'wrist': 0.7, 'hip': 1.4, 'head': 1.2}
    other = np.zeros_like(joints)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        scale = factor.get(CANONICAL_JOINTS[joint].rpartition('_')[2], 1.0)
        other[:, joint] = other[:, parent] + scale * bones[:, joint]
    one, two = canonical_pose(joints, RATE), canonical_pose(other, RATE)
    np.testing.assert_allclose(one.joints, two.joints, atol=1e-4)
    plain, plain_two = (canonical_pose(x, RATE, standard_body=False) for x in (joints, other))
    assert np.abs(plain.joints - plain_two.joints).max() > 0.1


def test_a_bone_of_no_persons_length_is_stretched_no_further():
    joints = moving()
    wrist, elbow = JOINT['left_wrist'], JOINT['left_elbow']
    for side in ('left', 'right'):
        end, start = JOINT[f'{side}_wrist'], JOINT[f'{side}_elbow']
        joints[:, end] = joints[:, start] + 0.1 * (joints[:, end] - joints[:, start])
    standard = standard_proportions(joints)
    np.testing.assert_allclose(
        standard[:, wrist] - standard[:, elbow],
        2.5 * (joints[:, wrist] - joints[:, elbow]),
        atol=1e-5,
    )


def test_a_joint_below_one_that_is_hidden_moves_with_what_is_above():
    joints = moving()
    whole = standard_proportions(joints)
    joints[:10, JOINT['left_knee']] = np.nan
    part = standard_proportions(joints)
    hip = JOINT['left_hip']
    moved = part[:10, JOINT['left_ankle']] - joints[:10, JOINT['left_ankle']]
    np.testing.assert_allclose(moved, part[:10, hip] - joints[:10, hip], atol=1e-5)
    np.testing.assert_allclose(part[10:], whole[10:], atol=0.05)
    assert np.isnan(part[:10, JOINT['left_knee']]).all()


def test_an_images_bones_stay_as_they_are():
    flat = moving() * np.float32([1, 0, 1])
    assert is_flat(flat) and not is_flat(moving())
    np.testing.assert_array_equal(standard_proportions(flat), flat)


def test_who_walks_in_a_circle_is_seen_to_walk_ahead_throughout():
    stamps = np.arange(75) / RATE
    turned = stamps * 2.0  # rad: most of a circle in three seconds
    joints = canonical_joints(np.repeat(body('canonical16')[None], 75, axis=0), 'canonical16')
    joints = joints - joints[:, :1]
    for step, angle in enumerate(turned):
        sine, cosine = np.sin(angle), np.cos(angle)
        joints[step] = joints[step] @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]).T
        joints[step] += 0.5 * np.array([sine, -cosine, 0.0]) + [0.0, 0.0, 1.0]  # radius 0.5 m
    pose = canonical_pose(joints, RATE)
    inner = slice(15, -15)  # at the ends a moment reaches to one side alone
    assert np.abs(np.diff(pose.joints[inner], axis=0)).max() < 0.02
    speed, sideways, _, rate = pose.root[inner].T
    assert speed.min() > 0.8 and np.abs(sideways).max() < 0.1
    np.testing.assert_allclose(rate, 2.0, atol=0.05)
    whole = canonical_pose(joints, RATE, heading_seconds=0.0)
    assert np.abs(np.diff(whole.joints[inner], axis=0)).max() > 0.02


def test_an_arm_that_the_body_hides_is_the_other_one_mirrored():
    joints = np.repeat(canonical_joints(body('canonical16')[None], 'canonical16'), 75, axis=0)
    left, right, knee = (JOINT[n] for n in ('left_wrist', 'right_wrist', 'left_knee'))
    joints[:, right, 0] += 0.2 * np.sin(np.arange(75) / 5.0)
    joints[5:, left] = np.nan  # hardly seen
    joints[:20, knee] = np.nan  # well seen
    joints[:, [JOINT['left_ankle'], JOINT['right_ankle']]] = np.nan
    pose = canonical_pose(joints, RATE)
    assert pose.mask[:, left].all()
    np.testing.assert_allclose(
        pose.joints[5:, left], pose.joints[5:, right] * (1.0, -1.0, 1.0), atol=1e-5
    )
    assert not pose.mask[:20, knee].any() and pose.mask[20:, knee].all()
    assert not pose.mask[:, [JOINT['left_ankle'], JOINT['right_ankle']]].any()
    kept = canonical_pose(joints, RATE, complete=False)
    assert not kept.mask[5:, left].any()
    np.testing.assert_array_equal(kept.joints[:5], pose.joints[:5])


def test_an_arm_that_hides_behind_the_other_in_an_image_lies_where_that_one_does():
    joints = np.repeat(canonical_joints(body('canonical16')[None], 'canonical16'), 75, axis=0)
    left, right = JOINT['left_wrist'], JOINT['right_wrist']
    joints[:, right, 0] += 0.3  # held ahead, which a camera beside the body sees as far to a side
    joints[..., 0] += 0.2 * joints[..., 1]
    joints[..., 1] = 0.0
    joints[:, left] = np.nan
    pose = canonical_pose(joints, RATE)
    assert np.abs(pose.joints[:, right, 1]).min() > 0.1
    np.testing.assert_allclose(pose.joints[:, left], pose.joints[:, right], atol=1e-6)
