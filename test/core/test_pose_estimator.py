"""Placing a body in the camera's frame, and the real model on a real video."""

import subprocess
import sys

import numpy as np
import pytest

from mujo_core.pose_estimator import (
    DepthFilter,
    Pose,
    PoseEstimator,
    focal_from_field_of_view,
    place_in_camera,
)

FOCAL, CENTER = 900.0, (640.0, 300.0)
HIPS = [23, 24]


def turn(axis, angle):
    """Rotation matrix about 'x' or 'y', written out."""
    c, s = np.cos(angle), np.sin(angle)
    if axis == 'x':
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def seen_from(rng, at):
    """A body at `at` (m, camera's frame), and what a model reports that looks straight at it."""
    body = rng.normal(0, (0.25, 0.5, 0.2), (33, 3))
    body[HIPS] = [[-0.1, 0, 0.02], [0.1, 0, -0.02]]
    x, y, z = at
    look = turn('y', np.arctan2(x, z)) @ turn('x', -np.arctan2(y, np.hypot(x, z)))
    joints = np.array([look @ joint + at for joint in body])
    camera = np.array([[FOCAL, 0, CENTER[0]], [0, FOCAL, CENTER[1]], [0, 0, 1]])
    pixels = np.array([(p := camera @ joint)[:2] / p[2] for joint in joints])
    pose = Pose(
        body.astype(np.float32), pixels.astype(np.float32), np.full(33, 0.9, dtype=np.float32)
    )
    return joints, pose


@pytest.mark.parametrize('at', [(0, 0, 3), (2.5, 0.8, 4), (-3, 1, 5), (0.5, -1, 2.5), (1, 0, 12)])
def test_projected_body_is_found_where_it_stood(at):
    joints, pose = seen_from(np.random.default_rng(1), np.array(at, float))
    np.testing.assert_allclose(place_in_camera(pose, FOCAL, CENTER), joints, atol=2e-3)


def test_unseen_joints_are_nan_and_do_not_count():
    joints, pose = seen_from(np.random.default_rng(2), np.array([1.0, 0.2, 4.0]))
    hidden = [0, 5, 15, 31]
    pose.visibility[hidden] = 0.3
    pose.image[hidden] += 400
    placed = place_in_camera(pose, FOCAL, CENTER)
    assert np.isnan(placed[hidden]).all()
    rest = np.delete(np.arange(33), hidden)
    np.testing.assert_allclose(placed[rest], joints[rest], atol=2e-3)


def test_some_wrong_joints_move_the_body_little():
    joints, pose = seen_from(np.random.default_rng(3), np.array([-1.0, 0.3, 4.0]))
    pose.image[[13, 15, 27]] += (150, -120)
    offset = np.linalg.norm(place_in_camera(pose, FOCAL, CENTER) - joints, axis=1)
    assert offset.max() < 0.1  # plain least squares is off by more than 0.3 m here


def test_a_body_that_cannot_be_placed_is_nan():
    _, pose = seen_from(np.random.default_rng(4), np.array([0.0, 0.0, 3.0]))
    few = Pose(pose.world, pose.image, np.where(np.arange(33) < 3, 0.9, 0.1).astype(np.float32))
    assert np.isnan(place_in_camera(few, FOCAL, CENTER)).all()
    upside_down = Pose(pose.world, (2 * np.array(CENTER) - pose.image).astype('f4'), few.visibility)
    upside_down.visibility[:] = 0.9
    assert np.isnan(place_in_camera(upside_down, FOCAL, CENTER)).all()


def test_field_of_view_spans_the_image():
    focal = focal_from_field_of_view(1000, np.deg2rad(90))
    assert focal == pytest.approx(500)
    for bad in (0.0, np.pi, -1.0):
        with pytest.raises(ValueError, match='field of view'):
            focal_from_field_of_view(1000, bad)


