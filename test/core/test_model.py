"""The joint space: blind to what is masked, free in the number of devices, unit vectors out."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from mujo_core.inertial import PLACEMENTS
from mujo_core.model.batch import PLACEMENT_WORDS, Batch, batch_windows, placement_features
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import ResidualBlock
from mujo_core.timeline import Timeline
from mujo_core.window import WindowSpec

SPEC = WindowSpec()
WRIST, THIGH, SOCK = 'right_wrist', 'left_thigh', 'striped_sock'


@pytest.fixture
def model(tiny_checkpoint):
    return tiny_checkpoint.model


def vectors(model: JointSpace, windows: list) -> torch.Tensor:
    with torch.inference_mode():
        return model(batch_windows(windows, SPEC))


def assert_close(first: torch.Tensor, second: torch.Tensor) -> None:
    np.testing.assert_allclose(first.numpy(), second.numpy(), atol=2e-5)


def assert_differ(first: torch.Tensor, second: torch.Tensor) -> None:
    assert float((first - second).abs().max()) > 1e-3


def with_garbage(batch: Batch, seed: int = 0) -> Batch:
    """The batch with garbage wherever its masks say that nothing is seen."""
    rng = torch.Generator().manual_seed(seed)

    def fill(values: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        garbage = torch.randn(values.shape, generator=rng) * 50
        return torch.where(seen, values, garbage)

    return replace(
        batch,
        pose=fill(batch.pose, batch.pose_mask[..., None]),
        root=fill(batch.root, batch.pose_mask.any(dim=2)[..., None]),
        imu=fill(batch.imu, batch.imu_mask[..., None]),
        placement=fill(batch.placement, batch.imu_mask.any(dim=2)[..., None]),
    )


def with_holes(batch: Batch, seed: int = 0) -> Batch:
    """The batch with joints hidden, stretches of samples lost and whole modalities away."""
    rng = torch.Generator().manual_seed(seed)
    pose = batch.pose_mask & (torch.rand(batch.pose_mask.shape, generator=rng) > 0.3)
    pose[:, 10:20] = False
    imu = batch.imu_mask & (torch.rand(batch.imu_mask.shape, generator=rng) > 0.3)
    imu[:, :, 40:60] = False
    imu[0, 1] = False
    pose[1], imu[2] = False, False
    return replace(batch, pose_mask=pose, imu_mask=imu)


def test_what_is_masked_has_no_influence(model, make_window):
    batch = with_holes(batch_windows([make_window(i, imu=[WRIST, THIGH]) for i in range(4)], SPEC))
    with torch.inference_mode():
        clean = model(batch)
        assert_close(model(with_garbage(batch, 1)), clean)
        assert_close(model(with_garbage(batch, 2)), clean)


def test_what_is_seen_has_influence(model, make_window):
    batch = batch_windows([make_window(i, imu=[WRIST]) for i in range(2)], SPEC)
    with torch.inference_mode():
        clean = model(batch)
        for name in ('pose', 'imu', 'root', 'placement'):
            other = getattr(batch, name) + torch.randn(getattr(batch, name).shape)
            assert_differ(model(replace(batch, **{name: other})), clean)
        for name in ('pose_mask', 'imu_mask'):
            fewer = getattr(batch, name).clone()
            fewer[..., :30] = False
            assert_differ(model(replace(batch, **{name: fewer})), clean)


@pytest.mark.parametrize('modality', ['pose', 'imu'])
def test_a_modality_that_is_away_is_as_one_that_never_was(model, make_window, modality):
    both = batch_windows([make_window(5, imu=[WRIST])], SPEC)
    alone = make_window(5) if modality == 'imu' else make_window(5, pose=0.0, imu=[WRIST])
    if modality == 'pose':
        # The generator draws the pose first, so that the samples are the same ones.
        assert not alone.pose.mask.any()
    with torch.inference_mode():
        without = model(with_garbage(both.without(modality)))
    assert_close(without, vectors(model, [alone]))
    assert_differ(without, vectors(model, [make_window(5, imu=[WRIST])]))


def test_vectors_are_of_unit_length(model, make_window):
    windows = [
        make_window(0, imu=[WRIST, THIGH]),
        make_window(1),
        make_window(2, pose=0.0, imu=[WRIST]),
        make_window(3, pose=0.4, imu=[THIGH], share=0.3),
    ]
    found = vectors(model, windows)
    assert found.shape == (4, 16)
    np.testing.assert_allclose(found.norm(dim=1).numpy(), 1.0, atol=1e-5)


def test_labels_are_unit_vectors_and_logits_scaled_cosines(tiny_checkpoint, model, make_window):
    labels = tiny_checkpoint.label_vectors()
    assert labels.shape == (len(tiny_checkpoint.labels), 16)
    np.testing.assert_allclose(labels.norm(dim=1).numpy(), 1.0, atol=1e-5)
    found = vectors(model, [make_window(0), make_window(1)])
    with torch.inference_mode():
        logits = model.logits(found, labels).numpy()
    cosines = found.numpy().astype(float) @ labels.numpy().astype(float).T
    np.testing.assert_allclose(logits, float(model.log_scale.detach().exp()) * cosines, atol=1e-4)


def test_the_classifiers_scale_is_bounded(tiny_checkpoint, make_window):
    model = JointSpace(tiny_checkpoint.model.settings).eval()
    with torch.no_grad():
        model.log_scale.fill_(50.0)
        found = model.logits(torch.eye(16)[:1], torch.eye(16))
    assert float(found.max()) == pytest.approx(100.0)


def test_a_batch_gives_what_single_windows_give(model, make_window):
    windows = [
        make_window(0, imu=[WRIST, THIGH, SOCK]),
        make_window(1),
        make_window(2, pose=0.0, imu=[THIGH]),
        make_window(3, pose=0.5, imu=[WRIST], share=0.6),
        make_window(4, imu=['head', 'waist']),
    ]
    singly = torch.cat([vectors(model, [window]) for window in windows])
    assert_close(vectors(model, windows), singly)


@pytest.mark.parametrize('count', [1, 2, 5, 14])
def test_any_number_of_devices(model, make_window, count):
    found = vectors(model, [make_window(0, imu=PLACEMENTS[:count])])
    assert torch.isfinite(found).all()
    if count > 1:
        assert_differ(found, vectors(model, [make_window(0, imu=PLACEMENTS[: count - 1])]))


def test_the_order_of_devices_does_not_matter(model, make_window):
    batch = batch_windows([make_window(0, imu=[WRIST, THIGH, SOCK])], SPEC)
    order = torch.tensor([2, 0, 1])
    other = replace(
        batch,
        imu=batch.imu[:, order],
        imu_mask=batch.imu_mask[:, order],
        placement=batch.placement[:, order],
    )
    with torch.inference_mode():
        assert_close(model(other), model(batch))


def test_the_same_device_twice_is_as_once(model, make_window):
    batch = batch_windows([make_window(0, imu=[WRIST])], SPEC)
    twice = replace(
        batch,
        imu=batch.imu.repeat(1, 2, 1, 1),
        imu_mask=batch.imu_mask.repeat(1, 2, 1),
        placement=batch.placement.repeat(1, 2, 1),
    )
    with torch.inference_mode():
        assert_close(model(twice), model(batch))


def test_placements_tell_and_unseen_ones_share_words(model, make_window):
    known = placement_features('right_wrist')
    assert {w for w, on in zip(PLACEMENT_WORDS, known, strict=True) if on} == {'right', 'wrist'}
    assert placement_features('right_sock').sum() == 1
    assert placement_features('nose').sum() == 0
    batch = batch_windows([make_window(0, pose=0.0, imu=[WRIST])], SPEC)
    elsewhere = replace(batch, placement=torch.from_numpy(placement_features(SOCK)).view(1, 1, -1))
    with torch.inference_mode():
        assert torch.isfinite(model(elsewhere)).all()
        assert_differ(model(elsewhere), model(batch))


def test_nothing_at_all_beside_something_is_finite(model, make_window):
    found = vectors(model, [make_window(0), make_window(1, pose=0.0)])
    assert torch.isfinite(found).all()
    assert (found[1] == 0).all()
    assert_close(found[:1], vectors(model, [make_window(0)]))


def test_nothing_at_all_has_no_direction(model, make_window):
    found = vectors(model, [make_window(0, pose=0.0), make_window(1, pose=0.0)])
    assert found.shape == (2, 16)
    assert (found == 0).all()


@pytest.mark.parametrize('scale', [1e4, 1e9])
def test_saturated_sensors_give_finite_vectors(model, scale):
    timeline = Timeline()
    rng = np.random.default_rng(0)
    stamps = 10 + np.arange(200) / 47
    timeline.insert('imu/right_wrist', stamps, rng.choice([-scale, scale], size=(200, 6)))
    body = rng.normal(size=(200, 16, 3))
    body[:, 4:] = rng.choice([-scale, scale], size=(200, 12, 3))
    timeline.insert('pose', stamps, body)
    window = timeline.cut()
    assert window is not None and window.pose is not None
    assert np.isfinite(window.pose.joints).all()
    assert np.isfinite(window.pose.root).all()
    assert np.isfinite(window.imu['right_wrist']).all()
    assert torch.isfinite(vectors(model, [window])).all()


def test_moving_a_batch_moves_all_of_it(make_window):
    batch = batch_windows([make_window(0, imu=[WRIST])], SPEC).to('meta')
    assert {getattr(batch, field.name).device.type for field in fields(batch)} == {'meta'}


def test_gradients_reach_every_parameter(tiny_checkpoint, make_window):
    torch.manual_seed(0)
    model = JointSpace(tiny_checkpoint.model.settings).train()
    batch = batch_windows([make_window(i, imu=[WRIST, THIGH]) for i in range(3)], SPEC)
    labels = model.label_vectors(torch.from_numpy(tiny_checkpoint.sentences))
    torch.nn.functional.cross_entropy(
        model.logits(model(batch), labels), torch.tensor([0, 1, 2])
    ).backward()
    without = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert without <= {'log_contrast'}


def test_pooling_an_encoders_steps_gives_its_vectors(model, make_window):
    windows = [make_window(0, imu=[WRIST, THIGH]), make_window(1), make_window(2, 0.0, imu=[WRIST])]
    batch = with_holes(batch_windows([*windows, make_window(3, imu=[THIGH])], SPEC))
    with torch.inference_mode():
        steps, vectors = model.steps(batch), model.encode(batch)
        for modality, found in model.pool(steps).items():
            assert torch.equal(found, vectors[modality])
            assert torch.equal(found.any(dim=1), batch.present[modality])
    # 75 steps of pose and 150 samples of an IMU over the same 3 s.
    assert steps['pose'].values.shape == (4, 19, 8)
    assert steps['imu'].values.shape == (4, 2, 19, 8)
    assert (model.pose.trunk.stride, model.imu.trunk.stride) == (4, 8)


@pytest.mark.parametrize('steps', [1, 2, 7, 8])
def test_a_blocks_shortcut_is_the_mean_of_each_two_steps(steps):
    torch.manual_seed(0)
    block = ResidualBlock(4, 5, stride=2, dropout=0.0).eval()
    torch.nn.init.zeros_(block.second.weight)  # what is left is the shortcut
    x = torch.randn(3, 4, steps)
    pooled = torch.nn.functional.avg_pool1d(x, 2, ceil_mode=True, count_include_pad=False)
    with torch.inference_mode():
        assert torch.allclose(block(x), torch.nn.functional.gelu(pooled), atol=1e-6)


def test_steps_are_kept_where_there_is_something_under_them(model, make_window):
    batch = batch_windows([make_window(0, imu=[WRIST])], SPEC)
    batch.imu_mask[0, 0, 80:] = False
    batch.pose_mask[0, :40] = False
    with torch.inference_mode():
        steps = model.steps(batch)
    assert steps['imu'].keep[0, 0].tolist() == [True] * 10 + [False] * 9
    assert steps['pose'].keep[0].tolist() == [False] * 10 + [True] * 9
