"""Movements by key poses, and the data set that they make."""

from itertools import islice

import numpy as np
import pytest

from mujo_core.animation.movements import animate, animated_labels
from mujo_core.datasets.animated import EACH, load_animated
from mujo_core.labels import taxonomy
from mujo_core.posture import LIE, SIT, STAND, posture
from mujo_core.skeleton import JOINT, PARENTS
from mujo_core.training.mixture.clips import clips_of

SEEDS = range(8)


def path_of(label: str, seed: int) -> np.ndarray:
    """Return the joints (T, 16, 3) of what bears the label, turned to the heading x."""
    recording = animate(label, label, seed)
    segment = next(s for s in recording.segments if s.label == label)
    joints = recording.streams['pose'].between(segment.start, segment.end).values
    across = (joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]).mean(axis=0)
    turn = np.arctan2(-across[0], across[1])
    sine, cosine = np.sin(turn), np.cos(turn)
    return joints @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]).T


def bend(joints: np.ndarray, first: str, middle: str, last: str) -> np.ndarray:
    """Return the angle (T,) by which a limb is bent in its middle, degrees."""
    upper = joints[:, JOINT[middle]] - joints[:, JOINT[first]]
    lower = joints[:, JOINT[last]] - joints[:, JOINT[middle]]
    cosine = (upper * lower).sum(-1) / np.linalg.norm(upper, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine / np.linalg.norm(lower, axis=-1), -1, 1)))


@pytest.mark.parametrize('label', animated_labels())
def test_a_movement_has_a_known_name_stiff_bones_and_stands_on_the_ground(label):
    assert label in taxonomy()
    for seed in SEEDS:
        recording = animate(label, 'a', seed)
        joints = recording.streams['pose'].values
        assert np.isfinite(joints).all()
        bones = np.linalg.norm(joints - joints[:, PARENTS], axis=-1)
        stiff = [j for j in range(16) if j not in (0, 2)]  # the back bends between pelvis and chest
        np.testing.assert_allclose(bones[:, stiff], np.tile(bones[:1, stiff], (len(bones), 1)),
                                   atol=1e-4)  # fmt: skip
        assert -1e-4 < joints[..., 2].min() < 0.5
        assert label in {s.label for s in recording.segments}


def test_the_same_seed_is_the_same_and_another_is_another():
    one, again, other = (animate('squat', 'a', seed).streams['pose'].values for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.05


@pytest.mark.parametrize(('label', 'expected'), [('stand', STAND), ('sit', SIT), ('lie', LIE)])
def test_postures_are_what_their_angles_say(label, expected):
    said = [posture(path_of(label, seed)) for seed in SEEDS]
    assert said.count(expected) >= 7


def test_who_falls_ends_up_lying():
    for seed in SEEDS:
        recording = animate('fall', 'a', seed)
        fall, after = recording.segments
        assert (fall.label, after.label) == ('fall', 'lie')
        pose = recording.streams['pose']
        assert posture(pose.values[:5]) == STAND
        assert posture(pose.between(after.start, after.end).values) == LIE


def test_exercises_move_the_joints_that_they_are_named_by():
    for seed in SEEDS:
        squat = path_of('squat', seed)
        assert bend(squat, 'left_hip', 'left_knee', 'left_ankle').max() > 60
        assert np.ptp(squat[:, 0, 2]) > 0.1
        jack = path_of('jumping_jack', seed)
        apart = np.abs(jack[:, JOINT['left_ankle'], 1] - jack[:, JOINT['right_ankle'], 1])
        assert apart.max() > 1.3 * apart.min()
        curl = path_of('arm_curl', seed)
        bent = [bend(curl, f'{s}_shoulder', f'{s}_elbow', f'{s}_wrist') for s in ('left', 'right')]
        assert max(np.ptp(b) for b in bent) > 60
        push_up = path_of('push_up', seed)
        chest, wrist = push_up[:, 2], push_up[:, JOINT['left_wrist']]
        assert (wrist[:, 2] < chest[:, 2]).all()
        trunk = push_up[:, 2] - push_up[:, 0]
        assert np.degrees(np.arctan2(trunk[:, 2], np.linalg.norm(trunk[:, :2], axis=-1))).max() < 65


def test_what_alternates_is_done_with_both_sides():
    for seed in SEEDS:
        knees = path_of('knee_raise', seed)[:, [JOINT['left_knee'], JOINT['right_knee']], 2]
        assert (np.ptp(knees, axis=0) > 0.1).all()


def test_a_kick_goes_ahead_and_a_walk_gets_somewhere():
    for seed in SEEDS:
        kick = path_of('kick', seed)
        ahead = kick[:, [JOINT['left_ankle'], JOINT['right_ankle']], 0] - kick[:, :1, 0]
        assert ahead.max() > 0.3
    gone = [np.ptp(path_of('walk', seed)[:, 0, 0]) for seed in SEEDS]
    assert max(gone) > 3.0 and all(np.ptp(path_of('walk', s)[:, 0, 1]) < 0.3 for s in SEEDS)


def test_the_data_set_needs_no_folder_and_has_no_devices():
    recordings = list(islice(load_animated(), EACH + 5))
    assert len({r.name for r in recordings}) == EACH + 5
    assert len({s.label for r in recordings for s in r.segments}) == 2
    clips = [clip for r in recordings for clip in clips_of(r)]
    assert clips and not any(clip.virtual for clip in clips)
