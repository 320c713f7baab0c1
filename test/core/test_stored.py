"""Clips in a file: the windows of those in memory, whatever reads them, and hardly any memory."""

import gc
import pickle
import shutil
import tarfile

import numpy as np
import pytest
import torch
from lightning import Callback

from mujo_core.builder.run import build
from mujo_core.builder.settings import BuildSettings, CutSettings, ShardSettings
from mujo_core.datasets.registry import load_recordings
from mujo_core.model.joint_space import ModelSettings
from mujo_core.recording import Recording, Stream
from mujo_core.training.clip import Clip
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.data import DrawOrder, WindowDataset, make_loader
from mujo_core.training.fit import fit_model
from mujo_core.training.mixture.clips import as_recording, dataset_clips
from mujo_core.training.mixture.mixture import mix, read_material
from mujo_core.training.mixture.store import Packer
from mujo_core.training.module import FitSettings
from mujo_core.training.people import people_of
from mujo_core.training.resume import Run, fingerprint
from mujo_core.training.sampler import WindowSampler
from mujo_core.video.stored import StoredFrames
from mujo_core.window import WindowSpec

LABELS = ['jog', 'squat']


@pytest.fixture(scope='module')
def corpus(tmp_path_factory, write_bvh):
    """Six captures, one of 26 s (in parts) and one without a label, in shards of two."""
    folder, output = (tmp_path_factory.mktemp(name) for name in ('captures', 'corpus'))
    rows = ['file,label,subject']
    for number in range(6):
        write_bvh(folder / f'take{number}.bvh', number, seconds=26.0 if number == 2 else 4.0)
        rows.append(f'take{number}.bvh,{LABELS[number % 2] if number < 5 else ""},p{number}')
    (folder / 'labels.csv').write_text('\n'.join(rows) + '\n')
    settings = BuildSettings(cut=CutSettings(validation=0.0), shard=ShardSettings(2, 64))
    content = build(folder, output, settings)
    assert content['samples'] == 6 and len(content['shards']) == 3
    return output


def config(corpus, **data):
    settings = DataSettings('fimad', str(corpus), **data)
    fit = FitSettings(steps=4, batch_size=4, workers=0, snapshot_every=2)
    return TrainConfig(data=settings, model=ModelSettings(size=16, width=8), fit=fit)


def in_memory(corpus):
    recordings = load_recordings('fimad', corpus, split='train')
    return mix(dataset_clips(recordings), DataSettings('fimad'))


def drawing(clips, weights, count=40):
    return WindowDataset(WindowSampler(clips, WindowSpec()), LABELS, weights, count, 3)


def test_nobody_is_listed_of_a_set_of_any_number_of_people(corpus):
    clips = read_material(config(corpus)).clips
    (listed,) = people_of(clips).values()
    assert set(listed) == {clip.subject for clip in clips}
    crowd = [Clip('walk', str(number), {}, dataset='fimad') for number in range(1001)]
    assert people_of(crowd) == {}


def test_windows_are_those_of_clips_in_memory(corpus):
    material = read_material(config(corpus))
    clips, weights = in_memory(corpus)
    assert [(c.label, c.subject) for c in material.clips] == [(c.label, c.subject) for c in clips]
    assert len(clips) == 8 and np.array_equal(material.weights, weights)
    assert fingerprint(material.clips) != fingerprint(material.clips[1:])
    packed, plain = drawing(material.clips, material.weights), drawing(clips, weights)
    for index in range(40):
        ours, theirs = packed[index], plain[index]
        assert ours.place == theirs.place and set(ours.window.imu) == set(theirs.window.imu)
        assert np.array_equal(ours.window.pose.joints, theirs.window.pose.joints)
        for name, values in theirs.window.imu.items():
            assert np.array_equal(ours.window.imu[name], values)


def test_batches_are_the_same_whatever_the_number_of_loaders(corpus):
    material = read_material(config(corpus))
    found = []
    for workers in (0, 2):
        dataset = drawing(material.clips, material.weights)
        loader = make_loader(dataset, DrawOrder(5, 8), workers)
        found.append(list(loader))
    for (one, places), (other, same) in zip(*found, strict=True):
        assert torch.equal(places, same) and torch.equal(one.imu, other.imu)
        assert torch.equal(one.pose.nan_to_num(), other.pose.nan_to_num())


def test_a_clip_is_handed_on_as_a_place_in_a_file_that_goes_with_the_last(corpus):
    material = read_material(config(corpus))
    samples = material.clips[0].samples.path
    assert samples.stat().st_size == pytest.approx(material.megabytes * 1e6)
    dataset = drawing(material.clips * 200, np.tile(material.weights, 200))
    # Not even the names of streams are there more than once.
    assert len(pickle.dumps(dataset)) / len(dataset.sampler.clips) < 200
    again = pickle.loads(pickle.dumps(material.clips[2]))
    loaded = again.load()
    assert loaded.streams['pose'].values.base is not None  # mapped, not read
    assert not loaded.streams['pose'].values.flags.writeable
    del material, dataset, again, loaded
    gc.collect()
    assert not samples.parent.exists()


