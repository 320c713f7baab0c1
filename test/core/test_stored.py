"""Training on a build that is read as it is drawn from, beside the same one in memory."""

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
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.data import WindowDataset
from mujo_core.training.fit import fit_model
from mujo_core.training.material import read_material
from mujo_core.training.module import FitSettings
from mujo_core.training.people import people_of
from mujo_core.training.resume import Run, fingerprint
from mujo_core.training.sampler import WindowSampler
from mujo_core.training.sources import training_clips, unlabelled_clips
from mujo_core.training.stored import StoredClip
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


def config(corpus, megabytes=512.0, **data):
    settings = DataSettings('fimad', str(corpus), cache_megabytes=megabytes, **data)
    fit = FitSettings(steps=4, batch_size=4, workers=0, snapshot_every=2)
    return TrainConfig(data=settings, model=ModelSettings(size=16, width=8), fit=fit)


def in_memory(corpus):
    recordings = load_recordings('fimad', corpus, split='train')
    return training_clips(recordings, DataSettings('fimad'), unlabelled_clips(recordings))


def windows(clips, weights, draws=range(40)):
    drawn = WindowDataset(WindowSampler(clips, WindowSpec()), LABELS, weights, len(draws), 3)
    return [drawn[index] for index in draws]


def test_people_of_any_number_of_stored_clips_are_not_listed(corpus):
    stored = read_material(config(corpus)).clips
    assert isinstance(stored[0], StoredClip) and people_of(stored) == {}
    clips, _ = in_memory(corpus)
    (listed,) = people_of(clips).values()
    assert set(listed) == {clip.subject for clip in clips}


@pytest.mark.parametrize('megabytes', [512.0, 0.35, 0.001])
def test_windows_are_those_of_clips_in_memory_whatever_is_kept(corpus, megabytes):
    material = read_material(config(corpus, megabytes))
    clips, weights = in_memory(corpus)
    assert [(c.label, c.subject) for c in material.clips] == [(c.label, c.subject) for c in clips]
    assert len(clips) == 8 and np.array_equal(material.weights, weights)
    for ours, theirs in zip(windows(material.clips, material.weights), windows(clips, weights),
                            strict=True):  # fmt: skip
        assert ours.place == theirs.place and set(ours.window.imu) == set(theirs.window.imu)
        assert np.array_equal(ours.window.pose.joints, theirs.window.pose.joints)
        for name, values in theirs.window.imu.items():
            assert np.array_equal(ours.window.imu[name], values)


def size(clip):
    streams = [*clip.streams.values(), *clip.virtual.values()]
    return sum(s.values.nbytes + s.stamps.nbytes for s in streams)


def test_what_is_held_is_bounded_and_what_is_kept_is_not_read_again(corpus):
    clips, _ = in_memory(corpus)
    largest, all_of_it = max(map(size, clips)), sum(map(size, clips))
    limit = 1.2 * largest
    assert limit < all_of_it / 3
    material = read_material(config(corpus, limit / 2**20))
    (cache,) = {id(c.cache): c.cache for c in material.clips}.values()
    # Nothing is held of the pass that found them.
    assert cache.held == cache.read == 0
    assert all(isinstance(c, StoredClip) and not any(map(len, c.outline.streams.values()))
               for c in material.clips)  # fmt: skip
    windows(material.clips, material.weights, range(60))
    assert 1 <= len(cache) <= 6 and 0 < cache.held <= cache.most <= limit
    assert 20 < cache.read <= 60
    # No clip holds on to the recording that it is a part of.
    part = material.clips[2].load()
    assert all(s.values.base is None or s.values.base.nbytes == s.values.nbytes
               for s in part.streams.values())  # fmt: skip
    roomy = read_material(config(corpus))
    windows(roomy.clips, roomy.weights, range(60))
    assert roomy.clips[0].cache.read <= len(clips)


def weights_of(checkpoint):
    return checkpoint.model.state_dict()


def test_a_run_ends_with_the_same_weights_from_disk_in_memory_and_killed(corpus, tmp_path):
    tight = config(corpus, 0.3)
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
    # Continued with more memory.
    again = read_material(config(corpus, 8.0))
    found = weights_of(
        fit_model(again.clips, again.weights, config(corpus, 8.0), False, Run(tmp_path))
    )
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
    judged = fewer.judged()
    assert {r.label for r in judged} == {'jog'} and all('pose' in r.streams for r in judged)
    for wrong, line in (
        ({'validation': ['nobody']}, 'data.validation as some of'),
        ({'subjects': ['nobody']}, 'data.subjects as some of'),
        ({'without': ['run']}, 'data.without as some of jog, squat'),
        ({'split': 'validation'}, 'validation'),
    ):
        with pytest.raises(ValueError, match=line):
            read_material(config(corpus, **wrong))
    with pytest.raises(ValueError, match='above 0'):
        read_material(config(corpus, 0.0))


def test_a_build_made_anew_meanwhile_is_another_one(corpus, tmp_path):
    folder = tmp_path / 'copy'
    shutil.copytree(corpus, folder)
    material = read_material(config(folder))
    assert fingerprint(material.clips) == fingerprint(read_material(config(corpus)).clips)
    kept = fingerprint(read_material(config(corpus, without=['squat'])).clips)
    assert fingerprint(material.clips) != kept
    (shard, *_) = sorted(folder.glob('fimad-*.tar'))
    with tarfile.open(shard, 'w'):
        pass
    with pytest.raises(OSError, match='built anew'):
        windows(material.clips, material.weights)
