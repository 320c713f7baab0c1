"""Standing, sitting and lying by angles."""

import numpy as np
import pytest
from known_body import body

from mujo_core.posture import LIE, SIT, STAND, posture, posture_of
from mujo_core.skeleton import JOINT, canonical_joints, canonical_pose


def standing() -> np.ndarray:
    return canonical_joints(np.repeat(body('canonical16')[None], 5, axis=0), 'canonical16')


def seated() -> np.ndarray:
    joints = standing()
    for side in ('left', 'right'):
        hip = joints[:, JOINT[f'{side}_hip']]
        joints[:, JOINT[f'{side}_knee']] = hip + np.array([0.44, 0.0, -0.03])
        joints[:, JOINT[f'{side}_ankle']] = hip + np.array([0.44, 0.0, -0.45])
    return joints


def turned(joints: np.ndarray, degrees: float, axis: int) -> np.ndarray:
    """About the x (0) or y (1) axis."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_x = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    about_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return (joints @ (about_x, about_y)[axis].T).astype(np.float32)


def test_a_body_stands_sits_or_lies():
    assert posture(standing()) == STAND
    assert posture(seated()) == SIT
    for axis, degrees in ((0, 90), (0, -90), (1, 90), (1, -90)):
        assert posture(turned(standing(), degrees, axis)) == LIE


@pytest.mark.parametrize('degrees', [-15, 15])
def test_a_camera_that_looks_up_or_down_a_little_changes_nothing(degrees):
    assert posture(turned(standing(), degrees, 1)) == STAND
    assert posture(turned(seated(), degrees, 1)) == SIT


def test_who_bends_down_does_not_lie():
    joints = standing()
    upper = [j for j in range(16) if j not in {0} and j < 10]
    joints[:, upper] = turned(joints[:, upper] - joints[:, :1], 85, 1) + joints[:, :1]
    assert posture(joints) is None


def test_what_is_not_seen_is_not_said():
    joints = standing()
    joints[:, [JOINT['left_knee'], JOINT['right_knee']]] = np.nan
    assert posture(joints) is None
    assert posture(np.full((5, 16, 3), np.nan, dtype=np.float32)) is None


def image(joints: np.ndarray, across: int) -> np.ndarray:
    """What an image shows whose x is the axis `across`: x to its right, no depth, z up."""
    flat = np.zeros_like(joints)
    flat[..., 0], flat[..., 2] = joints[..., across], joints[..., 2]
    return flat


@pytest.mark.parametrize('across', [0, 1], ids=['from beside', 'from before'])
def test_an_image_shows_who_stands_or_lies_but_not_who_sits(across):
    assert posture(image(standing(), across)) == STAND
    assert posture(image(turned(standing(), 90, 1 - across), across)) == LIE
    assert posture(image(seated(), across)) is None


def test_a_windows_pose_shows_what_its_joints_do():
    for joints, said in ((standing(), STAND), (seated(), SIT), (turned(standing(), 90, 1), LIE)):
        assert posture_of(canonical_pose(joints, 25.0), 25.0) == said
    flat = standing()[..., [1, 0, 2]] * np.float32([1, 0, 1])
    assert posture_of(canonical_pose(flat, 25.0), 25.0) == STAND
    assert posture_of(None, 25.0) is None
