"""One action done again and again: periodic, where it ends as it began."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, canonical_joints
from mujo_core.training.repeat import repeated

DATA = Path(__file__).parents[1] / 'data'
STANDING = np.array(
    [[0, 0, 1], [0, 0, 1.2], [0, 0, 1.4], [0, 0, 1.7],
     [0, 0.2, 1.4], [0, -0.2, 1.4], [0, 0.25, 1.1], [0, -0.25, 1.1],
     [0.2, 0.25, 1.0], [0.2, -0.25, 1.0], [0, 0.1, 1.0], [0, -0.1, 1.0],
     [0.05, 0.1, 0.5], [0.05, -0.1, 0.5], [0, 0.1, 0.1], [0, -0.1, 0.1]]
)  # fmt: skip
FEET = [JOINT['left_ankle'], JOINT['right_ankle']]
KNEES = [JOINT['left_knee'], JOINT['right_knee']]
RATE = 30.0


def streams(
    lowered: np.ndarray, speed: float = 0.0, lateral: float = 0.0
) -> tuple[dict[str, Stream], float, float]:
    """A body whose hips are lowered by so much (T,) behind its feet, at 30 Hz, and which walks
    along x; the device at its wrist feels how far down it is."""
    stamps = 4.0 + np.arange(len(lowered)) / RATE
    joints = np.repeat(STANDING[None], len(lowered), axis=0)
    upper = [joint for joint in range(16) if joint not in KNEES + FEET]
    joints[:, upper, 2] -= lowered[:, None]
    joints[:, upper, 0] -= lowered[:, None]
    joints += np.array([speed, lateral, 0.0]) * (stamps - stamps[0])[:, None, None]
    samples = np.zeros((len(stamps), 6), np.float32)
    samples[:, 2] = 9.81 + 30.0 * lowered
    found = {
        'pose': Stream(stamps, joints.astype(np.float32)),
        'imu/left_wrist': Stream(stamps, samples),
    }
    return found, float(stamps[0]), float(stamps[-1])


def squat(seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.4 * np.sin(np.pi * time / seconds) ** 2


def sit_down(seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.4 * np.clip(1.6 * time / seconds - 0.3, 0.0, 1.0)


@pytest.mark.parametrize('seed', range(4))
def test_a_squat_goes_on_with_one_period(seed):
    clip, start, end = streams(squat())
    found = repeated(clip, start, end, 7.0, np.random.default_rng(seed))
    assert found is not None
    made, once, first, last = found
    assert once == pytest.approx(2.0, abs=0.5)
    assert start <= first < start + 0.15 * (end - start) + 1e-9 and last - first > 7.0
    for name, stream in made.items():
        assert (np.diff(stream.stamps) > 0).all() and stream.values.dtype == np.float32
        assert first <= stream.stamps[0] and last - 0.4 < stream.stamps[-1] <= last
        # No pause: the next one follows within a quarter of a second.
        assert np.diff(stream.stamps).max() < 0.25 + 2 / RATE
        period = period_of(stream)
        assert 0.7 * len(clip[name]) - 1 <= period <= len(clip[name])
        starts = stream.stamps[::period]
        assert np.diff(starts) == pytest.approx(np.full(len(starts) - 1, starts[1] - starts[0]))


def period_of(stream: Stream) -> int:
    """After how many samples a body about its pelvis, or what a device feels, repeats."""
    values = stream.values - stream.values[:, :1] if stream.values.ndim == 3 else stream.values
    for period in range(20, len(values) // 2):
        if len(values) % period == 0 and np.allclose(
            values[period:], values[:-period], atol=1e-4, equal_nan=True
        ):
            return period
    raise AssertionError('expected values that repeat, none do')


def test_who_walks_goes_on_from_where_they_have_come_to():
    clip, start, end = streams(np.zeros(60), speed=0.8, lateral=-0.3)
    found = repeated(clip, start, end, 9.0, np.random.default_rng(1))
    assert found is not None
    pose = found[0]['pose']
    pelvis = pose.values[:, 0]
    steps = np.diff(pelvis, axis=0)
    # Never back to where it began: between two times a person moves no further than within one.
    assert (steps[:, 0] > -1e-5).all() and steps[:, 0].max() < 0.8 / RATE + 1e-4
    assert (steps[:, 1] < 1e-5).all()
    way = pelvis[-1] - pelvis[0]
    assert way[0] > 0.6 * 0.8 * 9.0 and way[1] == pytest.approx(-0.3 / 0.8 * way[0], abs=1e-3)
    # The whole body goes with it.
    width = pose.values[:, JOINT['left_hip']] - pose.values[:, JOINT['right_hip']]
    np.testing.assert_allclose(width, np.tile([0.0, 0.2, 0.0], (len(width), 1)), atol=1e-5)


def test_who_sits_down_does_not_stand_again():
    clip, start, end = streams(sit_down())
    for seed in range(4):
        rng = np.random.default_rng(seed)
        assert repeated(clip, start, end, 6.0, rng) is None
        # Either sensor tells.
        for name in clip:
            assert repeated({name: clip[name]}, start, end, 6.0, rng) is None


def test_what_lasts_long_is_no_single_action():
    for seconds, again in ((6.0, True), (12.0, False)):
        clip, start, end = streams(squat(seconds))
        found = repeated(clip, start, end, 6.0, np.random.default_rng(0))
        assert (found is not None) == again


def test_images_and_streams_of_a_few_samples_are_left_as_they_are():
    clip, start, end = streams(squat())
    rng = np.random.default_rng(0)
    images = Stream(clip['pose'].stamps, np.zeros((len(clip['pose']), 4, 4, 1), np.float32))
    assert repeated({**clip, 'video': images}, start, end, 6.0, rng) is None
    few = Stream(clip['pose'].stamps[::12], clip['pose'].values[::12])
    assert repeated({**clip, 'pose': few}, start, end, 6.0, rng) is None


def test_joints_that_are_never_seen_stay_unseen_and_say_nothing_of_the_ends():
    clip, start, end = streams(squat(), speed=0.5)
    joints = clip['pose'].values.copy()
    joints[:, FEET] = np.nan
    hidden = {**clip, 'pose': Stream(clip['pose'].stamps, joints)}
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = repeated(hidden, start, end, 6.0, np.random.default_rng(0))
        assert found is not None
        values = found[0]['pose'].values
        assert np.isnan(values[:, FEET]).all() and np.isnan(values).sum() == values[:, FEET].size
        joints[:] = np.nan
        assert repeated(hidden, start, end, 6.0, np.random.default_rng(0)) is None


@pytest.mark.parametrize('name', ['a13_s7_t2_boxing', 'a22_s7_t1_jog', 'a3_s7_t2_wave'])
def test_real_clips_go_on(name):
    with np.load(DATA / f'utd_mhad_{name}.npz') as file:
        joints = canonical_joints(file['skeleton/xyz'], 'kinect20')
        clip = {'pose': Stream(file['skeleton/t'], joints)}
    start, end = float(clip['pose'].stamps[0]), float(clip['pose'].stamps[-1])
    before = clip['pose'].values.copy()
    found = repeated(clip, start, end, 6.0, np.random.default_rng(0))
    assert found is not None
    made, _, first, last = found
    assert last - first > 6.0
    assert 0.7 * len(joints) - 1 <= period_of(made['pose']) <= len(joints)
    np.testing.assert_array_equal(clip['pose'].values, before)


def test_what_goes_to_and_fro_by_itself_has_no_time_of_its_own():
    time = np.arange(round(3.0 * RATE)) / RATE
    clip, start, end = streams(0.2 * np.sin(2 * np.pi * time) ** 2)
    found = repeated(clip, start, end, 6.0, np.random.default_rng(0))
    assert found is not None and found[1] == 0.0
    clip, start, end = streams(squat(3.0))
    found = repeated(clip, start, end, 6.0, np.random.default_rng(0))
    assert found is not None and found[1] == pytest.approx(3.0, abs=0.7)


def test_the_still_ends_of_a_clip_are_left_out():
    lowered = np.concatenate([np.zeros(45), squat(2.0), np.zeros(45)])
    clip, start, end = streams(lowered)
    found = repeated(clip, start, end, 6.0, np.random.default_rng(0))
    assert found is not None
    assert found[1] == pytest.approx(2.0, abs=0.6)
    assert found[2] == pytest.approx(start + 1.5, abs=0.4)