def test_depth_filter_steadies_the_distance_and_keeps_the_place_in_the_image():
    rng = np.random.default_rng(5)
    stamps = np.arange(90) / 30
    still = np.tile([[0.8, 0.2, 4.0]], (33, 1)) + rng.normal(0, 0.2, (33, 3))
    steady = DepthFilter()
    trembling, filtered = [], []
    for stamp in stamps:
        seen = (still * (1 + rng.normal(0, 0.02))).astype(np.float32)
        out = steady(stamp, seen)
        np.testing.assert_allclose(out - seen, (out - seen)[:1].repeat(33, 0), atol=1e-5)
        a, b = (joints[HIPS].mean(axis=0) for joints in (seen, out))
        np.testing.assert_allclose(a[:2] / a[2], b[:2] / b[2], atol=1e-5)
        trembling.append(a[2])
        filtered.append(b[2])
    assert np.diff(filtered).std() < 0.25 * np.diff(trembling).std()
    assert np.mean(filtered) == pytest.approx(np.mean(trembling), abs=0.05)


def test_depth_filter_follows_a_walk_towards_the_camera():
    steady = DepthFilter()
    for stamp in np.arange(60) / 30:
        depth = 6.0 - 1.2 * stamp
        out = steady(stamp, np.full((33, 3), [0.0, 0.0, depth], np.float32))
    assert out[0, 2] == pytest.approx(depth, abs=0.3)
    far = np.full((33, 3), [0.0, 0.0, 9.0], np.float32)
    assert steady(10.0, far)[0, 2] == pytest.approx(9.0)  # another person after a gap
    assert np.isnan(steady(10.1, far * np.nan)).all()


def test_without_mediapipe_the_extra_is_named():
    code = (
        "import sys; sys.modules['mediapipe'] = None\n"
        'from mujo_core.pose_estimator import PoseEstimator\n'
        "assert 'torch' not in sys.modules and 'rclpy' not in sys.modules\n"
        'PoseEstimator()'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 1
    assert 'pip install "mujo_ros[pose]"' in done.stderr.splitlines()[-1]


@pytest.fixture(scope='module')
def walk():
    """The woman in the lower half of Sports2D's demo.mp4, who walks from right to left."""
    pytest.importorskip('mediapipe')
    from mujo_ros.demo.source import VideoSource

    try:
        source = VideoSource()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    focal = focal_from_field_of_view(source.size[0], 1.15)
    center = (source.size[0] / 2, source.full_height / 2 - source.cut_above)
    found = []
    with PoseEstimator() as estimator:
        for index, rgb in enumerate(source.frames()):
            if index < 10:
                assert estimator.estimate(rgb) is None  # nobody is in view yet
            elif 48 <= index < 156:
                pose = estimator.estimate(rgb)
                if index < 66:
                    continue
                assert pose is not None
                placed = place_in_camera(pose, focal, center)
                found.append((index / source.rate, pose, placed))
    source.close()
    return found, focal, center


def test_walks_at_the_speed_of_a_walk(walk):
    found, *_ = walk
    stamps = np.array([stamp for stamp, *_ in found])
    hips = np.array([placed[HIPS].mean(axis=0) for *_, placed in found])
    velocity = np.polyfit(stamps, hips, 1)[0]
    assert -1.7 < velocity[0] < -0.8  # m/s, to the left
    assert abs(velocity[1]) < 0.2 and abs(velocity[2]) < 0.5
    assert 3.0 < hips[:, 2].mean() < 8.0


def test_lands_on_the_image_landmarks(walk):
    found, focal, center = walk
    for _, pose, placed in found:
        pixels = focal * placed[:, :2] / placed[:, 2:] + center
        height = np.ptp(pose.image[:, 1])
        off = np.nanmedian(np.linalg.norm(pixels - pose.image, axis=1))
        assert off < 0.06 * height


def test_is_a_body_with_its_head_up(walk):
    found, *_ = walk
    for _, _, placed in found:
        assert placed[0, 1] < placed[HIPS, 1].mean() < placed[[27, 28], 1].mean()
        assert 1.0 < placed[[27, 28], 1].mean() - placed[0, 1] < 2.0
