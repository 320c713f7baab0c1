"""Loss terms against formulas written out in numpy."""

import numpy as np
import pytest
import torch

from mujo_core.objectives import classification, info_nce


def unit(rows: int, size: int, seed: int) -> torch.Tensor:
    found = torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    return found / found.norm(dim=1, keepdim=True)


def log_softmax(row: np.ndarray) -> np.ndarray:
    return row - np.log(np.exp(row - row.max()).sum()) - row.max()


def test_classification_is_cross_entropy_with_smoothing():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
    labels = torch.tensor([0, 3, 2, 1, 1])
    present = torch.tensor([True, True, False, True, False])
    smoothing, terms = 0.1, []
    for row, label, there in zip(logits.numpy(), labels.numpy(), present.numpy(), strict=True):
        if there:
            target = np.full(4, smoothing / 4)
            target[label] += 1 - smoothing
            terms.append(-(target * log_softmax(row.astype(float))).sum())
    found = classification(logits, labels, present, smoothing)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-5)


def test_absent_windows_get_no_gradient():
    logits = torch.randn(3, 4, requires_grad=True)
    classification(
        logits, torch.tensor([0, 1, 2]), torch.tensor([True, False, True]), 0.1
    ).backward()
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
    assert logits.grad[0].abs().max() > 0


def test_without_windows_the_losses_are_zero_and_differentiable():
    logits = torch.randn(3, 4, requires_grad=True)
    nothing = torch.zeros(3, dtype=torch.bool)
    one = torch.tensor([True, False, False])
    labels = torch.tensor([0, 1, 2])
    loss = classification(logits, labels, nothing, 0.1)
    loss = loss + info_nce(logits, logits, labels, one, torch.tensor(10.0))
    assert loss.item() == 0.0
    loss.backward()
    assert logits.grad is not None and not logits.grad.any()


def reference_info_nce(first, second, labels, scale) -> float:
    """Mean over both directions and all anchors of -log share of the partner."""
    similarity = scale * first @ second.T
    terms = []
    for matrix in (similarity, similarity.T):
        for i in range(len(labels)):
            others = [j for j in range(len(labels)) if j == i or labels[j] != labels[i]]
            terms.append(-log_softmax(matrix[i, others])[others.index(i)])
    return float(np.mean(terms))


def test_info_nce_pulls_partners_and_spares_windows_of_one_label():
    first, second = unit(7, 5, 1), unit(7, 5, 2)
    labels = torch.tensor([0, 1, 0, 2, 2, 0, 3])
    present = torch.tensor([True, True, True, True, False, True, True])
    found = info_nce(first, second, labels, present, torch.tensor(9.0))
    kept = present.numpy()
    expected = reference_info_nce(
        first.numpy()[kept].astype(float),
        second.numpy()[kept].astype(float),
        labels.numpy()[kept],
        9.0,
    )
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_info_nce_is_the_same_from_both_sides():
    first, second, labels = unit(6, 5, 3), unit(6, 5, 4), torch.arange(6)
    present, scale = torch.ones(6, dtype=torch.bool), torch.tensor(5.0)
    forward = info_nce(first, second, labels, present, scale)
    assert float(forward) == pytest.approx(float(info_nce(second, first, labels, present, scale)))


def test_windows_of_one_label_alone_have_nothing_to_be_told_from():
    labels, present = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.bool)
    found = info_nce(unit(4, 5, 1), unit(4, 5, 2), labels, present, torch.tensor(9.0))
    assert float(found) == pytest.approx(0.0, abs=1e-6)


def test_partners_that_agree_cost_less():
    first, labels, present = unit(8, 16, 1), torch.arange(8), torch.ones(8, dtype=torch.bool)
    scale = torch.tensor(9.0)
    near = info_nce(first, first, labels, present, scale)
    far = info_nce(first, first.roll(1, dims=0), labels, present, scale)
    assert float(near) < 0.5 < float(far)