def test_what_a_killed_process_has_left_is_removed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    left = tmp_path / 'mujo-packed-left'
    left.mkdir()
    (left / 'samples').write_bytes(b'x')
    clip = Clip('walk', '1', {'imu/left_wrist': Stream(np.arange(5.0), np.ones((5, 6)))})
    packed = []
    for _ in range(2):
        with Packer() as packer:
            packed.append(packer.add(clip))
    assert not left.exists() and len(list(tmp_path.iterdir())) == 2
    assert all(len(one.load().streams['imu/left_wrist']) == 5 for one in packed)


def test_any_stream_comes_back_as_it_was_and_images_stay_in_their_file(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(7) / 3
    images = StoredFrames(tmp_path / 'depth', (7, 4, 4), lambda path: np.ones((7, 4, 4)))
    streams = {
        'pose': Stream(t, rng.normal(size=(7, 16, 3)).astype(np.float32)),
        'video': Stream(t, images),
        'imu/left_wrist': Stream(t[:5], rng.normal(size=(5, 6)).astype(np.float32)),
    }
    frames = {'video': Stream(t, rng.integers(0, 255, (7, 3, 5), dtype=np.uint8))}
    clips = [Clip('walk', '1', streams, {'imu/left_thigh': streams['imu/left_wrist']}),
             Clip('jog', '2', frames)]  # fmt: skip
    with Packer() as packer:
        packed = [packer.add(clip) for clip in clips]
    assert packer.size < 3000  # the images are not in it
    for clip, one in zip(clips, packed, strict=True):
        assert set(one.outline.streams) == set(clip.streams)
        found = one.load()
        for name, stream in {**clip.streams, **clip.virtual}.items():
            same = {**found.streams, **found.virtual}[name]
            assert np.array_equal(same.stamps, stream.stamps)
            assert np.array_equal(np.asarray(same.values), np.asarray(stream.values))
            assert isinstance(same.values, type(stream.values))
    assert packed[0].load().streams['video'].values is images


def test_a_clip_is_judged_as_what_it_is(corpus):
    material = read_material(config(corpus))
    judged = material.judged(DataSettings('fimad'))
    assert {r.label for r in judged} == set(LABELS) and len(judged) == 7
    clip = material.clips[0].load()
    (again,) = dataset_clips([as_recording(clip, 'clip')])
    assert np.array_equal(again.streams['pose'].values, clip.streams['pose'].values)
    assert isinstance(judged[0], Recording)


def weights_of(checkpoint):
    return checkpoint.model.state_dict()


def test_a_run_ends_with_the_same_weights_from_disk_in_memory_killed_and_moved(corpus, tmp_path):
    tight = config(corpus)
    clips, weights = in_memory(corpus)
    expected = weights_of(fit_model(clips, weights, tight, progress=False))
    material = read_material(tight)
    run = Run(tmp_path)

    class Killed(Exception):
        pass

    class Killer(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, index):
            if index == 2:
                raise Killed

    with pytest.raises(Killed):
        fit_model(material.clips, material.weights, tight, False, run, callbacks=[Killer()])
    assert run.unfinished
    # Continued where the data set has moved.
    shutil.copytree(corpus, tmp_path / 'moved' / 'fimad')
    moved = config('', folders=[str(tmp_path / 'moved')])
    again = read_material(moved)
    found = weights_of(fit_model(again.clips, again.weights, moved, False, Run(tmp_path)))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_held_out_and_chosen_people_and_labels(corpus):
    everyone = {c.subject for c in read_material(config(corpus)).clips}
    person = next(p for p in everyone if 'p0' in p)
    material = read_material(config(corpus, validation=[person]))
    assert {c.subject for c in material.held_out} == {person}
    assert {c.subject for c in material.clips} == everyone - {person}
    assert {r.subject for r in material.recordings} == everyone - {person}
    assert {c.subject for c in read_material(config(corpus, subjects=[person])).clips} == {person}
    fewer = read_material(config(corpus, without=['squat']))
    assert {c.label for c in fewer.clips} == {'jog', ''}
    judged = fewer.judged(DataSettings('fimad'))
    assert {r.label for r in judged} == {'jog'} and all('pose' in r.streams for r in judged)
    for wrong, line in (
        ({'validation': ['nobody']}, 'data.validation as some of'),
        ({'subjects': ['nobody']}, 'data.subjects as some of'),
        ({'without': ['run']}, 'data.without as some of jog, squat'),
        ({'split': 'validation'}, 'validation'),
    ):
        with pytest.raises(ValueError, match=line):
            read_material(config(corpus, **wrong))


def test_a_build_made_anew_is_another_one(corpus, tmp_path):
    folder = tmp_path / 'copy'
    shutil.copytree(corpus, folder)
    material = read_material(config(folder))
    assert fingerprint(material.clips) == fingerprint(read_material(config(corpus)).clips)
    kept = fingerprint(read_material(config(corpus, without=['squat'])).clips)
    assert fingerprint(material.clips) != kept
    (shard, *_) = sorted(folder.glob('fimad-*.tar'))
    with tarfile.open(shard, 'w'):
        pass
    assert fingerprint(read_material(config(folder)).clips) != fingerprint(material.clips)
    # What is drawn from is not what lies in the folder.
    drawing(material.clips, material.weights)[0]
