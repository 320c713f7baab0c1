"""Training windows: seeded, sane, and without augmentation the ones that live streams give."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from known_body import body

import mujo_core.training.data as data_module
import mujo_core.training.sampler as sampler_module
from mujo_core.corruptions import RandomCorruption, corruptions
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import JOINT
from mujo_core.timeline import Timeline
from mujo_core.training.augment import change_pose, random_rotation, small_rotation
from mujo_core.training.clip import Clip, make_clip
from mujo_core.training.corrupted import CorruptionSettings, random_corruption
from mujo_core.training.data import DrawOrder, WindowDataset, make_loader
from mujo_core.training.sampler import REST, SamplerSettings, WindowSampler
from mujo_core.window import Window, WindowSpec

SPEC = WindowSpec()
STILL = SamplerSettings(
    as_stream=0.0, rest=0.0, speed=(1.0, 1.0), warp=0.0, pose_speed=0.0, extra_device=0.0,
    virtual_only=0.0, drop_stream=0.0,
)  # fmt: skip


def take(seconds: float, seed: int = 0, start: float = 0.0) -> Recording:
    """A recording of random motion with pose at 30 Hz and a wrist IMU at 50 Hz."""
    rng = np.random.default_rng(seed)
    frames, samples = round(seconds * 30), round(seconds * 50)
    body = rng.normal(size=(16, 3)) + np.cumsum(rng.normal(size=(frames, 16, 3)) * 0.03, axis=0)
    body[:, :3] += (0.0, 0.0, 1.0)
    imu = rng.normal(size=(samples, 6)) + np.array((0, 0, 9.8, 0, 0, 0))
    streams = {
        'pose': Stream(
            start + np.linspace(0, seconds, frames), body.astype(np.float32), 'canonical16'
        ),
        'imu/right_wrist': Stream(start + np.arange(samples) / 50, imu.astype(np.float32)),
    }
    return Recording(f'take{seed}', 'here', '1', streams, [Segment('walk', start, start + seconds)])


def clips(count: int = 4) -> list[Clip]:
    seconds = (1.2, 2.5, 4.0, 6.0)
    return [make_clip(take(seconds[i % 4], i), f'label{i}', rests=True) for i in range(count)]


@pytest.fixture
def unchanged(monkeypatch):
    """Let samplers draw without any change of the samples."""
    monkeypatch.setattr(sampler_module, 'change_pose', lambda stamps, joints, *_: (stamps, joints))
    monkeypatch.setattr(sampler_module, 'change_imu', lambda samples, *_: samples)


def assert_same(first: Window, second: Window, tolerance: float = 0.0) -> None:
    assert first.coverage == pytest.approx(second.coverage)
    assert first.total == pytest.approx(second.total)
    assert set(first.imu) == set(second.imu)
    for placement in first.imu:
        np.testing.assert_array_equal(first.imu_mask[placement], second.imu_mask[placement])
        np.testing.assert_allclose(first.imu[placement], second.imu[placement], atol=tolerance)
    assert (first.pose is None) == (second.pose is None)
    if first.pose is not None and second.pose is not None:
        np.testing.assert_array_equal(first.pose.mask, second.pose.mask)
        np.testing.assert_allclose(first.pose.joints, second.pose.joints, atol=tolerance)
        np.testing.assert_allclose(first.pose.root, second.pose.root, atol=10 * tolerance)


@pytest.mark.parametrize('seconds', [1.2, 3.0, 5.0])
@pytest.mark.parametrize('start', [0.0, 7.3])
def test_without_augmentation_a_window_is_the_timelines(seconds, start, unchanged):
    clip = make_clip(take(seconds, start=start), 'walk', rests=True)
    sampler = WindowSampler([clip], SPEC, STILL)
    for seed in range(8):
        window, label = sampler.draw(0, np.random.default_rng(seed))
        assert label == 'walk'
        assert window.total > 0.1
        timeline = Timeline(SPEC)
        for name, stream in clip.streams.items():
            timeline.insert(name, stream.stamps - start + 1000, stream.values)
        live = timeline.cut(window.end + 1000)
        assert live is not None
        assert_same(window, live, 1e-4)


def test_the_same_seed_draws_the_same_window():
    sampler = WindowSampler(clips(), SPEC)
    for index in range(4):
        first, second = (sampler.draw(index, np.random.default_rng(5)) for _ in range(2))
        assert first[1] == second[1]
        assert_same(first[0], second[0])
        other, _ = sampler.draw(index, np.random.default_rng(6))
        assert not np.array_equal(other.imu['right_wrist'], first[0].imu['right_wrist'])


def test_drawing_leaves_the_clips_as_they_were():
    sampler, untouched = WindowSampler(clips(), SPEC), clips()
    for seed in range(20):
        sampler.draw(seed % 4, np.random.default_rng(seed))
    for clip, before in zip(sampler.clips, untouched, strict=True):
        for name, stream in clip.streams.items():
            np.testing.assert_array_equal(stream.values, before.streams[name].values)
            np.testing.assert_array_equal(stream.stamps, before.streams[name].stamps)


def test_drawn_windows_are_finite_and_zero_where_masked():
    sampler = WindowSampler(clips(), SPEC)
    for seed in range(60):
        window, _ = sampler.draw(seed % 4, np.random.default_rng(seed))
        assert window.pose is not None
        assert window.pose.joints.shape == (75, 16, 3)
        assert np.isfinite(window.pose.joints).all() and np.isfinite(window.pose.root).all()
        assert (window.pose.joints[~window.pose.mask] == 0).all()
        samples, mask = window.imu['right_wrist'], window.imu_mask['right_wrist']
        assert samples.shape == (150, 6) and samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert (samples[~mask] == 0).all()
        assert window.total > 0.1


def test_in_a_stream_half_of_the_action_or_of_the_window_is_seen(unchanged):
    # The action is marked by a constant that neither rest nor anything else reaches.
    how = replace(STILL, as_stream=1.0)
    for seconds in (1.0, 2.5, 6.0):
        recording = take(seconds)
        imu = recording.streams['imu/right_wrist']
        marked = imu.values.copy()
        marked[10:-10, 3] = 50.0
        recording.streams['imu/right_wrist'] = replace(imu, values=marked)
        sampler = WindowSampler([make_clip(recording, 'walk', rests=True)], SPEC, how)
        for seed in range(30):
            window, _ = sampler.draw(0, np.random.default_rng(seed))
            assert window.coverage['imu/right_wrist'] == pytest.approx(1.0, abs=0.03)
            seen = (window.imu['right_wrist'][:, 3] > 49).sum() / 50
            assert seen >= min(seconds, 3.0) / 2 - 0.45


def test_rest_is_drawn_in_its_share_and_is_still(unchanged):
    sampler = WindowSampler(clips(), SPEC, replace(STILL, rest=0.3))
    drawn = [sampler.draw(seed % 4, np.random.default_rng(seed)) for seed in range(300)]
    resting = [window for window, label in drawn if label == REST]
    assert 0.22 < len(resting) / 300 < 0.38
    for window in resting:
        assert window.pose is not None
        assert np.abs(np.diff(window.pose.joints, axis=0)).max() < 0.2
        assert window.imu['right_wrist'].std(axis=0).max() < 0.3


def test_who_does_not_rest_is_never_drawn_resting():
    walking = [replace(clip, rests=False) for clip in clips()]
    sampler = WindowSampler(walking, SPEC, SamplerSettings(rest=1.0, as_stream=1.0))
    assert {sampler.draw(2, np.random.default_rng(seed))[1] for seed in range(20)} == {'label2'}


def test_a_stream_that_dies_leaves_the_other_whole(unchanged):
    sampler = WindowSampler([clips()[3]], SPEC, replace(STILL, as_stream=1.0, drop_stream=1.0))
    for seed in range(20):
        window, _ = sampler.draw(0, np.random.default_rng(seed))
        shares = sorted(window.coverage.values())
        assert shares[1] > 0.95
        assert shares[0] < 0.95


def test_a_clear_window_lacks_nothing_and_joints_hardly_shake():
    harsh = replace(
        STILL, warp=0.3, pose_speed=0.3, drop_stream=1.0, lose=0.9, pose_noise=0.3, shake=1.0,
        hide=1.0, tilt=0.0,
    )  # fmt: skip
    clip = make_clip(take(4.0), 'walk', rests=True)

    def coverage_and_roughness(clear: float) -> tuple[float, float]:
        sampler = WindowSampler([clip], SPEC, replace(harsh, clear=clear))
        windows = [sampler.draw(0, np.random.default_rng(seed))[0] for seed in range(30)]
        poses = [window.pose for window in windows if window.pose is not None]
        seen = np.mean([pose.mask.mean() for pose in poses]) * len(poses) / len(windows)
        steps = [np.abs(np.diff(pose.joints, axis=0)).mean() for pose in poses]
        return float(seen), float(np.mean(steps))

    seen, rough = coverage_and_roughness(1.0)
    assert seen > 0.95
    worse_seen, rougher = coverage_and_roughness(0.0)
    assert worse_seen < 0.8
    assert rougher > 2 * rough


def test_arms_end_in_the_wrist_in_their_share_of_windows():
    """Nearer to the elbow, by half a hand."""
    still = replace(STILL, lose=0.0, pose_noise=0.0, shake=0.0, hide=0.0, tilt=0.0, device_turn=0.0)
    clip = clips(1)[0]
    stamps, joints = clip.streams['pose'].stamps, clip.streams['pose'].values
    for share, least, most in ((0.0, 0.95, 1.05), (1.0, 0.75, 0.93)):
        how = replace(still, wrist=share)
        drawn = [
            change_pose(stamps, joints, how, np.random.default_rng(seed))[1] for seed in range(20)
        ]
        for side in ('left', 'right'):
            elbow, end = JOINT[f'{side}_elbow'], JOINT[f'{side}_wrist']
            lengths = [
                np.linalg.norm(each[:, end] - each[:, elbow], axis=-1).mean()
                for each in (joints, *drawn)
            ]
            assert least < np.median(lengths[1:]) / lengths[0] < most


def test_virtual_devices_join_or_stand_in():
    real = clips()[2]
    worn = replace(real, virtual={'imu/left_thigh': real.streams['imu/right_wrist']})
    beside = WindowSampler([worn], SPEC, replace(STILL, extra_device=1.0))
    window, _ = beside.draw(0, np.random.default_rng(0))
    assert set(window.imu) == {'right_wrist', 'left_thigh'}
    instead = WindowSampler([worn], SPEC, replace(STILL, virtual_only=1.0))
    window, _ = instead.draw(0, np.random.default_rng(0))
    assert set(window.imu) == {'left_thigh'}
    only_pose = replace(worn, streams={'pose': worn.streams['pose']})
    window, _ = WindowSampler([only_pose], SPEC, STILL).draw(0, np.random.default_rng(0))
    assert set(window.imu) == {'left_thigh'}


def test_a_skeleton_alone_has_virtual_devices_in_their_share():
    real = clips()[2]
    worn = replace(real, virtual={'imu/left_thigh': real.streams['imu/right_wrist']})
    only_pose = replace(worn, streams={'pose': worn.streams['pose']})
    for share, least, most in ((0.0, 0, 0), (0.4, 15, 33), (1.0, 60, 60)):
        sampler = WindowSampler([only_pose], SPEC, replace(STILL, virtual=share))
        drawn = [sampler.draw(0, np.random.default_rng(seed))[0] for seed in range(60)]
        assert least <= sum(set(window.imu) == {'left_thigh'} for window in drawn) <= most
        assert all(window.pose is not None for window in drawn)
    # Beside a device that was worn it says nothing.
    sampler = WindowSampler([worn], SPEC, replace(STILL, virtual=0.0, extra_device=1.0))
    assert set(sampler.draw(0, np.random.default_rng(0))[0].imu) == {'right_wrist', 'left_thigh'}


def upright(bend: float = 0.0) -> np.ndarray:
    """(16, 3) a body that stands, its thighs raised by so many degrees."""
    joints = body('canonical16')
    angle = np.deg2rad(bend)
    for side in ('left', 'right'):
        knee = joints[JOINT[f'{side}_hip']] + 0.45 * np.array((np.sin(angle), 0, -np.cos(angle)))
        joints[JOINT[f'{side}_knee']] = knee
        joints[JOINT[f'{side}_ankle']] = knee - (0.0, 0.0, 0.42)
    return joints


def sitting_down() -> Clip:
    """Two seconds, from a stand to a seat."""
    bends = 85.0 * np.clip(np.linspace(-0.5, 1.5, 60), 0.0, 1.0)
    joints = np.stack([upright(bend) for bend in bends]).astype(np.float32)
    recording = Recording(
        'down', 'here', '1', {'pose': Stream(np.arange(60) / 30, joints, 'canonical16')}
    )
    return make_clip(recording, 'sit_stand', rests=True)


@pytest.mark.parametrize(
    ('known', 'before', 'after'),
    [
        ((), REST, REST),
        (('stand',), 'stand', REST),
        (('stand', 'sit'), 'stand', 'sit'),
        (('lie',), REST, REST),
    ],
)
def test_who_rests_stands_or_sits_where_that_is_a_label(known, before, after):
    others = [replace(clip, label=label) for clip, label in zip(clips(), known, strict=False)]
    sampler = WindowSampler([sitting_down(), *others], SPEC, replace(STILL, rest=1.0))
    drawn = [sampler.draw(0, np.random.default_rng(seed)) for seed in range(30)]
    assert {label for _, label in drawn} == {before, after}
    for window, label in drawn:
        knees = window.pose.joints[:, JOINT['left_knee'], 2].mean()
        assert label == (after if knees > -0.2 else before)


def test_devices_alone_and_a_body_that_is_unclear_rest():
    clip = clips()[2]  # joints at random
    alone = replace(clip, streams={'imu/right_wrist': clip.streams['imu/right_wrist']})
    others = [replace(clip, label=label) for label in ('stand', 'sit', 'lie')]
    sampler = WindowSampler([alone, *others], SPEC, replace(STILL, rest=1.0))
    assert {sampler.draw(0, np.random.default_rng(seed))[1] for seed in range(10)} == {REST}


def test_a_short_action_is_shown_again_and_again_in_its_share(unchanged):
    """A device that feels one period a second; once, a window shows the rest around it."""
    stamps = np.arange(50) / 50
    samples = np.zeros((50, 6), np.float32)
    samples[:, 2] = 9.81
    samples[:, 3] = 5.0 * np.sin(np.pi * stamps) ** 2
    recording = Recording('r', 'here', '1', {'imu/right_wrist': Stream(stamps, samples)})
    clip = make_clip(recording, 'clap', rests=True)

    def busy(share: float) -> list[float]:
        sampler = WindowSampler([clip], SPEC, replace(STILL, repeat=share))
        drawn = [sampler.draw(0, np.random.default_rng(seed)) for seed in range(40)]
        assert {label for _, label in drawn} == {'clap'}
        return [float((window.imu['right_wrist'][:, 3] > 2.5).mean()) for window, _ in drawn]

    once, again = busy(0.0), busy(1.0)
    assert max(once) < 0.25 < 0.3 < min(again)
    mixed = np.array(busy(0.5)) > 0.27
    assert 10 < mixed.sum() < 30


def test_rotations_are_rotations():
    rng = np.random.default_rng(0)
    for turn in (random_rotation(rng), small_rotation(rng, 15.0), small_rotation(rng, 0.0)):
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1.0)
    np.testing.assert_allclose(turn, np.eye(3), atol=1e-12)
    angles = [
        np.rad2deg(np.arccos(np.clip((np.trace(small_rotation(rng, 15.0)) - 1) / 2, -1, 1)))
        for _ in range(500)
    ]
    assert np.sqrt(np.mean(np.square(angles))) == pytest.approx(15.0, rel=0.1)


def dataset(seed: int, count: int = 24) -> WindowDataset:
    labels = [*(f'label{i}' for i in range(4)), REST]
    return WindowDataset(
        WindowSampler(clips(), SPEC), labels, np.array([1, 1, 1, 5.0]), count, seed
    )


def test_a_dataset_draws_by_seed_and_index_alone():
    first, second, other = dataset(1), dataset(1), dataset(2)
    assert len(first) == 24
    for index in (5, 0, 23, 5):
        assert first[index][1] == second[index][1]
        assert_same(first[index][0], second[index][0])
    assert any(first[i][1] != other[i][1] for i in range(24))


def test_clips_are_drawn_by_their_weights():
    drawn = np.array([dataset(3, 400)[index][1] for index in range(400)])
    shares = np.bincount(drawn, minlength=5) / 400
    assert shares[3] == pytest.approx(0.625 * 0.94, abs=0.08)
    assert all(share == pytest.approx(0.125 * 0.94, abs=0.05) for share in shares[:3])


def test_the_number_of_loader_processes_changes_nothing():
    batches = [list(make_loader(dataset(4), DrawOrder(3, 8), workers)) for workers in (0, 2)]
    assert len(batches[0]) == len(batches[1]) == 3
    for (windows, labels), (again, same) in zip(*batches, strict=True):
        assert torch.equal(labels, same)
        assert torch.equal(windows.pose, again.pose)
        assert torch.equal(windows.imu, again.imu)
        assert torch.equal(windows.imu_mask, again.imu_mask)


def test_loader_processes_do_not_inherit_locks_that_threads_hold():
    loader = make_loader(dataset(4), DrawOrder(3, 8), 1)
    assert loader.multiprocessing_context.get_start_method() == 'forkserver'


class Stuck(WindowDataset):
    """Windows of which one never comes."""

    def __getitem__(self, index):
        if index == 8:
            threading.Event().wait()
        return super().__getitem__(index)


def test_a_worker_that_stands_still_ends_the_run(monkeypatch):
    monkeypatch.setattr(data_module, 'PATIENCE', 2.0)
    monkeypatch.setattr(data_module, 'START', 'fork')  # which finds the class above
    stuck = Stuck(WindowSampler(clips(), SPEC), ['label0', REST], np.ones(4), 24, 4)
    with pytest.raises(RuntimeError, match='timed out after 2'):
        list(make_loader(stuck, DrawOrder(3, 8), 1))


def corrupted(*names: str, **how) -> WindowSampler:
    settings = CorruptionSettings(list(names), **{'share': 1.0, **how})
    return WindowSampler(clips(), SPEC, corruption=random_corruption(settings, clips()))


def test_a_corrupted_window_differs_from_its_clean_self_in_what_went_wrong_alone():
    plain, noisy = WindowSampler(clips(), SPEC), corrupted('imu_axis_dead')
    for seed in range(6):
        window, label, clean = noisy.draw_pair(seed % 4, np.random.default_rng(seed))
        expected, same = plain.draw(seed % 4, np.random.default_rng(seed))
        assert clean is not None and label == same
        assert_same(clean, expected)
        again, _ = noisy.draw(seed % 4, np.random.default_rng(seed))
        assert_same(window, again)
        np.testing.assert_array_equal(window.pose.joints, clean.pose.joints)
        dead = (window.imu['right_wrist'] == 0).all(axis=0)
        assert dead.sum() == 1
        np.testing.assert_array_equal(
            window.imu['right_wrist'][:, ~dead], clean.imu['right_wrist'][:, ~dead]
        )


def test_where_nothing_went_wrong_there_is_no_clean_self():
    half = corrupted('noise', share=0.5)
    pairs = [half.draw_pair(seed % 4, np.random.default_rng(seed)) for seed in range(60)]
    assert 15 < sum(clean is not None for *_, clean in pairs) < 45
    plain = WindowSampler(clips(), SPEC)
    window, _, clean = plain.draw_pair(1, np.random.default_rng(3))
    assert clean is None
    assert_same(window, plain.draw(1, np.random.default_rng(3))[0])


@pytest.mark.parametrize('name', [n for n in corruptions() if not n.startswith('test')])
def test_every_corruption_leaves_windows_that_can_be_learned_from(name):
    sampler = corrupted(name, stream_dropout=0.2)
    for seed in range(8):
        window, _ = sampler.draw(seed % 4, np.random.default_rng(seed))
        assert 0.0 < window.total <= 1.0
        if window.pose is not None:
            assert np.isfinite(window.pose.joints).all() and np.isfinite(window.pose.root).all()
        assert all(np.isfinite(samples).all() for samples in window.imu.values())


def test_a_modality_or_a_stream_is_missing_in_its_share():
    worn = [replace(c, streams={**c.streams, 'imu/left_wrist': c.streams['imu/right_wrist']})
            for c in clips()]  # fmt: skip
    for how, lone in (({'modality_dropout': 0.4}, 2), ({'stream_dropout': 0.4}, 1)):
        corruption = random_corruption(CorruptionSettings(**how), worn)
        sampler = WindowSampler(worn, SPEC, STILL, corruption)
        drawn = [sampler.draw(seed % 4, np.random.default_rng(seed))[0] for seed in range(100)]
        there = [set(window.coverage) for window in drawn]
        gone = [{'pose', 'imu/right_wrist', 'imu/left_wrist'} - names for names in there]
        assert 0.25 < sum(map(bool, gone)) / 100 < 0.55
        assert max(map(len, gone)) == lone
    assert random_corruption(CorruptionSettings(left_out=['missing'], **how), worn) is None


def test_a_family_left_out_is_never_drawn_nor_what_is_composed_of_it():
    names = ['noise', 'frames_lost', 'gap', 'composite']
    assert CorruptionSettings(names, left_out=['noise']).drawn == ['frames_lost', 'gap']
    assert CorruptionSettings(names, left_out=['composite']).drawn == names[:3]
    found = random_corruption(CorruptionSettings(names, left_out=['noise']), clips())
    assert isinstance(found, RandomCorruption) and list(found.names) == ['frames_lost', 'gap']
    assert random_corruption(CorruptionSettings(names, share=0.0), clips()) is None
    assert random_corruption(CorruptionSettings(), clips()) is None


def test_noise_is_measured_by_the_clips():
    found = random_corruption(CorruptionSettings(['noise']), clips())
    every = np.concatenate([c.streams['imu/right_wrist'].values for c in clips()])
    np.testing.assert_allclose(found.sigma.values['imu', (6,)], every.std(axis=0), rtol=1e-4)


def test_pairs_are_the_same_whatever_the_number_of_loader_processes():
    data = WindowDataset(
        corrupted('noise', 'gap', share=0.5), ['label0', REST], np.ones(4), 24, 4, pairs=True
    )
    loaded = [list(make_loader(data, DrawOrder(3, 8), workers)) for workers in (0, 2)]
    for (windows, _, clean), (again, _, same) in zip(*loaded, strict=True):
        assert torch.equal(windows.imu, again.imu) and torch.equal(clean.rows, same.rows)
        assert torch.equal(clean.batch.imu, same.batch.imu)
        assert len(clean.batch) == len(clean.rows) < 8
        assert not torch.equal(windows.imu[clean.rows], clean.batch.imu)
