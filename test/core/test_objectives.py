"""Classification and contrast against formulas written out in numpy."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mujo_core.model.batch import PLACEMENT_WORDS, Batch
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.objectives.classification import classification
from mujo_core.objectives.contrastive import info_nce, other_windows_of_the_label, siglip
from mujo_core.objectives.outlier_exposure import from_uniform
from mujo_core.objectives.registry import TERMS
from mujo_core.objectives.term import OUTLIER, TermInputs

SCALE, BIAS = torch.tensor(9.0), torch.tensor(-3.0)


def unit(rows: int, size: int, seed: int) -> torch.Tensor:
    found = torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    return found / found.norm(dim=1, keepdim=True)


def log_softmax(row: np.ndarray) -> np.ndarray:
    return row - np.log(np.exp(row - row.max()).sum()) - row.max()


def doubles(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [t.detach().numpy().astype(float) for t in tensors]


def present(*flags: int) -> torch.Tensor:
    return torch.tensor(flags, dtype=torch.bool)


def inputs_of(
    pose: torch.Tensor, imu: torch.Tensor, labels: torch.Tensor, has: tuple[torch.Tensor, ...]
) -> TermInputs:
    """What a step is whose encoders gave these vectors; `has`: windows with pose, with an IMU."""
    count = len(labels)
    batch = Batch(
        pose=torch.zeros(count, 2, 16, 3),
        pose_mask=has[0][:, None, None].expand(-1, 2, 16),
        root=torch.zeros(count, 2, 4),
        imu=torch.zeros(count, 1, 4, 6),
        imu_mask=has[1][:, None, None].expand(-1, 1, 4),
        placement=torch.zeros(count, 1, len(PLACEMENT_WORDS)),
        video=torch.zeros(count, 0, 4),
        video_mask=torch.zeros(count, 0, dtype=torch.bool),
    )
    vectors = {'pose': pose * has[0][:, None], 'imu': imu * has[1][:, None]}
    torch.manual_seed(0)
    model = JointSpace(ModelSettings(size=pose.shape[1], width=8))
    return TermInputs(model, batch, labels, unit(4, pose.shape[1], 9), {}, vectors)


# Classification


WIDER = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
"""Labels 0 and 2 are two kinds of label 1."""


def test_a_kind_and_what_it_is_a_kind_of_are_not_each_others_negatives():
    logits = unit(3, 4, 3) * 5.0
    labels, there = torch.tensor([0, 1, 3]), present(1, 1, 1)
    loss = classification(logits, labels, there, 0.1, WIDER)
    rows = doubles(logits)[0]

    def against(row: np.ndarray, label: int, others: list[int]) -> float:
        scores = log_softmax(row[others])
        return -0.9 * scores[others.index(label)] - 0.1 * scores.mean()

    expected = [
        # A window of a kind is learned from under both labels, each among those it excludes.
        (against(rows[0], 0, [0, 2, 3]) + against(rows[0], 1, [1, 3])) / 2,
        against(rows[1], 1, [1, 3]),
        against(rows[2], 3, [0, 1, 2, 3]),
    ]
    assert loss is not None
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)


def test_without_relations_it_is_plain_cross_entropy():
    logits, labels, there = unit(3, 4, 3) * 5.0, torch.tensor([0, 1, 3]), present(1, 1, 1)
    none = torch.zeros_like(WIDER)
    plain = classification(logits, labels, there, 0.1)
    assert plain is not None
    assert classification(logits, labels, there, 0.1, none) == pytest.approx(float(plain))


def test_windows_of_a_kind_and_of_what_it_is_a_kind_of_are_no_pair_to_push_apart():
    labels = torch.tensor([0, 1, 2, 3, -1])
    same = other_windows_of_the_label(labels, WIDER)
    pairs = {(int(a), int(b)) for a, b in torch.nonzero(same)}
    assert pairs == {(0, 1), (1, 0), (1, 2), (2, 1)}


def reference_classification(logits, labels, counts, smoothing) -> float:
    terms = []
    for row, label, there in zip(logits, labels, counts, strict=True):
        if there:
            target = np.full(len(row), smoothing / len(row))
            target[label] += 1 - smoothing
            terms.append(-(target * log_softmax(row)).sum())
    return float(np.mean(terms))


def test_classification_is_cross_entropy_with_smoothing():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
    labels, there = torch.tensor([0, 3, 2, 1, 1]), present(1, 1, 0, 1, 0)
    found = classification(logits, labels, there, 0.1)
    expected = reference_classification(*doubles(logits), labels.numpy(), there.numpy(), 0.1)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_windows_that_are_absent_or_unlabelled_get_no_gradient():
    logits = torch.randn(4, 4, requires_grad=True)
    classification(logits, torch.tensor([0, 1, 2, -1]), present(1, 0, 1, 1), 0.1).backward()
    assert logits.grad.abs().amax(dim=1).bool().tolist() == [True, False, True, False]


def test_classification_sums_the_fused_vector_and_each_modality_alone():
    has = present(1, 1, 1, 0), present(1, 0, 1, 0)
    inputs = inputs_of(unit(4, 6, 1) * 3, unit(4, 6, 2), torch.tensor([1, 0, 3, 2]), has)
    found = TERMS.make('classification', inputs.model, smoothing=0.2, lone=0.7)(inputs)
    pose, imu, names = doubles(*inputs.vectors.values(), inputs.label_vectors)
    scale, expected = np.exp(2.5), 0.0
    for vectors, there, weight in ((pose + imu, has[0] | has[1], 1.0), (pose, has[0], 0.7),
                                   (imu, has[1], 0.7)):  # fmt: skip
        units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        logits = scale * units @ names.T
        expected += weight * reference_classification(
            logits, inputs.labels.numpy(), there.numpy(), 0.2
        )
    assert found.item() == pytest.approx(expected, rel=1e-5)


# Outlier exposure


def test_all_labels_alike_is_where_outliers_shall_be():
    logits = torch.tensor([[2.0, 2.0, 2.0, 2.0], [2.0, 0.0, 1.0, -1.0]])
    even, uneven = from_uniform(logits)
    assert even.item() == pytest.approx(0.0, abs=1e-6)
    expected = np.mean(np.log(1 / 4) - log_softmax(np.array([2.0, 0.0, 1.0, -1.0])))
    assert uneven.item() == pytest.approx(expected, rel=1e-5)


def test_outliers_alone_are_exposed_as_one_and_by_each_modality_alone():
    has = present(1, 1, 1, 0, 1), present(1, 0, 1, 1, 1)
    labels = torch.tensor([OUTLIER, OUTLIER - 7, 2, OUTLIER - 8, -5])
    pose, imu = unit(5, 6, 1).requires_grad_(), unit(5, 6, 2).requires_grad_()
    inputs = inputs_of(pose, imu, labels, has)
    inputs.label_vectors.requires_grad_()
    found = TERMS.make('outlier_exposure', inputs.model, lone=0.5)(inputs)
    names, scale, expected = inputs.label_vectors, float(np.exp(2.5)), 0.0
    for vectors, rows, weight in (
        (torch.stack([pose[0] + imu[0], pose[1], imu[3]]), 3, 1.0),
        (pose[[0, 1]], 2, 0.5),
        (imu[[0, 3]], 2, 0.5),
    ):
        logits = scale * functional.normalize(vectors, dim=1) @ names.T
        assert len(logits) == rows
        expected += weight * from_uniform(logits).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    assert inputs.model.log_scale.grad is None and names.grad is None
    assert pose.grad.abs().amax(dim=1).bool().tolist() == [True, True, False, False, False]
    assert imu.grad.abs().amax(dim=1).bool().tolist() == [True, False, False, True, False]


def test_labels_pass_outliers_over_and_outliers_are_no_label():
    there = torch.ones(4, dtype=torch.bool)
    strange = OUTLIER - torch.arange(4)
    inputs = inputs_of(unit(4, 6, 1), unit(4, 6, 2), strange, (there, there))
    assert TERMS.make('classification', inputs.model)(inputs) is None
    inputs = inputs_of(unit(4, 6, 1), unit(4, 6, 2), -1 - torch.arange(4), (there, there))
    assert TERMS.make('outlier_exposure', inputs.model)(inputs) is None


# Contrast


def reference_info_nce(first, second, labels, scale) -> float:
    """Mean over both directions and all anchors of -log share of the partner."""
    similarity = scale * first @ second.T
    terms = []
    for matrix in (similarity, similarity.T):
        for i in range(len(labels)):
            others = [j for j in range(len(labels)) if j == i or labels[j] != labels[i]]
            terms.append(-log_softmax(matrix[i, others])[others.index(i)])
    return float(np.mean(terms))


def reference_siglip(first, second, labels, scale, bias) -> float:
    """Sum over pairs that are one window or of two labels, by the number of windows."""
    total = 0.0
    for i in range(len(labels)):
        for j in range(len(labels)):
            if i == j or labels[i] != labels[j]:
                sign = 1.0 if i == j else -1.0
                total += np.log1p(np.exp(-sign * (scale * first[i] @ second[j] + bias)))
    return float(total / len(labels))


def losses(first, second, labels, there):
    return (
        info_nce(first, second, labels, there, SCALE),
        siglip(first, second, labels, there, SCALE, BIAS),
    )


def test_partners_are_pulled_and_windows_of_one_label_spared():
    first, second = unit(7, 5, 1), unit(7, 5, 2)
    labels, there = torch.tensor([0, 1, 0, 2, 2, 0, 3]), present(1, 1, 1, 1, 0, 1, 1)
    kept = there.numpy()
    rows = [x[kept] for x in doubles(first, second)]
    nce, sigmoid = losses(first, second, labels, there)
    assert float(nce) == pytest.approx(reference_info_nce(*rows, labels.numpy()[kept], 9.0), 1e-5)
    expected = reference_siglip(*rows, labels.numpy()[kept], 9.0, -3.0)
    assert float(sigmoid) == pytest.approx(expected, rel=1e-5)


def test_unlabelled_windows_are_all_different():
    first, second, there = unit(6, 5, 1), unit(6, 5, 2), torch.ones(6, dtype=torch.bool)
    unknown = torch.tensor([-1, -1, 0, -1, 1, -1])
    distinct = torch.tensor([2, 3, 0, 4, 1, 5])
    for found, expected in zip(
        losses(first, second, unknown, there), losses(first, second, distinct, there), strict=True
    ):
        assert found.item() == pytest.approx(float(expected))


def test_contrast_is_the_same_from_both_sides_and_in_any_order():
    first, second = unit(6, 5, 3), unit(6, 5, 4)
    labels, there = torch.tensor([0, 1, 1, 2, -1, -1]), present(1, 1, 1, 1, 1, 0)
    order = torch.tensor([3, 5, 0, 4, 2, 1])
    expected = losses(first, second, labels, there)
    for found in (
        losses(second, first, labels, there),
        losses(first[order], second[order], labels[order], there[order]),
    ):
        assert [float(x) for x in found] == pytest.approx([float(x) for x in expected], rel=1e-5)


def test_windows_of_one_label_alone_have_nothing_to_be_told_from():
    labels, there = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.bool)
    found = info_nce(unit(4, 5, 1), unit(4, 5, 2), labels, there, SCALE)
    assert found.item() == pytest.approx(0.0, abs=1e-6)


def test_partners_that_agree_cost_less():
    first, labels, there = unit(8, 16, 1), torch.arange(8), torch.ones(8, dtype=torch.bool)
    near, far = (losses(first, x, labels, there) for x in (first, first.roll(1, dims=0)))
    assert float(near[0]) < 0.5 < float(far[0])
    assert float(near[1]) < float(far[1])


@pytest.mark.parametrize('name', ['info_nce', 'siglip'])
@pytest.mark.parametrize('text', [True, False])
def test_a_term_is_the_mean_over_the_pairs_that_windows_hold(name, text):
    has = present(1, 1, 1, 0, 1), present(1, 1, 0, 1, 1)
    labels = torch.tensor([2, 0, 1, 3, -1])
    inputs = inputs_of(unit(5, 6, 1) * 3, unit(5, 6, 2), labels, has)
    term = TERMS.make(name, inputs.model, text=text)
    views = {'pose': (unit(5, 6, 1), has[0]), 'imu': (unit(5, 6, 2), has[1])}
    if text:
        views['text'] = (inputs.label_vectors[labels.clamp(min=0)], labels >= 0)
    expected = []
    for (first, one), (second, other) in combinations(views.values(), 2):
        kept = (one & other).numpy()
        rows = [x[kept] for x in doubles(first, second)]
        if name == 'info_nce':
            expected.append(reference_info_nce(*rows, labels.numpy()[kept], np.exp(2.5)))
        else:
            expected.append(reference_siglip(*rows, labels.numpy()[kept], 10.0, -4.0))
    assert len(expected) == (3 if text else 1)
    assert term(inputs).item() == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.parametrize('name', ['info_nce', 'siglip'])
def test_temperature_and_bias_are_learned(name):
    there = torch.ones(6, dtype=torch.bool)
    inputs = inputs_of(unit(6, 6, 1), unit(6, 6, 2), torch.arange(6) % 4, (there, there))
    term = TERMS.make(name, inputs.model)
    term(inputs).backward()
    learned = {'info_nce': [inputs.model.log_contrast], 'siglip': list(term.parameters())}[name]
    assert len(learned) == (1 if name == 'info_nce' else 2)
    assert all(float(p.grad.abs()) > 1e-4 for p in learned)
    assert not [n for n in inputs.model.state_dict() if 'siglip' in n]


@pytest.mark.parametrize('name', ['classification', 'info_nce', 'siglip'])
def test_what_a_masked_window_holds_does_not_matter(name):
    has = present(1, 1, 0, 1), present(1, 1, 1, 0)
    labels = torch.tensor([0, 1, -1, 2])
    found = []
    for garbage in (1.0, 50.0):
        pose, imu = unit(4, 6, 1), unit(4, 6, 2)
        pose[2], imu[3] = garbage, -garbage
        inputs = inputs_of(pose, imu, labels, has)
        found.append(float(TERMS.make(name, inputs.model)(inputs)))
    assert found[0] == found[1]


@pytest.mark.parametrize('name', ['classification', 'info_nce', 'siglip', 'outlier_exposure'])
def test_without_windows_there_is_no_loss(name):
    nothing = torch.zeros(3, dtype=torch.bool)
    inputs = inputs_of(unit(3, 6, 1), unit(3, 6, 2), torch.arange(3), (nothing, nothing))
    assert TERMS.make(name, inputs.model)(inputs) is None


def test_without_labels_only_the_modalities_are_contrasted():
    there = torch.ones(5, dtype=torch.bool)
    unknown = torch.full((5,), -1)
    inputs = inputs_of(unit(5, 6, 1), unit(5, 6, 2), unknown, (there, there))
    assert TERMS.make('classification', inputs.model)(inputs) is None
    found = TERMS.make('info_nce', inputs.model, text=True)(inputs)
    scale = float(np.exp(2.5))
    expected = reference_info_nce(*doubles(unit(5, 6, 1), unit(5, 6, 2)), np.arange(5), scale)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_units_of_absent_modalities_are_zero():
    has = present(1, 0), present(1, 1)
    inputs = inputs_of(unit(2, 6, 1) * 4, unit(2, 6, 2) * 4, torch.arange(2), has)
    lengths = {m: u.norm(dim=1).tolist() for m, u in inputs.units.items()}
    assert lengths['pose'] == pytest.approx([1.0, 0.0])
    assert lengths['imu'] == pytest.approx([1.0, 1.0])
    assert torch.allclose(inputs.fused[1], functional.normalize(inputs.vectors['imu'][1], dim=0))


@pytest.mark.parametrize('term', ['info_nce', 'siglip'])
def test_a_modality_left_out_of_the_pairs_is_not_moved(term):
    torch.manual_seed(0)
    model = JointSpace(ModelSettings(size=8, width=4))
    units = {
        m: functional.normalize(torch.randn(6, 8), dim=1).requires_grad_()
        for m in ('video', 'pose', 'imu')
    }
    there = torch.ones(6, dtype=torch.bool)
    inputs = SimpleNamespace(
        model=model, units=units, present=dict.fromkeys(units, there), labels=torch.arange(6),
        labelled=there, label_vectors=torch.zeros(0, 8), wider=None,
    )  # fmt: skip
    TERMS.make(term, model, text=False, without=['video'])(inputs).backward()
    assert units['video'].grad is None
    assert units['pose'].grad.abs().sum() > 0 < units['imu'].grad.abs().sum()
    with pytest.raises(ValueError, match=f'{term}: expected without as a list out of .*smell'):
        TERMS.make(term, model, without=['smell'])
