"""The readout of fixed kernels: solved right, blind to who is drawn how often, kept on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from mujo_core.labels import select_labels
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import load_checkpoint, save_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.recording import Stream
from mujo_core.training import readout
from mujo_core.training.clip import Clip
from mujo_core.training.config import ReadoutSettings, TrainConfig
from mujo_core.training.fit import fit_model
from mujo_core.training.module import FitSettings
from mujo_core.training.readout import fit_readout, ridge
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.training.validation import LIVE
from mujo_core.window import WindowSpec

SPEC = WindowSpec()
BEATS = {'walk': 1.0, 'jog': 2.5, 'wave': 5.0}
"""Hz at which a wrist swings."""
HOW = ReadoutSettings(kernels=3, windows=150)


def swing(label: str, seed: int) -> Clip:
    rng = np.random.default_rng(seed)
    stamps = np.arange(200) / 50
    phase = 2 * np.pi * BEATS[label] * stamps + rng.uniform(0, 6)
    samples = rng.normal(size=(200, 6)) * 0.3 + (0, 0, 9.8, 0, 0, 0)
    samples[:, 3] += 3 * np.sin(phase)
    samples[:, 0] += 4 * np.cos(phase)
    stream = Stream(stamps, samples.astype(np.float32))
    return Clip(label, str(seed), {'imu/right_wrist': stream}, rests=False)


def swings(seed: int, count: int = 8) -> list[Clip]:
    return [swing(label, seed + i) for i in range(count) for label in BEATS]


def untrained() -> tuple[JointSpace, list[str], np.ndarray]:
    torch.manual_seed(0)
    model = JointSpace(ModelSettings(size=16, width=8, text_size=8)).eval()
    sentences = np.random.default_rng(0).normal(size=(len(BEATS), 8)).astype(np.float32)
    return model, list(BEATS), sentences


def fitted(clips: list[Clip], how: ReadoutSettings = HOW, seed: int = 0) -> JointSpace:
    model, labels, sentences = untrained()
    return fit_readout(model, clips, np.ones(len(clips)), labels, sentences, SPEC, how, seed)


def accuracy(model: JointSpace, clips: list[Clip]) -> float:
    _, labels, sentences = untrained()
    sampler = WindowSampler(clips, SPEC, LIVE)
    drawn = [sampler.draw(i, np.random.default_rng(i)) for i in range(len(clips))]
    with torch.inference_mode():
        vectors = model(batch_windows([window for window, _ in drawn], SPEC))
        said = model.logits(vectors, model.label_vectors(torch.from_numpy(sentences))).argmax(1)
    return float(np.mean([labels[s] == label for s, (_, label) in zip(said, drawn, strict=True)]))


@pytest.mark.parametrize('rows', [20, 200])
def test_ridge_is_the_textbooks(rows: int) -> None:
    rng = np.random.default_rng(0)
    features, wanted = rng.normal(size=(rows, 60)), rng.normal(size=(rows, 4))
    weight, bias = ridge(torch.from_numpy(features).float(), torch.from_numpy(wanted).float(), 0.2)
    spread = features.std(axis=0) + 0.1
    scaled = (features - features.mean(axis=0)) / spread
    expected = Ridge(alpha=0.2 * (scaled**2).sum(axis=1).mean()).fit(scaled, wanted)
    found = features @ weight.numpy() + bias.numpy()
    assert found == pytest.approx(expected.predict(scaled), abs=1e-4)


def test_people_not_seen_are_known_by_an_encoder_that_was_never_trained() -> None:
    model, _, _ = untrained()
    people = swings(100)
    assert accuracy(model, people) < 0.6
    assert accuracy(fitted(swings(0)), people) > 0.9


def test_the_kernels_make_their_share_of_the_vector() -> None:
    model, _, _ = untrained()
    clip = swings(0)[0]
    window, _ = WindowSampler([clip], SPEC, LIVE).draw(0, np.random.default_rng(0))
    batch = batch_windows([window], SPEC)
    with torch.inference_mode():
        learned = model.encode(batch)['imu']
        alone = fitted(swings(0), replace(HOW, share=1.0)).encode(batch)['imu']
        mixed = fitted(swings(0), replace(HOW, share=0.4)).encode(batch)['imu']
        none = fitted(swings(0), replace(HOW, share=0.0)).encode(batch)['imu']
    assert torch.allclose(none, learned, atol=1e-5)
    assert torch.allclose(mixed, 0.6 * learned + 0.4 * alone, atol=1e-4)
    assert 0.5 < float(alone.norm() / learned.norm()) < 1.5


def test_the_same_seed_gives_the_same_readout() -> None:
    first, second, other = (fitted(swings(0), seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first['imu.kernels.weight'], other['imu.kernels.weight'])


@pytest.mark.parametrize(
    ('judged_whole', 'shown', 'drawn'), [(True, 0.35, 0.5), (True, 1.0, 1.0), (False, 0.0, 0.0)]
)
def test_windows_are_whole_actions_as_often_as_the_runs(
    judged_whole: bool, shown: float, drawn: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, labels, sentences = untrained()
    seen = []

    def sampler(clips: list[Clip], spec: WindowSpec, how: SamplerSettings, *rest: object) -> object:
        seen.append(how.whole)
        return WindowSampler(clips, spec, how)

    monkeypatch.setattr(readout, 'WindowSampler', sampler)
    clips = swings(0, 1)
    spec = replace(SPEC, whole=judged_whole)
    few = replace(HOW, windows=8)
    run = SamplerSettings(whole=shown)
    fit_readout(model, clips, np.ones(len(clips)), labels, sentences, spec, few, 0, None, run)
    assert seen == [drawn]


def test_without_a_labelled_device_the_model_stays_as_it_is() -> None:
    model, labels, sentences = untrained()
    clips = [replace(clip, label='') for clip in swings(0, 1)]
    found = fit_readout(model, clips, np.ones(len(clips)), labels, sentences, SPEC, HOW, 0)
    assert found is model


def test_a_trained_checkpoint_keeps_them_and_a_later_training_starts_without(
    tmp_path: Path,
) -> None:
    clips = swings(0, 2)
    config = TrainConfig(
        model=ModelSettings(size=16, width=8),
        fit=FitSettings(steps=2, batch_size=8, workers=0),
        readout=HOW,
    )
    labels = select_labels(list(BEATS))
    made = fit_model(clips, np.ones(len(clips)), config, progress=False, labels=labels)
    assert made.model.settings.kernels == 3
    save_checkpoint(made, tmp_path / 'made')
    again = load_checkpoint(tmp_path / 'made')
    window, _ = WindowSampler(clips, SPEC, LIVE).draw(0, np.random.default_rng(0))
    with torch.inference_mode():
        batch = batch_windows([window], SPEC)
        assert torch.equal(again.model(batch), made.model(batch))
    bare = replace(config, readout=ReadoutSettings(), model=again.model.settings)
    later = fit_model(clips, np.ones(6), bare, progress=False, labels=labels, start=again.model)
    assert later.model.settings.kernels == 0 and later.model.imu.kernels is None
