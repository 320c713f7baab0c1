"""Stages of training: from clips, from a checkpoint, and a head on encoders left as they are."""

import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from mujo_core.datasets.registry import load_recordings
from mujo_core.evaluation.full import window_logits
from mujo_core.labels import taxonomy
from mujo_core.model.checkpoint import load_checkpoint, save_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.recognition import Recognizer
from mujo_core.training.clip import Clip
from mujo_core.training.config import DataSettings, ProbeSettings, TrainConfig
from mujo_core.training.fit import fit_model
from mujo_core.training.linear_probe import fit_probe
from mujo_core.training.mixture.clips import dataset_clips
from mujo_core.training.mixture.mixture import Material, read_material
from mujo_core.training.module import FitSettings
from mujo_core.training.sampler import WindowSampler
from mujo_core.training.stages import run_stage
from mujo_core.training.validation import LIVE
from mujo_core.window import WindowSpec

TINY = TrainConfig(
    model=ModelSettings(size=16, width=8),
    fit=FitSettings(steps=3, batch_size=8, workers=0, learning_rate=0.01),
    probe=ProbeSettings(draws=2),
)


@pytest.fixture(scope='module')
def config(utd) -> TrainConfig:
    return replace(TINY, data=DataSettings(root=str(utd), split='all'))


@pytest.fixture(scope='module')
def material(config) -> Material:
    return read_material(config)


@pytest.fixture(scope='module')
def started(tiny_checkpoint, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('start')
    save_checkpoint(tiny_checkpoint, folder)
    return str(folder)


def weights(model: torch.nn.Module, prefix: str) -> torch.Tensor:
    found = [v.detach().flatten() for k, v in model.named_parameters() if k.startswith(prefix)]
    return torch.cat(found)


def test_finetuning_begins_with_the_checkpoint_and_freezes_nothing(
    config, material, started, tiny_checkpoint
):
    slow = replace(
        config, stage='finetune', start=started, fit=replace(TINY.fit, learning_rate=1e-4)
    )
    tuned = run_stage(slow, material, progress=False)
    for part in ('pose', 'imu', 'text'):
        before, after = weights(tiny_checkpoint.model, part), weights(tuned.model, part)
        assert 0.0 < float((before - after).abs().max()) < 1e-3


def test_what_a_finetuned_checkpoint_was_trained_by_is_taken_again(
    config, material, tiny_checkpoint, tmp_path
):
    kernels = replace(tiny_checkpoint.model.settings, kernels=1, kernel_share=0.5)
    whole = replace(tiny_checkpoint.window, seconds=2.0, whole=True)
    save_checkpoint(replace(tiny_checkpoint, model=JointSpace(kernels), window=whole), tmp_path)
    plain = TrainConfig(stage='finetune', start=str(tmp_path), data=config.data, fit=TINY.fit)
    tuned = run_stage(plain, material, progress=False)
    asked = replace(plain, model=tuned.model.settings, window=tuned.window)
    again = run_stage(asked, material, progress=False)
    assert torch.equal(weights(tuned.model, 'pose'), weights(again.model, 'pose'))


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'stage': 'finetune'}, '--from'),
        ({'stage': 'linear_probe'}, '--from'),
        ({'stage': 'dream'}, 'pretrain, finetune, linear_probe'),
        ({'stage': 'finetune', 'model': ModelSettings(size=24)}, 'its model is'),
        ({'stage': 'finetune', 'window': WindowSpec(seconds=2.0)}, 'its window is'),
        ({'fit': FitSettings(precision='8')}, 'bf16-mixed'),
        ({'fit': FitSettings(monitor='luck')}, 'macro_f1 or loss'),
    ],
)
def test_a_stage_that_cannot_be_run_is_refused_in_one_line(config, material, started, change, said):
    if 'model' in change or 'window' in change:
        change = {**change, 'start': started}
    with pytest.raises(ValueError, match=said) as caught:
        run_stage(replace(config, **change), material, progress=False)
    assert '\n' not in str(caught.value)


def test_a_probe_leaves_the_encoders_and_learns_classes_that_serve_everywhere(
    config, material, started, tiny_checkpoint, tmp_path
):
    probe = run_stage(
        replace(config, stage='linear_probe', start=started), material, progress=False
    )
    for name, tensor in tiny_checkpoint.model.state_dict().items():
        assert torch.equal(tensor, probe.model.state_dict()[name])
    assert {'swipe_left', 'walk', 'squat'} <= set(probe.labels)
    assert probe.people == {'utd_mhad': ('1', '2', '3')}
    save_checkpoint(probe, tmp_path)
    again = load_checkpoint(tmp_path)
    np.testing.assert_array_equal(again.classes, probe.classes)
    sampler = WindowSampler(material.clips, probe.window, LIVE)
    drawn = [sampler.draw(i, np.random.default_rng(i)) for i in range(len(material.clips))]
    logits = window_logits(again, [window for window, _ in drawn])
    names = list(again.labels)
    right = [names[row.argmax()] == label for row, (_, label) in zip(logits, drawn, strict=True)]
    # Random encoders see how strongly people move; the texts' own vectors see nothing.
    assert np.mean(right) > 0.5
    # What a node says is by the same classes.
    recognizer = Recognizer(again)
    said = recognizer.logits([window for window, _ in drawn[:1]])
    np.testing.assert_allclose(said[0], logits[0], rtol=1e-4, atol=1e-4)
    # A checkpoint without classes leaves none of an older one behind.
    save_checkpoint(tiny_checkpoint, tmp_path)
    assert load_checkpoint(tmp_path).classes is None
    assert not (tmp_path / 'classes.safetensors').exists()


