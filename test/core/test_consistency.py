"""Consistency: the corrupted window is pulled to the clean one, which stays where it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.objectives.multitask import MultitaskLoss, ObjectiveSettings
from mujo_core.objectives.registry import TERMS
from mujo_core.objectives.term import CleanWindows, TermInputs
from mujo_core.window import Window, WindowSpec, make_window

SPEC = WindowSpec()
SENTENCES = torch.randn(3, 384, generator=torch.Generator().manual_seed(5))


def window(seed: int, noise: float = 0.0, pose: bool = True) -> Window:
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 100)
    body = rng.normal(size=(16, 3)) + np.cumsum(rng.normal(size=(75, 16, 3)) * 0.02, axis=0)
    samples = rng.normal(size=(150, 6)) + noise * other.normal(size=(150, 6))
    seen = np.ones(150, dtype=bool)
    pieces = {'imu/right_wrist': (samples.astype(np.float32), seen)}
    if pose:
        pieces['pose'] = body.astype(np.float32), np.ones(75, dtype=bool)
    return make_window(pieces, 3.0, 3.0, SPEC)


@pytest.fixture
def model() -> JointSpace:
    torch.manual_seed(0)
    return JointSpace(ModelSettings(size=16, width=8, dropout=0.5)).train()


def inputs(model: JointSpace, windows: list[Window], clean: dict[int, Window]) -> TermInputs:
    rows = torch.tensor(list(clean), dtype=torch.int64)
    told = CleanWindows(batch_windows(list(clean.values()), SPEC), rows)
    labels = torch.zeros(len(windows), dtype=torch.int64)
    batch = batch_windows(windows, SPEC)
    return TermInputs.encode(model, batch, labels, SENTENCES, clean=told)


def vectors_in_use(model: JointSpace, batch: Batch) -> dict[str, torch.Tensor]:
    model.eval()
    with torch.no_grad():
        found = {m: functional.normalize(v, dim=1) for m, v in model.encode(batch).items()}
        found['fused'] = model(batch)
    model.train()
    return found


def test_it_is_the_mean_cosine_distance_of_the_corrupted_windows(model):
    clean = {1: window(1), 3: window(3)}
    windows = [window(0), window(1, 1.0), window(2), window(3, 1.0, pose=False)]
    given = inputs(model, windows, clean)
    wanted = vectors_in_use(model, given.clean.batch)
    loss = TERMS.make('consistency', model, lone=0.5)(given)

    def mean(corrupted: torch.Tensor, name: str, rows: list[int]) -> float:
        places = [list(clean).index(row) for row in rows]
        return (1 - (corrupted[rows] * wanted[name][places]).sum(dim=1)).mean().item()

    # The last one has lost its pose: nothing of it is pulled there.
    expected = mean(given.fused, 'fused', [1, 3])
    expected += 0.5 * mean(given.units['imu'], 'imu', [1, 3])
    expected += 0.5 * mean(given.units['pose'], 'pose', [1])
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_labels_are_compared_by_their_divergence(model):
    given = inputs(model, [window(0), window(1, 1.0)], {1: window(1)})
    loss = TERMS.make('consistency', model, of='labels', lone=0.0)(given)
    wanted = vectors_in_use(model, given.clean.batch)['fused']
    p, q = (
        torch.softmax(model.logits(v, given.label_vectors), dim=1).detach().double()
        for v in (wanted, given.fused[[1]])
    )
    assert loss.item() == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-3)


def test_the_clean_window_gets_no_gradient_and_leaves_no_trace(model):
    statistics = {n: b.clone() for n, b in model.named_buffers()}
    windows = [window(0), window(1, 1.0)]
    batch = batch_windows(windows, SPEC)
    labels = torch.zeros(2, dtype=torch.int64)
    plain = TermInputs.encode(model, batch, labels, SENTENCES)
    after = {n: b.clone() for n, b in model.named_buffers()}
    clean = batch_windows([window(1)], SPEC)
    clean.pose.requires_grad_(True)
    told = replace(plain, clean=CleanWindows(clean, torch.tensor([1])))
    state = torch.random.get_rng_state()
    TERMS.make('consistency', model)(told).backward()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert clean.pose.grad is None
    assert all(torch.equal(b, after[n]) for n, b in model.named_buffers())
    assert any(not torch.equal(statistics[n], after[n]) for n in after)
    assert model.training and all(module.training for module in model.modules())
    moved = [p for p in model.imu.parameters() if p.grad is not None and p.grad.abs().max() > 0]
    assert moved


def test_a_step_brings_the_two_together(model):
    windows, clean = [window(0, 2.0), window(1, 2.0)], {0: window(0), 1: window(1)}
    term = TERMS.make('consistency', model)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        torch.manual_seed(0)
        loss = term(inputs(model, windows, clean))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_without_clean_windows_there_is_no_loss(model):
    given = inputs(model, [window(0)], {})
    term = TERMS.make('consistency', model)
    assert term(given) is None and term(replace(given, clean=None)) is None
    loss = MultitaskLoss(model, ObjectiveSettings({'classification': 1.0, 'consistency': 0.5}))
    _, losses = loss(given)
    assert set(losses) == {'classification'}


def test_an_option_that_is_not_there_is_refused_in_one_line(model):
    with pytest.raises(ValueError, match='vector, labels; pixels'):
        TERMS.make('consistency', model, of='pixels')
