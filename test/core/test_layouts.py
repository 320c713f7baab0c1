"""Each layout's joints are where their publisher says, and give the same canonical pose."""

from pathlib import Path

import numpy as np
import pytest
from known_body import FLAT, ORDERS, SOLID, as_seen, expected_canonical

from mujo_core.layouts import LAYOUTS, get_layout, guess_layout
from mujo_core.skeleton import canonical_joints, canonical_pose

README = Path(__file__).parents[2] / 'README.md'
# A few places as the publisher numbers them: the enumerations of the SDKs, the tables of the data.
ANCHORS = {
    'mediapipe33': {0: 'nose', 11: 'left_shoulder', 16: 'right_wrist', 32: 'right_foot'},
    'kinect20': {0: 'head', 3: 'hip_center', 11: 'right_hand', 19: 'right_foot'},
    'kinect25': {
        0: 'spine_base', 3: 'head', 7: 'left_hand', 16: 'right_hip', 20: 'spine_shoulder',
        21: 'left_hand_tip', 24: 'right_thumb',
    },
    'azure32': {
        1: 'spine_navel', 4: 'left_clavicle', 10: 'left_thumb', 11: 'right_clavicle',
        18: 'left_hip', 25: 'right_foot', 26: 'head', 29: 'left_ear', 30: 'right_eye',
    },
    'openni15': {0: 'head', 3: 'right_shoulder', 6: 'left_hand', 8: 'torso', 14: 'right_foot'},
    'zed34': {
        3: 'neck', 7: 'left_wrist', 14: 'right_wrist', 22: 'right_hip', 26: 'head',
        31: 'right_ear', 32: 'left_heel',
    },
    'zed38': {
        4: 'neck', 5: 'nose', 12: 'left_shoulder', 17: 'right_wrist', 18: 'left_hip',
        24: 'left_big_toe', 28: 'left_heel', 30: 'left_thumb', 37: 'right_pinky',
    },
    'smpl24': {0: 'pelvis', 1: 'left_hip', 9: 'spine_3', 12: 'neck', 15: 'head', 23: 'right_hand'},
    'h36m17': {0: 'pelvis', 1: 'right_hip', 8: 'thorax', 10: 'head_top', 16: 'right_wrist'},
    'coco17': {0: 'nose', 5: 'left_shoulder', 11: 'left_hip', 16: 'right_ankle'},
    'openpose18': {1: 'neck', 4: 'right_wrist', 11: 'left_hip', 17: 'left_ear'},
    'body25': {
        1: 'neck', 4: 'right_wrist', 8: 'mid_hip', 9: 'right_hip', 14: 'left_ankle',
        15: 'right_eye', 19: 'left_big_toe', 21: 'left_heel', 24: 'right_heel',
    },
    'halpe26': {
        0: 'nose', 5: 'left_shoulder', 16: 'right_ankle', 17: 'head_top', 18: 'neck',
        19: 'mid_hip', 20: 'left_big_toe', 23: 'right_small_toe', 25: 'right_heel',
    },
    'canonical16': {0: 'pelvis', 2: 'chest', 3: 'head', 4: 'left_shoulder', 15: 'right_ankle'},
}  # fmt: skip


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_joints_are_at_their_published_places(layout):
    joints = get_layout(layout).joints
    assert {place: joints[place] for place in ANCHORS[layout]} == ANCHORS[layout]
    assert len(set(joints)) == len(joints)
    sides = [name[:2] if name[:2] in ('l_', 'r_') else '' for name in ORDERS[layout].split()]
    named = ['l_' if 'left' in name else 'r_' if 'right' in name else '' for name in joints]
    assert named == sides


@pytest.mark.parametrize('layout', SOLID)
def test_every_layout_gives_the_same_canonical_pose(layout):
    pose = canonical_pose(
        canonical_joints(as_seen(layout)[None], layout), 25.0, standard_body=False
    )
    assert pose.mask.all()
    np.testing.assert_allclose(pose.joints[0], expected_canonical(layout), atol=1e-5)


@pytest.mark.parametrize('layout', FLAT)
def test_a_flat_layout_gives_what_the_image_shows(layout):
    flat = as_seen(layout)
    flat[:, 2] = 0.0
    pose = canonical_pose(canonical_joints(flat[None], layout), 25.0)
    np.testing.assert_allclose(pose.joints[0], expected_canonical() * (0, 1, 1), atol=1e-5)


def test_a_wrist_stands_in_for_no_hand_that_is_only_hidden():
    """An arm that grew and shrank by as much from frame to frame would be a motion."""
    seen = as_seen('kinect25')
    seen[7] = np.nan  # the left hand; the left wrist is seen
    joints = canonical_joints(seen[None], 'kinect25')
    pose = canonical_pose(joints, 25.0, standard_body=False, complete=False)
    assert [bool(seen) for seen in pose.mask[0, [8, 9]]] == [False, True]


@pytest.mark.parametrize('layout', SOLID)
def test_devices_are_worn_at_the_wrist_where_a_layout_has_one(layout):
    joints = canonical_joints(as_seen(layout)[None], layout, worn=True)
    wrists = expected_canonical('openni15' if layout == 'openni15' else 'canonical16')[[8, 9]]
    pose = canonical_pose(joints, 25.0, standard_body=False)
    np.testing.assert_allclose(pose.joints[0, [8, 9]], wrists, atol=1e-5)


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
    with pytest.raises(ValueError, match='kinect20, kinect25, mediapipe33') as caught:
        get_layout('kinect99')
    assert 'kinect99' in str(caught.value)


@pytest.mark.parametrize('layout', sorted(ORDERS))
def test_a_recorded_skeleton_tells_its_layout(layout):
    seen = as_seen(layout)
    seen[:, 2] *= get_layout(layout).dimensions == 3
    half = seen.copy()
    half[::2] = np.nan
    nobody = np.full((len(seen) + 1, 3), np.nan)
    found = guess_layout([seen, half, nobody])
    assert found is not None and found.name == layout


def test_a_skeleton_of_no_layout_is_not_guessed():
    assert guess_layout([np.ones((7, 3))]) is None
    assert guess_layout([np.ones((18, 3))]) is None  # with depths it is no list of an image's
    nobody = guess_layout([np.full((25, 3), np.nan)])
    assert nobody is not None and nobody.name == 'kinect25'


def test_the_page_that_a_user_reads_names_every_layout():
    line = README.read_text().partition('\nLayouts')[2].partition('\n\n')[0]
    assert {word for word in line.split('`')[1::2] if word in LAYOUTS} == set(LAYOUTS)
