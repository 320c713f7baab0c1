"""Corruptions of streams: the same for the same seed, and each does what it says."""

from pathlib import Path

import numpy as np
import pytest

from mujo_core.corruptions import (
    Corruption,
    RandomCorruption,
    corrupt,
    corruption,
    corruptions,
    get_corruption,
    make_corruption,
    sigma_of,
    suite,
)
from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.layouts import get_layout
from mujo_core.recording import Recording, Stream
from mujo_core.sides import is_mirrored
from mujo_core.skeleton import JOINT, canonical_joints, canonical_pose
from mujo_core.window import WindowSpec

DATA = Path(__file__).parents[1] / 'data'


@pytest.fixture(scope='module')
def boxing() -> Recording:
    """A real clip: Kinect skeleton and right wrist."""
    with np.load(DATA / 'utd_mhad_a13_s7_t2_boxing.npz') as file:
        values = np.concatenate([file['imu/right_wrist/acc'], file['imu/right_wrist/gyro']], axis=1)
        streams = {
            'pose': Stream(file['skeleton/t'], file['skeleton/xyz'].astype(np.float32), 'kinect20'),
            'imu/right_wrist': Stream(file['imu/right_wrist/t'], values.astype(np.float32)),
        }
    return Recording('boxing', 'utd_mhad', '7', streams)


@pytest.fixture(scope='module')
def everything(boxing) -> list[Corruption]:
    return suite(('pose', 'imu'), sigma_of([boxing.streams]))


def canonical(recording: Recording) -> Recording:
    """The same as a training clip holds it: canonical joints without a layout."""
    pose = recording.streams['pose']
    joints = canonical_joints(pose.values, pose.layout)
    return Recording(
        recording.name, 'made_up', '7', {**recording.streams, 'pose': Stream(pose.stamps, joints)}
    )


def test_the_suite_has_every_family_and_both_missing(everything):
    assert {c.name for c in everything} == set(corruptions())
    labels = [c.label for c in everything]
    assert len(set(labels)) == len(labels) > 40
    for expected in (
        'shift -4 steps of 128', 'frames_lost 0.5', 'noise 0.3 sigma', 'missing pose',
        'missing imu', 'missing all', 'clocks_apart 0.25 s', 'clock_drift 0.02', 'gap 1 s',
        'imu_turned any', 'imu_other_side told', 'skeleton_mirrored', 'skeleton_seen_from 180 deg',
    ):  # fmt: skip
        assert expected in labels
    assert 'missing video' not in labels
    assert not [c for c in suite(('imu',)) if c.touches == {'pose'}]


def test_every_corruption_is_seeded_valid_and_leaves_the_original_alone(boxing, everything):
    before = {name: stream.values.copy() for name, stream in boxing.streams.items()}
    for clip in (boxing, canonical(boxing)):
        sigma = sigma_of([clip.streams])
        for how in suite(('pose', 'imu'), sigma):
            first, again, other = corrupt(clip, how), corrupt(clip, how), corrupt(clip, how, seed=1)
            assert other.streams.keys() <= {*clip.streams, 'imu/left_wrist'}
            for name, stream in first.streams.items():
                np.testing.assert_array_equal(stream.stamps, again.streams[name].stamps)
                np.testing.assert_array_equal(stream.values, again.streams[name].values)
                assert (np.diff(stream.stamps) > 0).all(), how.label
                assert stream.values.dtype == np.float32, how.label
                joints = get_layout(stream.layout or 'canonical16').joints
                shape = (len(joints), 3) if name == 'pose' else (6,)
                assert stream.values.shape == (len(stream), *shape), how.label
            for name in clip.streams:
                if name.partition('/')[0] not in how.touches:
                    assert first.streams[name] is clip.streams[name], how.label
    for name, values in before.items():
        np.testing.assert_array_equal(boxing.streams[name].values, values)


def test_what_is_drawn_differs_by_seed_and_recording(boxing):
    how = make_corruption('frames_lost', 0.5)
    stamps = [
        corrupt(recording, how, seed).streams['pose'].stamps
        for recording, seed in (
            (boxing, 0), (boxing, 1), (Recording('other', 'utd_mhad', '7', boxing.streams), 0),
        )
    ]  # fmt: skip
    assert len({tuple(s) for s in stamps}) == 3


@pytest.mark.parametrize('share', [0.1, 0.3, 0.5])
def test_lost_frames_are_that_many_of_every_stream(boxing, share):
    found = corrupt(boxing, make_corruption('frames_lost', share))
    for name, stream in boxing.streams.items():
        assert len(found.streams[name]) == len(stream) - round(share * len(stream))
        assert np.isin(found.streams[name].stamps, stream.stamps).all()


