"""The person in a depth image: found where the skeleton is, drawn alike wherever it stands."""

import numpy as np
import pytest

from mujo_core.video import depth as d
from mujo_core.video.depth import body_centre, draw_points, person_mask, person_points
from mujo_core.video.rgb import skeleton_box

FOCAL = 0.89 * 320
CLIPS = ('a3_s7_t2_wave', 'a27_s7_t1_squat')


@pytest.fixture(scope='module', params=CLIPS)
def clip(request):
    """Depth images (20, 240, 320) of a real clip and the skeleton (20, 20, 3) at their times."""
    from pathlib import Path

    folder = Path(__file__).parents[1] / 'data'
    depth = np.load(folder / f'utd_mhad_{request.param}_depth.npz')
    skeleton = np.load(folder / f'utd_mhad_{request.param}.npz')
    at = np.searchsorted(skeleton['skeleton/t'], depth['t'] - 1e-6)
    # The Kinect's axes have y up, a camera's (REP-103) y down.
    return depth['depth'], skeleton['skeleton/xyz'][at] * (1, -1, 1)


def in_a_room(image: np.ndarray, wall: float = 4.2) -> np.ndarray:
    """The person of an image without background, on a floor and before a wall, metres."""
    person = image / 1000.0
    row = np.arange(240)[:, None].repeat(320, axis=1)
    feet = np.nonzero(person)[0].max()
    height = (feet - 119.5) * np.median(person[person > 0]) / FOCAL + 0.02
    down = np.maximum((row - 119.5) / FOCAL, 1e-6)
    room = np.minimum(height / down, wall)
    # Half a metre of table to the left, at the person's distance.
    room[100:180, :40] = np.minimum(room[100:180, :40], 2.5)
    return np.round(np.where(person > 0, person, room) / 0.02).astype(np.float32) * np.float32(0.02)


def test_the_person_is_where_the_skeleton_is(clip):
    for image, joints in zip(*clip, strict=True):
        points = person_points(image)
        assert len(points) > 1500
        # Each joint lies within the body: some point of its surface is near.
        gaps = np.linalg.norm(points[None] - joints[:, None], axis=2).min(axis=1)
        assert np.median(gaps) < 0.15
        assert gaps.max() < 0.35
        found = np.array([points[:, 0].min(), points[:, 0].max()])
        assert found == pytest.approx([joints[:, 0].min(), joints[:, 0].max()], abs=0.3)


def test_a_floor_a_wall_and_a_table_are_left_out(clip):
    for image in clip[0][::4]:
        seen = image > 0
        found = person_mask(in_a_room(image), FOCAL)
        assert (found & seen).sum() / (found | seen).sum() > 0.9


def test_a_box_says_who_is_meant(clip):
    image, joints = clip[0][0] / 1000.0, clip[1][0]
    # Another body nearer and to the right; without a box the nearer one is taken.
    other = np.zeros_like(image)
    other[:, 90:] = image[:, :-90] * 0.8
    both = np.where(other > 0, other, image).astype(np.float32)
    box = skeleton_box(joints, FOCAL, 320, 240)
    assert box is not None
    meant = person_points(both, box=box)
    assert np.median(meant[:, 2]) == pytest.approx(np.median(image[image > 0]), abs=0.1)
    assert np.median(person_points(both)[:, 2]) == pytest.approx(
        0.8 * np.median(image[image > 0]), abs=0.1
    )


def test_metres_and_millimetres_give_the_same(clip):
    image = clip[0][3]
    metres = np.where(image > 0, image / 1000.0, np.nan).astype(np.float32)
    np.testing.assert_allclose(person_points(metres), person_points(image), atol=1e-5)


def test_a_larger_image_gives_the_same_frame(clip):
    image = clip[0][3]
    large = np.kron(image, np.ones((2, 2), dtype=image.dtype))
    small, other = (
        draw_points(points, body_centre(points), 48).astype(int)
        for points in (person_points(image), person_points(large))
    )
    assert ((small > 0) != (other > 0)).mean() < 0.02


def test_a_body_looks_alike_wherever_it_stands(clip):
    points = person_points(clip[0][10])
    here = draw_points(points, body_centre(points), 48)
    moved = points + np.array([0.7, -0.2, 0.9], dtype=np.float32)
    there = draw_points(moved, body_centre(moved), 48)
    assert (here != there).mean() < 0.02


def test_a_frame_is_in_metres_with_the_nearer_the_brighter():
    # A pixel is 0.05 m; these lie in the middle of theirs, the last one behind the first.
    points = np.array([[0, -0.025, 2], [0.5, -1.025, 1.5], [0, -0.025, 2.4]], dtype=np.float32)
    points[:, 0] += 0.025
    frame = draw_points(points, np.array([0.0, 0.0, 2.0], dtype=np.float32), 46)[..., 0]
    assert frame.shape == (46, 46) and frame.dtype == np.uint8
    feet = 43
    assert feet + 1 == round((d.EXTENT - d.BELOW_FEET) / 0.05)
    assert frame[feet, 23] == 128
    assert frame[feet - 20, 33] == 128 + 64
    assert (frame > 0).sum() == 2


def test_nobody_in_view_is_no_frame():
    assert person_points(np.zeros((240, 320), dtype=np.uint16)).shape == (0, 3)
    assert len(person_points(np.full((240, 320), 200, dtype=np.uint16))) == 0


def test_an_image_of_another_kind_is_refused_in_one_line():
    with pytest.raises(
        ValueError, match=r'expected a depth image .*\(240, 320, 3\) came'
    ) as caught:
        person_points(np.zeros((240, 320, 3), dtype=np.uint8))
    assert '\n' not in str(caught.value)
