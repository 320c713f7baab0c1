"""A skeleton whose left and right are swapped is found; a body as it is never."""

from pathlib import Path

import numpy as np
import pytest
from known_body import FRAMES, ORDERS, SOLID, as_seen, body, mirrored, turned

from mujo_core.datasets.utd_mhad import load_utd_mhad
from mujo_core.sides import FRAMES_A_LOOK, LOOKS_THAT_AGREE, SidesWatch, handedness
from mujo_core.skeleton import JOINT

UTD = Path(__file__).parents[3] / 'shared' / 'data' / 'utd_mhad'

CLIPS = ('a13_s7_t2_boxing', 'a22_s7_t1_jog', 'a27_s7_t1_squat', 'a3_s7_t2_wave')
UP = (0.0, 1.0, 0.0)


@pytest.fixture(params=CLIPS)
def frames(request, data_dir):
    """Frames (N, 20, 3) of a real Kinect, for as many looks as must agree."""
    with np.load(data_dir / f'utd_mhad_{request.param}.npz') as arrays:
        xyz = arrays['skeleton/xyz'].astype(np.float32)
    return np.resize(xyz, (FRAMES_A_LOOK * LOOKS_THAT_AGREE, *xyz.shape[1:]))


def watch(frames, layout='kinect20'):
    sides = SidesWatch(layout)
    return sum(sides(xyz, UP) for xyz in frames)


def test_a_body_as_it_is_goes_unsaid(frames):
    assert watch(frames) == 0


def test_a_mirrored_body_is_found_once_two_looks_agree(frames):
    assert watch(frames * np.array([-1, 1, 1], np.float32)) == 1


def test_one_look_alone_is_not_enough(frames):
    other = frames * np.array([-1, 1, 1], np.float32)
    assert watch(np.concatenate([other[:FRAMES_A_LOOK], frames])) == 0


def test_image_coordinates_tell_nothing():
    assert watch(np.ones((500, 17, 3), np.float32), 'coco17') == 0


@pytest.mark.parametrize('layout', SOLID)
def test_swapped_sides_and_mirrored_images_are_found(layout):
    seen = np.tile(as_seen(layout), (4, 1, 1))
    image = seen * (1 - 2 * np.abs(np.array(FRAMES[layout])[:, 1]))
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