def test_noise_is_measured_by_the_training_data(boxing):
    sigma = sigma_of([boxing.streams])
    imu = boxing.streams['imu/right_wrist']
    np.testing.assert_allclose(sigma.of('imu/x', imu), imu.values.std(axis=0), rtol=1e-4)
    added = [
        corrupt(boxing, make_corruption('noise', 0.5, sigma), seed).streams['imu/right_wrist']
        for seed in range(20)
    ]
    spread = np.concatenate([a.values - imu.values for a in added]).std(axis=0)
    np.testing.assert_allclose(spread, 0.5 * imu.values.std(axis=0), rtol=0.05)
    with pytest.raises(ValueError, match='standard deviation of pose'):
        corrupt(boxing, make_corruption('noise', 0.5))


def test_clocks_move_the_camera_against_the_wearables(boxing):
    pose, imu = boxing.streams['pose'], boxing.streams['imu/right_wrist']
    span = boxing.end - boxing.start
    moved = corrupt(boxing, make_corruption('shift', 4)).streams
    np.testing.assert_allclose(moved['pose'].stamps - pose.stamps, 4 * span / 128)
    assert moved['imu/right_wrist'] is imu
    apart = corrupt(boxing, make_corruption('clocks_apart', 0.25)).streams['pose']
    np.testing.assert_allclose(np.abs(apart.stamps - pose.stamps), 0.25)
    drift = corrupt(boxing, make_corruption('clock_drift', 0.02)).streams['pose']
    assert abs(drift.duration / pose.duration - 1) == pytest.approx(0.02)


def test_rates_and_gaps(boxing):
    pose = boxing.streams['pose']
    halved = corrupt(boxing, make_corruption('rate', 0.5)).streams['pose']
    doubled = corrupt(boxing, make_corruption('rate', 2.0)).streams['pose']
    assert len(halved) == round((len(pose) - 1) / 2) + 1
    assert len(doubled) == 2 * len(pose) - 1
    np.testing.assert_allclose(doubled.values[::2], pose.values, atol=1e-6)
    gapped = corrupt(boxing, make_corruption('gap', 0.5)).streams
    changed = [name for name, s in gapped.items() if s is not boxing.streams[name]]
    assert len(changed) == 1
    assert np.diff(gapped[changed[0]].stamps).max() > 0.5


def test_devices(boxing):
    imu = boxing.streams['imu/right_wrist'].values

    def worn(name, severity):
        streams = corrupt(boxing, make_corruption(name, severity)).streams
        return next(s.values for n, s in streams.items() if n.startswith('imu'))

    clipped = worn('imu_saturated', 2.0)
    assert np.abs(clipped[:, :3]).max() == pytest.approx(2 * STANDARD_GRAVITY)
    assert np.abs(clipped[:, 3:]).max() <= np.deg2rad(250.0) + 1e-6
    dead = (worn('imu_axis_dead', 'gyroscope') == 0).all(axis=0)
    assert dead[:3].sum() == 0 and dead[3:].sum() == 1
    bias = (worn('imu_biased', 0.5) - imu).mean(axis=0)
    assert np.linalg.norm(bias[:3]) == pytest.approx(0.5, rel=1e-3)
    assert np.linalg.norm(bias[3:]) == pytest.approx(0.05, rel=1e-3)
    for severity in (30.0, 'any'):
        turned = worn('imu_turned', severity)
        for part in (slice(0, 3), slice(3, 6)):
            np.testing.assert_allclose(
                np.linalg.norm(turned[:, part], axis=1), np.linalg.norm(imu[:, part], axis=1),
                rtol=1e-3, atol=1e-3,
            )  # fmt: skip
        assert np.abs(turned - imu).max() > 1.0


def test_the_other_wrist_feels_the_other_arm(boxing):
    told = corrupt(boxing, make_corruption('imu_other_side', 'told')).streams
    unsaid = corrupt(boxing, make_corruption('imu_other_side', 'not told')).streams
    assert set(told) == {'pose', 'imu/left_wrist'}
    assert set(unsaid) == {'pose', 'imu/right_wrist'}
    np.testing.assert_array_equal(told['imu/left_wrist'].values, unsaid['imu/right_wrist'].values)
    alone = corrupt(boxing.only(['imu']), make_corruption('imu_other_side', 'told')).streams
    assert alone['imu/right_wrist'] is boxing.streams['imu/right_wrist']