def test_a_probe_of_two_classes_or_chosen_by_held_out_people_works(
    config, material, tiny_checkpoint
):
    two = [clip for clip in material.clips if clip.label in ('walk', 'squat')]
    labels = {name: taxonomy()[name] for name in ('walk', 'squat')}
    chosen = replace(config, probe=ProbeSettings(draws=2, strength=0.0))
    seen, held = two[::2], two[1::2]
    probe = fit_probe(tiny_checkpoint, seen, np.ones(len(seen)), chosen, held, labels)
    assert probe.classes.shape == (2, 16)
    with pytest.raises(ValueError, match='validation'):
        fit_probe(tiny_checkpoint, two, np.ones(len(two)), chosen, (), labels)
    with pytest.raises(ValueError, match='two labels'):
        fit_probe(tiny_checkpoint, two, np.ones(len(two)), config, (), {'walk': labels['walk']})


def test_clips_without_a_label_are_pretrained_on_and_not_finetuned_on(config, utd, started):
    found = read_material(config)
    assert all(clip.label for clip in found.clips)
    recordings = [
        replace(recording, segments=[]) for recording in load_recordings('utd_mhad', utd)[:6]
    ]
    unlabelled = dataset_clips(recordings)
    assert len(unlabelled) == 6 and {clip.label for clip in unlabelled} == {''}
    both = [*found.clips[:2], *unlabelled]
    checkpoint = fit_model(both, np.ones(len(both)), config, progress=False)
    assert torch.isfinite(weights(checkpoint.model, 'pose')).all()


class Deadly(Clip):
    """Kills the process that loads it, or holds it up."""

    stop = staticmethod(lambda: os.kill(os.getpid(), signal.SIGKILL))

    def load(self) -> Clip:
        if torch.utils.data.get_worker_info() is not None:
            self.stop()
        return self


class Slow(Deadly):
    stop = staticmethod(lambda: time.sleep(60.0))


@pytest.mark.parametrize(
    ('kind', 'said'), [(Deadly, 'DataLoader (worker|timed out)'), (Slow, 'timed out')]
)
def test_loaders_that_fail_are_said_in_one_line(config, material, monkeypatch, kind, said):
    monkeypatch.setattr('mujo_core.training.data.PATIENCE', 2.0)
    monkeypatch.setattr('mujo_core.training.data.START', 'fork')  # which finds these classes
    loaded = [clip.load() for clip in material.clips]
    clips = [kind(c.label, c.subject, c.streams, dataset=c.dataset) for c in loaded]
    config = replace(config, fit=replace(config.fit, workers=1))
    with pytest.raises(OSError, match=f'load windows failed .*{said}.* --fit.workers 0') as caught:
        run_stage(config, replace(material, clips=clips), progress=False)
    assert '\n' not in str(caught.value)


def test_clips_of_one_label_are_trained_on(config, material):
    label = material.clips[0].label
    same = [clip for clip in material.clips if clip.label == label]
    restless = replace(config, sampler=replace(config.sampler, rest=0.0))
    checkpoint = fit_model(same, np.ones(len(same)), restless, progress=False)
    assert list(checkpoint.labels) == [label]
    assert torch.isfinite(weights(checkpoint.model, 'pose')).all()


def test_held_out_people_end_the_run_and_choose_its_weights(config, utd, tmp_path):
    held = replace(config.data, subjects=['1', '2'], split='all', validation=['3'])
    fit = replace(TINY.fit, steps=400, validate_every=1, patience=1, monitor='loss')
    material = read_material(replace(config, data=held))
    assert {clip.subject for clip in material.clips} == {'1', '2'}
    assert {clip.subject for clip in material.held_out} == {'3'}
    assert {r.subject for r in material.recordings} == {'1', '2'}
    started = []
    from lightning.pytorch.callbacks import Callback

    class Count(Callback):
        def on_train_batch_start(self, *_):
            started.append(1)

    fit_model(
        material.clips, material.weights, replace(config, fit=fit), progress=False,
        held_out=material.held_out, callbacks=[Count()],
    )  # fmt: skip
    assert len(started) < 400
    with pytest.raises(ValueError, match='subjects'):
        read_material(replace(config, data=replace(held, validation=['9'])))


@pytest.mark.parametrize('precision', ['bf16-mixed', '16-mixed'])
def test_mixed_precision_gives_a_finite_model(config, material, precision):
    fit = replace(TINY.fit, precision=precision, accumulate=2)
    checkpoint = fit_model(
        material.clips, material.weights, replace(config, fit=fit), progress=False
    )
    for tensor in checkpoint.model.state_dict().values():
        assert torch.isfinite(tensor).all() and tensor.dtype in (
            torch.float32,
            torch.int64,
            torch.bool,
        )
