"""Clips from recordings of one and of many activities, and the classes that come of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from known_body import as_seen

from mujo_core.datasets.export import write_folder
from mujo_core.datasets.utd_mhad import LABELS
from mujo_core.labels import taxonomy
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import canonical_joints
from mujo_core.training.config import DataSettings
from mujo_core.training.mixture.clips import (
    IMU_RATE,
    VIRTUAL_PLACEMENTS,
    as_clip,
    dataset_clips,
    pieces,
)
from mujo_core.training.mixture.mixture import class_labels, mix
from mujo_core.training.mixture.selection import Selection
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.virtual_imu import fit_likeness, virtual_imu, write_likeness
from mujo_core.window import WindowSpec


def recordings_of(data: DataSettings) -> list[Recording]:
    return [recording for _, recording in Selection(data).recordings()]


def training_clips(recordings, data):
    return mix(dataset_clips(recordings, data.imu_cutoffs), data)


def recording(dataset: str, *segments: tuple[str, float, float], name: str = 'r') -> Recording:
    end = max(s[2] for s in segments)
    t = np.arange(0.0, end + 0.01, 0.02)
    samples = np.zeros((len(t), 6), np.float32)
    samples[:, 2], samples[:, 3] = 9.81, t
    streams = {'imu/right_wrist': Stream(t, samples)}
    return Recording(name, dataset, '1', streams, [Segment(*s) for s in segments])


def test_each_activity_of_a_long_recording_is_a_clip():
    whole = recording('mhealth', ('walk', 1.0, 6.0), ('jog', 8.0, 11.0), ('walk', 11.0, 14.0))
    clips = dataset_clips([whole])
    assert [c.label for c in clips] == ['walk', 'jog', 'walk']
    assert [c.span for c in clips] == [pytest.approx(s) for s in ((1, 6), (8, 11), (11, 14))]
    assert not any(c.rests for c in clips)


def test_a_long_activity_comes_in_parts_that_leave_nothing_out():
    walk = recording('motionsense', ('walk', 0.0, 60.0))
    parts = pieces(walk)
    assert all(11.9 < p.end - p.start < 12.1 for p in parts)
    assert parts[0].start == 0.0 and parts[-1].end == pytest.approx(60.0)
    overlaps = [before.end - after.start for before, after in pairwise(parts)]
    assert min(overlaps) > 3.9
    short = recording('motionsense', ('walk', 0.0, 11.0))
    assert pieces(short) == [short]
    assert {c.label for c in dataset_clips([walk])} == {'walk'}


def test_simulated_devices_are_worn_at_the_wrist_and_arms_end_in_the_hand():
    rng = np.random.default_rng(0)
    t = np.arange(0.0, 3.0, 1 / 30)
    body = as_seen('kinect20') + np.cumsum(rng.normal(size=(len(t), 20, 3)) * 0.01, axis=0)
    pose = Stream(t, body.astype(np.float32), 'kinect20', (0.0, 1.0, 0.0))
    clip = as_clip(Recording('r', 'here', '1', {'pose': pose}), 'walk')
    hands, wrists = (
        canonical_joints(pose.values, 'kinect20', pose.up, worn=worn) for worn in (False, True)
    )
    assert np.array_equal(clip.streams['pose'].values, hands)
    felt = clip.virtual['imu/right_wrist'].values
    assert np.array_equal(felt, virtual_imu(t, wrists, 'right_wrist', IMU_RATE).values)
    assert not np.allclose(felt, virtual_imu(t, hands, 'right_wrist', IMU_RATE).values)


def test_windows_can_be_drawn_from_any_of_them():
    clips = dataset_clips([recording('mm_fit', ('squat', 0.0, 9.0), ('rest', 9.0, 40.0))])
    sampler = WindowSampler(clips, WindowSpec())
    rng = np.random.default_rng(0)
    drawn = {sampler.draw(i, rng)[1] for i in range(len(clips)) for _ in range(5)}
    assert drawn == {'squat', 'rest'}


def test_classes_are_the_labels_that_occur_in_the_taxonomys_order():
    clips = dataset_clips([recording('motionsense', ('walk_upstairs', 0, 5), name='a'),
                           recording('motionsense', ('jog', 0, 5), name='b')])  # fmt: skip
    data = DataSettings(dataset='motionsense')
    assert list(class_labels(clips, SamplerSettings(), data)) == ['jog', 'walk_upstairs']


def test_utd_mhads_classes_are_its_actions_and_rest():
    recordings = [
        recording('utd_mhad', (label, 0.0, 2.0), name=label) for label in reversed(LABELS)
    ]
    data = DataSettings()
    clips, _ = training_clips(recordings, data)
    assert all(c.rests for c in clips)
    labels = class_labels(clips, SamplerSettings(), data)
    assert list(labels) == [*LABELS, 'rest'] == list(taxonomy())[:28]
    without = class_labels(clips, replace(SamplerSettings(), rest=0.0), data)
    assert list(without) == list(LABELS)
    fewer = class_labels(clips[:3], SamplerSettings(), data, recordings)
    assert list(fewer) == list(labels)


def test_labels_of_a_folder_keep_their_own_words(tmp_path):
    (tmp_path / 'labels.yaml').write_text('tie_shoes: a person laces a shoe\n')
    clips = dataset_clips([recording('folder', ('tie_shoes', 0.0, 4.0), ('walk', 4.0, 8.0))])
    data = DataSettings(dataset='folder', root=str(tmp_path))
    labels = class_labels(clips, SamplerSettings(), data)
    assert list(labels) == ['walk', 'tie_shoes']
    assert labels['tie_shoes'].description == 'a person laces a shoe'


def test_a_set_without_a_training_split_is_trained_on_as_a_whole(utd, tmp_path):
    recordings = [
        replace(recording('folder', ('walk', 0.0, 3.0), name=f'r{person}'), subject=person)
        for person in ('ann', 'ben')
    ]
    write_folder(recordings, tmp_path)
    own = DataSettings(dataset='folder', root=str(tmp_path))
    assert {r.subject for r in recordings_of(own)} == {'ann', 'ben'}
    with pytest.raises(ValueError, match=r'--data\.split all'):
        recordings_of(replace(own, split='train'))
    write_folder(recordings, tmp_path / 'split', {'train': lambda r: r.subject == 'ann'})
    with_split = replace(own, root=str(tmp_path / 'split'))
    assert {r.subject for r in recordings_of(with_split)} == {'ann'}
    published = recordings_of(DataSettings(root=str(utd)))
    assert {r.subject for r in published} == {'1', '3'}


def test_labels_left_out_are_neither_learned_nor_classes(tmp_path):
    there = [
        recording('folder', ('walk', 0.0, 3.0), ('jog', 4.0, 7.0), name='a'),
        recording('folder', ('jog', 0.0, 3.0), name='b'),
    ]
    write_folder(there, tmp_path)
    data = DataSettings('folder', str(tmp_path))
    found = recordings_of(replace(data, without=['jog']))
    assert [[s.label for s in r.segments] for r in found] == [['walk']]
    with pytest.raises(ValueError, match='some of jog, walk; run came'):
        recordings_of(replace(data, without=['run']))


def test_without_real_imus_all_devices_are_simulated_from_the_skeleton(utd):
    data = DataSettings(root=str(utd), split='all', real_imu=False)
    clips, _ = training_clips(recordings_of(data), data)
    assert clips and all('pose' in clip.streams for clip in clips)
    assert not any(name.startswith('imu/') for clip in clips for name in clip.streams)
    # Also where the real one was worn, so that the most telling place is not missing.
    assert all(set(clip.virtual) == {f'imu/{p}' for p in VIRTUAL_PLACEMENTS} for clip in clips)


def test_imus_alone_cannot_be_left_out(tmp_path):
    write_folder([recording('folder', ('walk', 0.0, 3.0))], tmp_path)
    with pytest.raises(ValueError, match='with a skeleton') as caught:
        recordings_of(DataSettings('folder', str(tmp_path), real_imu=False))
    assert '\n' not in str(caught.value)


def test_simulated_devices_are_made_like_real_ones(utd, tmp_path):
    data = DataSettings(root=str(utd), split='all', real_imu=False)
    recordings = recordings_of(data)
    plain, _ = training_clips(recordings, data)
    samples = np.concatenate([c.virtual['imu/right_wrist'].values for c in plain])
    likeness = fit_likeness({'right_wrist': samples}, {'right_wrist': 2 * samples})
    write_likeness(likeness, tmp_path / 'like')
    clips, _ = training_clips(recordings, replace(data, imu_like=str(tmp_path / 'like')))
    for before, after in zip(plain, clips, strict=True):
        weak, strong = (c.virtual['imu/right_wrist'].values for c in (before, after))
        assert strong == pytest.approx(2 * weak, abs=0.1)
        same = [c.virtual['imu/left_wrist'].values for c in (before, after)]
        assert np.array_equal(*same)


def test_the_motion_of_simulated_devices_is_cut_off_where_it_is_said(utd):
    data = DataSettings(root=str(utd), split='all', real_imu=False, imu_cutoffs=[0.4, 0.4])
    recordings = recordings_of(data)
    spans = []
    for one in (data, replace(data, imu_cutoffs=[])):
        clips, _ = training_clips(recordings, one)
        values = np.concatenate([c.virtual['imu/right_wrist'].values for c in clips])
        spans.append(values[:, 3:].std())
    assert spans[0] < 0.8 * spans[1]
    for wrong in ([2.3], [0.0, 1.6]):
        with pytest.raises(ValueError, match='two numbers above 0 Hz'):
            DataSettings(imu_cutoffs=wrong)
