"""A skeleton whose left and right are swapped is found; a body as it is never."""

import numpy as np
import pytest

from mujo_core.sides import FRAMES_A_LOOK, LOOKS_THAT_AGREE, SidesWatch

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
    mirrored = frames * np.array([-1, 1, 1], np.float32)
    assert watch(np.concatenate([mirrored[:FRAMES_A_LOOK], frames])) == 0


def test_image_coordinates_tell_nothing():
    assert watch(np.ones((500, 17, 3), np.float32), 'coco17') == 0
