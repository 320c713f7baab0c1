"""Hiding, decoding, and the terms that predict samples from steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import Steps
from mujo_core.objectives.decoding import StepDecoder, imu_targets, kept_samples, pose_targets
from mujo_core.objectives.hiding import hide_parts, hide_spans
from mujo_core.objectives.reconstruction import Hiding, ImuReconstruction, PoseReconstruction
from mujo_core.objectives.registry import TERMS
from mujo_core.objectives.term import TermInputs
from mujo_core.window import WindowSpec

SPEC = WindowSpec()
WRIST, THIGH = 'right_wrist', 'left_thigh'
DECODING = ('reconstruction', 'pose_to_imu', 'imu_to_pose')


@pytest.fixture
def model(tiny_checkpoint) -> JointSpace:
    torch.manual_seed(0)
    return JointSpace(tiny_checkpoint.model.settings).eval()


@pytest.fixture
def batch(make_window) -> Batch:
    """Both modalities; pose alone; a device alone; both, each in a part of the window."""
    windows = [
        make_window(0, imu=[WRIST, THIGH]),
        make_window(1),
        make_window(2, pose=0.0, imu=[THIGH]),
        make_window(3, pose=0.5, imu=[WRIST], share=0.6),
    ]
    return batch_windows(windows, SPEC)


def inputs_of(model: JointSpace, batch: Batch, tiny_checkpoint) -> TermInputs:
    sentences = torch.from_numpy(tiny_checkpoint.sentences)
    labels = torch.zeros(len(batch), dtype=torch.long)
    return TermInputs.encode(model, batch, labels, sentences, torch.Generator().manual_seed(1))


def term_of(name: str, model: JointSpace):
    torch.manual_seed(5)
    return TERMS.make(name, model)


def with_garbage(batch: Batch) -> Batch:
    rng = torch.Generator().manual_seed(3)

    def fill(values: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return torch.where(seen, values, torch.randn(values.shape, generator=rng) * 50)

    return replace(
        batch,
        pose=fill(batch.pose, batch.pose_mask[..., None]),
        root=fill(batch.root, batch.pose_mask.any(dim=2)[..., None]),
        imu=fill(batch.imu, batch.imu_mask[..., None]),
        placement=fill(batch.placement, batch.imu_mask.any(dim=2)[..., None]),
    )


# Hiding


def test_spans_cover_their_share_and_only_what_is_there():
    seen = torch.ones(400, 100, dtype=torch.bool)
    seen[:, 90:] = False
    hidden = hide_spans(seen, 0.3, 3, torch.Generator().manual_seed(0))
    assert not hidden[:, 90:].any()
    # Three spans of 10 of 100 steps, which may overlap.
    assert 0.2 < float(hidden.float().mean()) < 0.3
    assert int(hidden.sum(dim=1).max()) <= 30
    starts = hidden[:, 1:] & ~hidden[:, :-1]
    assert int(starts.sum(dim=1).max()) <= 3
    assert hidden[:, :5].any() and hidden[:, 85:90].any()


def test_parts_are_hidden_in_their_share_but_never_all():
    seen = torch.zeros(500, 4, dtype=torch.bool)
    seen[:, :3] = True
    seen[250:, 1:3] = False
    hidden = hide_parts(seen, 0.5, torch.Generator().manual_seed(0))
    assert not hidden[:, 3].any()
    assert not hidden[250:].any()
    left = seen[:250] & ~hidden[:250]
    assert left.any(dim=1).all()
    assert 0.35 < float(hidden[:250, :3].float().mean()) < 0.55


def test_hiding_masks_more_of_a_batch_and_nothing_else(model, batch):
    how = Hiding(time=0.4, spans=3, parts=0.3)
    generator = torch.Generator().manual_seed(0)
    hidden = PoseReconstruction(model).hide(batch, how, generator)
    assert hidden.imu_mask is batch.imu_mask
    assert not (hidden.pose_mask & ~batch.pose_mask).any()
    gone = batch.pose_mask & ~hidden.pose_mask
    assert gone[0].all(dim=1).any(), 'whole steps'
    assert gone[0].all(dim=0).any(), 'whole joints'
    hidden = ImuReconstruction(model).hide(batch, how, generator)
    assert not (hidden.imu_mask & ~batch.imu_mask).any()
    assert hidden.imu_mask[2].any(), 'the only device of a window stays'


def test_a_generator_makes_hiding_repeatable():
    seen = torch.ones(5, 50, dtype=torch.bool)
    first, again, other = (
        hide_spans(seen, 0.3, 2, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


# Decoding


def test_targets_are_of_order_one_and_magnitudes_do_not_turn(batch):
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    samples = torch.tensor([[3.0, 4.0, 0.0, 0.0, 3.0, 0.0]])
    turned = (samples.view(2, 3) @ turn.T).view(1, 6)
    found = imu_targets(samples)[0]
    assert float(found[6]) == pytest.approx(5.0 / 9.80665) and float(found[7]) == pytest.approx(1.0)
    assert torch.allclose(found[6:], imu_targets(turned)[0, 6:])
    assert not torch.allclose(found[:6], imu_targets(turned)[0, :6])
    assert float(imu_targets(samples * 1e6).abs().max()) == 20.0
    assert torch.equal(pose_targets(batch)[0, 7, 3:6], batch.pose[0, 7, 1] * 2)


def test_a_step_decodes_to_the_samples_that_it_covers():
    torch.manual_seed(0)
    decoder = StepDecoder(width=4, channels=3, stride=8)
    steps = torch.randn(2, 19, 4)
    found = decoder(steps, 150, 152)
    assert found.shape == (2, 150, 3)
    changed = steps.clone()
    changed[:, 10] += 1.0
    moved = (decoder(changed, 150, 152) - found).abs().sum(dim=(0, 2)) > 0
    # The step and, through the context, its neighbours.
    assert moved.nonzero().flatten().tolist() == list(range(72, 96))


def test_other_rates_are_stretched_over_the_same_time():
    decoder = StepDecoder(width=4, channels=3, stride=8)
    for rows in (2, 0):
        assert decoder(torch.randn(rows, 19, 4), 300, 304).shape == (rows, 300, 3)
    keep = torch.tensor([[True, False, True]])
    assert kept_samples(keep, 5, 6).tolist() == [[True, True, False, False, True]]


# Terms


@pytest.mark.parametrize('name', DECODING)
def test_what_is_masked_does_not_matter(name, model, batch, tiny_checkpoint):
    term = term_of(name, model)
    found = [
        term(inputs_of(model, b, tiny_checkpoint)).item() for b in (batch, with_garbage(batch))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


@pytest.mark.parametrize('name', DECODING)
def test_gradients_reach_encoder_and_heads_and_are_finite(name, model, batch, tiny_checkpoint):
    term = term_of(name, model).train()
    term(inputs_of(model.train(), batch, tiny_checkpoint)).backward()
    for named in (term.named_parameters(), model.named_parameters()):
        found = [(n, p.grad) for n, p in named if p.grad is not None]
        assert found
        assert all(torch.isfinite(gradient).all() for _, gradient in found)
    reached = {n.split('.')[0] for n, p in model.named_parameters() if p.grad is not None}
    assert reached == {
        'reconstruction': {'pose', 'imu'}, 'pose_to_imu': {'pose'}, 'imu_to_pose': {'imu'},
    }[name]  # fmt: skip
    assert all(p.grad is not None for p in term.parameters())


@pytest.mark.parametrize('name', DECODING)
@pytest.mark.parametrize('left', ['pose', 'imu', None])
def test_a_batch_without_a_modality(name, left, model, batch, tiny_checkpoint):
    for modality in {'pose', 'imu'} - {left}:
        batch = batch.without(modality)
    found = term_of(name, model)(inputs_of(model, batch, tiny_checkpoint))
    if name == 'reconstruction' and left:
        found.backward()
        assert np.isfinite(found.item()) and found.item() > 0
    else:
        assert found is None


def test_regression_looks_at_windows_with_both_alone(model, batch, tiny_checkpoint):
    for name in ('pose_to_imu', 'imu_to_pose'):
        term = term_of(name, model)
        whole = term(inputs_of(model, batch, tiny_checkpoint)).item()
        both = Batch(**{k: v[[0, 3]] for k, v in batch.__dict__.items()})
        assert whole == pytest.approx(term(inputs_of(model, both, tiny_checkpoint)).item(), 1e-5)


def test_regression_is_the_smooth_l1_where_both_are(model, batch, tiny_checkpoint):
    # With its last layer at zero the decoder says zero, and the loss is that of the targets.
    term = term_of('pose_to_imu', model)
    for parameter in term.decoder.samples.parameters():
        torch.nn.init.zeros_(parameter)
    found = term(inputs_of(model, batch, tiny_checkpoint)).item()
    errors = []
    for window in (0, 3):
        under = [bool(batch.pose_mask[window, 4 * k : 4 * k + 4].any()) for k in range(19)]
        for device in range(2):
            for at in range(150):
                if batch.imu_mask[window, device, at] and under[at // 8]:
                    sample = batch.imu[window, device, at].numpy().astype(float)
                    sizes = [np.linalg.norm(sample[:3]) / 9.80665, np.linalg.norm(sample[3:]) / 3]
                    for value in (*sample[:3] / 9.80665, *sample[3:] / 3, *sizes):
                        size = abs(value)
                        errors.append(size - 0.5 if size > 1 else size**2 / 2)
    assert found == pytest.approx(np.mean(errors), rel=1e-4)


def test_placement_is_part_of_the_question(model, batch, tiny_checkpoint):
    term = term_of('pose_to_imu', model)
    moved = replace(batch, placement=batch.placement.flip(dims=[1]))
    first, second = (term(inputs_of(model, b, tiny_checkpoint)).item() for b in (batch, moved))
    assert first != pytest.approx(second, rel=1e-6)


def test_only_what_was_hidden_and_had_been_there_counts(model, batch):
    how, generator = Hiding(0.3, 2, 0.3), torch.Generator().manual_seed(0)
    for head, modality in ((PoseReconstruction(model), 'pose'), (ImuReconstruction(model), 'imu')):
        hidden = head.hide(batch, how, generator)
        with torch.no_grad():
            error, counts = head(batch, hidden, model.steps(hidden)[modality])
        assert error.shape == counts.shape
        if modality == 'pose':
            joints = batch.pose_mask & ~hidden.pose_mask
            assert torch.equal(counts[..., :48].unflatten(-1, (16, 3)).all(dim=-1), joints)
            assert torch.equal(counts[..., 48], joints.any(2) & ~hidden.pose_mask.any(2))
        else:
            expected = (batch.imu_mask & ~hidden.imu_mask)[batch.imu_mask.any(dim=2)]
            assert torch.equal(counts.all(dim=-1), expected)


def test_the_encoder_does_not_see_what_it_shall_reconstruct(model, batch):
    how, generator = Hiding(0.3, 2, 0.3), torch.Generator().manual_seed(0)
    for head in (PoseReconstruction(model), ImuReconstruction(model)):
        hidden = head.hide(batch, how, generator)
        with torch.no_grad():
            first, second = model.steps(hidden), model.steps(with_garbage(hidden))
        for modality, steps in first.items():
            assert torch.allclose(steps.values, second[modality].values, atol=1e-5)


def test_a_hidden_device_is_decoded_from_the_others(model, batch):
    head = ImuReconstruction(model)
    mask = batch.imu_mask.clone()
    mask[0, 0] = False
    hidden = replace(batch, imu_mask=mask)
    with torch.no_grad():
        steps = model.steps(hidden)['imu']
        found, counts = head(batch, hidden, steps)
        other = Steps(steps.values.index_fill(1, torch.tensor([1]), 0.0), steps.keep)
        changed, _ = head(batch, hidden, other)
    assert counts[0].all() and not counts[1].any()
    assert not torch.allclose(found[0], changed[0])


def test_reconstruction_leaves_the_running_statistics_alone(model, batch, tiny_checkpoint):
    inputs = inputs_of(model.train(), batch, tiny_checkpoint)
    before = {n: b.clone() for n, b in model.named_buffers() if 'running' in n}
    term_of('reconstruction', model)(inputs)
    assert before
    assert all(torch.equal(b, dict(model.named_buffers())[n]) for n, b in before.items())
    model.steps(batch)
    assert not all(torch.equal(b, dict(model.named_buffers())[n]) for n, b in before.items())


def test_the_order_of_devices_does_not_matter(model, batch):
    head = ImuReconstruction(model)
    mask = batch.imu_mask.clone()
    mask[:, :, 50:80] = False
    found = []
    for order in ([0, 1], [1, 0]):
        moved = replace(
            batch, imu=batch.imu[:, order], imu_mask=batch.imu_mask[:, order],
            placement=batch.placement[:, order],
        )  # fmt: skip
        hidden = replace(moved, imu_mask=mask[:, order])
        with torch.no_grad():
            error, counts = head(moved, hidden, model.steps(hidden)['imu'])
        found.append(float((error * counts).sum()))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


@pytest.mark.parametrize(
    'options', [{'modalities': ['smell']}, {'time': 1.5}, {'spans': 0}, {'modalities': []}]
)
def test_what_cannot_be_hidden_is_refused(model, options):
    with pytest.raises(ValueError, match='reconstruction: expected'):
        TERMS.make('reconstruction', model, **options)


@pytest.mark.parametrize('name', DECODING)
def test_a_process_without_windows_still_takes_the_backward_pass(
    name, model, batch, tiny_checkpoint, monkeypatch
):
    """As one of several processes, of which another has what this one lacks."""
    monkeypatch.setattr('mujo_core.objectives.gather.mean_over_ranks', lambda count: count + 5.0)
    model.always = frozenset(model.modalities)
    empty = batch.without('pose').without('imu')
    found = term_of(name, model.eval())(inputs_of(model, empty, tiny_checkpoint))
    found.backward()
    assert found.item() == 0.0
    encoder = model.imu if name == 'imu_to_pose' else model.pose
    assert encoder.trunk.stem.weight.grad is not None
    assert not encoder.trunk.stem.weight.grad.any()
