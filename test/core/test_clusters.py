"""Where the labels of training lie: distances, what counts, kept on disk, in the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_readout import BEATS, SPEC, swing, swings

from mujo_core.export.onnx_file import dense_scores
from mujo_core.labels import select_labels
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Calibration, load_checkpoint, save_checkpoint
from mujo_core.model.clusters import Clusters, ModalityClusters
from mujo_core.recognition.label_space import make_label_space
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.recognition.taught import space_of
from mujo_core.training.clusters import STILL
from mujo_core.training.config import ClusterSettings, TrainConfig
from mujo_core.training.fit import fit_model
from mujo_core.training.module import FitSettings
from mujo_core.training.sampler import WindowSampler


def config(**changes) -> TrainConfig:
    # Processes forked from one with threads, as pytest's has, may stand still on a lock.
    fit = FitSettings(steps=4, batch_size=8, seed=1, workers=0)
    return TrainConfig(fit=fit, **changes)


@pytest.fixture(scope='module')
def trained():
    clips = swings(0)
    return fit_model(clips, np.ones(len(clips)), config(), False, labels=select_labels(BEATS))


def windows_of_a_person(seed: int):
    sampler = WindowSampler(swings(seed), SPEC, STILL)
    return [sampler.draw(i, np.random.default_rng((seed, i)))[0] for i in range(len(swings(seed)))]


def test_a_distance_counts_by_how_much_windows_of_a_label_differ_that_way():
    rng = np.random.default_rng(0)
    spread = np.array([3.0, 0.2, 1.0])
    labels = torch.arange(600) % 2
    centres = np.array([[0.0, 0.0, 0.0], [20.0, 5.0, 1.0]])
    vectors = centres[labels] + rng.normal(size=(600, 3)) * spread
    clusters = ModalityClusters(2, 3)
    clusters.measure(torch.from_numpy(vectors).float(), labels, 1e-6)
    asked = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.4, 0.0], [20.0, 5.0, 1.0]])
    assert clusters(asked)[:, 0].sqrt()[:2].tolist() == pytest.approx([1.0, 2.0], abs=0.3)
    assert clusters(asked)[2].argmin() == 1
    assert clusters(asked)[2, 1] == pytest.approx(0.0, abs=0.1)


def test_a_label_is_judged_by_what_training_knew_it_from():
    clusters = Clusters(('pose', 'imu'), 2, 2)
    points = torch.tensor([[5.0, 0.0], [5.2, 0.0], [0.0, 5.0], [0.0, 5.2]])
    places = torch.tensor([0, 0, 1, 1])
    clusters.of('pose').measure(points[:2], places[:2], 1.0)  # the second label was never seen
    clusters.of('imu').measure(points, places, 1.0)
    both = clusters({'pose': torch.tensor([[9.0, 9.0]]), 'imu': points[3:]})
    alone = clusters({'imu': points[3:]})
    silent = clusters({'pose': torch.zeros(1, 2), 'imu': points[3:]})
    # As if the skeleton, of which nothing is known here, were as far away: twice the square.
    assert both.item() == pytest.approx(alone.item() / 2**0.5, rel=1e-5)
    assert silent.item() == pytest.approx(alone.item(), rel=1e-6)
    assert clusters({'pose': points[2:3]}) < clusters({'pose': points[:1]}) / 4
    assert clusters({'imu': points[3:]}, torch.tensor([True, False])) < alone / 4
    assert clusters({'imu': points[3:]}, torch.tensor([False, False])) == 0.0


def test_what_was_never_met_is_less_familiar(trained):
    met = batch_windows(windows_of_a_person(900), SPEC)
    never = replace(met, imu=met.imu.flip(-1) * 3.0)
    with torch.inference_mode():
        usual, strange = trained.model.weighed(met)[1], trained.model.weighed(never)[1]
    assert strange.median() < usual.min()


def test_training_leaves_the_vectors_as_they_were_and_says_where_labels_lie(trained, tmp_path):
    clips = swings(0)
    without = fit_model(
        clips, np.ones(len(clips)), config(clusters=ClusterSettings(windows=0)), False,
        labels=select_labels(BEATS),
    )  # fmt: skip
    batch = batch_windows(windows_of_a_person(900), SPEC)
    with torch.inference_mode():
        assert torch.equal(trained.model(batch), without.model(batch))
    assert without.model.clusters is None
    assert trained.model.clusters.of('imu').known.all()
    assert not trained.model.clusters.of('pose').known.any()
    # What was taught to one is taught to the other.
    assert space_of(trained.model) == space_of(without.model)
    save_checkpoint(trained, tmp_path)
    again = load_checkpoint(tmp_path)
    with torch.inference_mode():
        assert torch.equal(again.model.weighed(batch)[1], trained.model.weighed(batch)[1])


def test_a_run_that_starts_from_a_checkpoint_measures_anew(trained):
    clips = swings(50)
    fewer = select_labels(list(BEATS)[:2])
    again = fit_model(
        clips, np.ones(len(clips)), config(), False, labels=fewer, start=trained.model
    )
    assert again.model.settings.clusters == 2
    assert again.model.clusters.of('imu').known.all()


def test_labels_taken_out_are_no_longer_familiar_also_in_the_graph(trained):
    calibration = {'imu': Calibration(1.0, 1.0, {0.05: 0.0}, 0.1)}
    checkpoint = replace(trained, calibration=calibration)
    windows = windows_of_a_person(900)
    batch = batch_windows(windows, SPEC)
    kept = list(BEATS)[:1]
    space = make_label_space(checkpoint, select_labels(kept))
    with torch.inference_mode():
        _, everything = trained.model.weighed(batch)
        _, familiar = trained.model.weighed(batch, space.among)
        inputs = (batch.pose, batch.pose_mask, batch.root)
        devices = (batch.imu, batch.imu_mask, batch.placement)
        graph = dense_scores(checkpoint, space, 0.05)(*inputs, *devices)
    assert (familiar <= everything).all()
    assert (familiar < everything).any()
    recognizer = Recognizer(checkpoint)
    recognizer.decision = replace(recognizer.decision, labels=tuple(kept))
    said = recognizer._weighed(windows)[1]
    np.testing.assert_allclose(said, familiar.numpy(), rtol=1e-4)
    strength = recognizer.logits(windows)[:, 0] * said / 0.1
    np.testing.assert_allclose(graph[1].numpy(), 1 / (1 + np.exp(strength)), atol=1e-4)


def test_a_rare_label_has_a_place_too():
    clips = [*swings(0, 12), replace(swing('walk', 99), label='squat')]
    weights = np.array([1.0] * (len(clips) - 1) + [1e-6])
    labels = select_labels([*BEATS, 'squat'])
    found = fit_model(clips, weights, config(), False, labels=labels)
    assert found.model.clusters.of('imu').known.all()