def test_a_mirrored_skeleton_is_found(boxing):
    assert not is_mirrored(boxing.streams['pose'])
    mirrored = corrupt(boxing, make_corruption('skeleton_mirrored', '')).streams['pose']
    assert is_mirrored(mirrored)
    twice = corrupt(
        Recording('b', 'd', '7', {'pose': mirrored}), make_corruption('skeleton_mirrored', '')
    )
    np.testing.assert_allclose(
        twice.streams['pose'].values, boxing.streams['pose'].values, atol=1e-6
    )


def pose_of(stream: Stream) -> np.ndarray:
    joints = canonical_joints(stream.values, stream.layout or 'canonical16', stream.up)
    return canonical_pose(joints, WindowSpec().pose_rate).joints


def test_another_view_or_layout_is_the_same_body(boxing):
    as_it_is = pose_of(boxing.streams['pose'])
    turned = corrupt(boxing, make_corruption('skeleton_seen_from', 135.0)).streams['pose']
    assert np.abs(turned.values - boxing.streams['pose'].values).max() > 0.5
    np.testing.assert_allclose(pose_of(turned), as_it_is, atol=1e-4)
    for layout in ('h36m17', 'mediapipe33'):
        other = corrupt(boxing, make_corruption('skeleton_layout', layout)).streams['pose']
        assert other.layout == layout
        wrists = [JOINT['left_wrist'], JOINT['right_wrist']]
        assert 0.001 < np.abs(pose_of(other) - as_it_is)[:, wrists].mean() < 0.2


def test_hidden_limbs_and_jumping_joints(boxing):
    pose = boxing.streams['pose'].values
    hidden = corrupt(boxing, make_corruption('skeleton_limbs_hidden', 2)).streams['pose'].values
    gone = np.isnan(hidden).all(axis=(0, 2))
    assert gone.sum() == 6  # elbow, wrist and hand or knee, ankle and foot, of two limbs
    jumped = corrupt(boxing, make_corruption('skeleton_joints_jump', 0.1)).streams['pose'].values
    moved = (jumped != pose).any(axis=2)
    assert moved.mean() == pytest.approx(0.1, abs=0.03)


def test_training_draws_from_the_same_classes(boxing):
    clip = canonical(boxing)
    names = [n for n in corruptions() if n != 'imu_axis_dead']
    augment = RandomCorruption(names, 0.7, sigma_of([clip.streams]))
    rng = np.random.default_rng(0)
    drawn = [augment.draw(rng) for _ in range(400)]
    found = {how.name for how in drawn if how}
    assert found == set(names)
    assert sum(how is None for how in drawn) == pytest.approx(120, abs=40)
    lost = [how.level for how in drawn if how and how.name == 'frames_lost']
    assert 0.1 <= min(lost) < max(lost) <= 0.5 and len(set(lost)) == len(lost)
    for _ in range(60):
        streams = augment(clip.streams, rng)
        assert streams
        if 'pose' in streams:
            assert streams['pose'].values.shape[1:] == (16, 3) and streams['pose'].layout is None
    with pytest.raises(ValueError, match='nonsense'):
        RandomCorruption(['nonsense'])


def test_a_corruption_is_one_class(boxing):
    @corruption('test_only_first', 'test', severities=(1,))
    class OnlyFirst(Corruption):
        def change(self, streams, rng):
            return dict(list(streams.items())[: int(self.level)])

    try:
        assert list(corrupt(boxing, make_corruption('test_only_first', 1)).streams) == ['pose']
    finally:
        from mujo_core.corruptions.registry import _CORRUPTIONS

        del _CORRUPTIONS['test_only_first']


def test_the_order_does_not_depend_on_what_was_imported_first(monkeypatch):
    """Training draws by place."""
    from mujo_core.corruptions import registry

    usual = list(corruptions())
    assert usual[:5] == ['shift', 'frames_lost', 'noise', 'missing', 'composite']
    cameras_first = sorted(registry._CORRUPTIONS.items(), key=lambda each: each[1].__module__)
    assert [name for name, _ in cameras_first] != usual
    monkeypatch.setattr(registry, '_CORRUPTIONS', dict(cameras_first))
    assert list(corruptions()) == usual


def test_bad_names_and_severities_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match='imu_turned'):
        get_corruption('nonsense')
    with pytest.raises(ValueError, match=r"any; 'sideways' came"):
        make_corruption('imu_turned', 'sideways')
