"""Objectives as a run uses them: from its configuration to the optimizer's step."""

from pathlib import Path

import lightning
import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

import mujo_core
from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.classification import classification
from mujo_core.objectives.contrastive import info_nce
from mujo_core.objectives.multitask import MultitaskLoss, ObjectiveSettings
from mujo_core.objectives.registry import STRATEGIES, TERMS
from mujo_core.objectives.term import OUTLIER, CleanWindows, TermInputs
from mujo_core.training.config import read_config
from mujo_core.training.module import FitSettings, JointSpaceModule
from mujo_core.window import WindowSpec

DOCUMENT = Path(mujo_core.__file__).parents[1] / 'doc' / 'objectives.md'
WRIST, THIGH = 'right_wrist', 'left_thigh'
EVERYTHING = dict.fromkeys(TERMS.names, 1.0)
LABELS = torch.tensor([0, 1, 0, 2, -1, 3])


@pytest.fixture
def model(tiny_checkpoint) -> JointSpace:
    torch.manual_seed(0)
    return JointSpace(tiny_checkpoint.model.settings)


@pytest.fixture
def sentences(tiny_checkpoint) -> torch.Tensor:
    return torch.from_numpy(tiny_checkpoint.sentences)


@pytest.fixture
def batch(make_window) -> Batch:
    windows = [make_window(i, imu=[WRIST, THIGH]) for i in range(3)]
    windows += [make_window(3), make_window(4, pose=0.0, imu=[WRIST]), make_window(5, imu=[THIGH])]
    return batch_windows(windows, WindowSpec())


def rows(batch: Batch, which: list[int]) -> Batch:
    return Batch(**{name: value[which] for name, value in batch.__dict__.items()})


def test_the_defaults_are_classification_and_half_the_contrast(model, batch, sentences):
    model.eval()
    labels = LABELS.clamp(min=0)
    inputs = TermInputs.encode(model, batch, labels, sentences)
    found, losses = MultitaskLoss(model, read_config(None).objectives)(inputs)
    vectors, present, names = model.encode(batch), batch.present, model.label_vectors(sentences)
    units = {m: functional.normalize(v, dim=-1) for m, v in vectors.items()}
    everywhere = present['pose'] | present['imu']
    expected = classification(model.logits(model(batch), names), labels, everywhere, 0.1)
    for modality, unit in units.items():
        expected += classification(model.logits(unit, names), labels, present[modality], 0.1)
    both = present['pose'] & present['imu']
    contrast = info_nce(units['pose'], units['imu'], labels, both, model.log_contrast.exp())
    assert losses['info_nce'].item() == pytest.approx(contrast.item(), rel=1e-5)
    assert found.item() == pytest.approx((expected + 0.5 * contrast).item(), rel=1e-5)


def test_terms_are_named_weighed_and_left_out_from_the_command_line():
    found = read_config(
        None,
        ['--objectives.terms.siglip', '0.3', '--objectives.terms.info_nce', '0',
         '--objectives.options.classification.lone', '2', '--objectives.strategy', 'gradnorm',
         '--objectives.strategy_options.alpha', '0.5'],
    ).objectives  # fmt: skip
    assert found.terms == {'classification': 1.0, 'info_nce': 0.0, 'siglip': 0.3}
    assert found.options['classification'] == {'lone': 2}
    assert (found.strategy, found.strategy_options) == ('gradnorm', {'alpha': 0.5})


@pytest.mark.parametrize(
    ('argument', 'value', 'line'),
    [
        ('terms.guess', '1', "expected a term out of classification, .*; 'guess' came"),
        ('terms.siglip', '-1', 'term siglip: expected a weight of at least 0, -1.0 came'),
        ('terms.siglip', 'much', 'objectives.terms'),
        ('options.siglip.heat', '1', "term siglip has the options text, .*; 'heat' came"),
        ('options.siglip.text', '3', 'option text of term siglip: .* True, 3 came'),
        ('strategy', 'luck', "expected a strategy out of fixed, .*; 'luck' came"),
        ('strategy_options.alpha', '1', "strategy fixed has the options none; 'alpha' came"),
    ],
)
def test_settings_that_are_wrong_are_refused_in_one_line(argument, value, line):
    with pytest.raises(ValueError, match=line) as caught:
        read_config(None, [f'--objectives.{argument}', value])
    assert '\n' not in str(caught.value)


def test_a_run_without_any_term_is_refused():
    with pytest.raises(ValueError, match='a weight above 0 for a term out of'):
        ObjectiveSettings(terms={'classification': 0.0})


@pytest.mark.parametrize('strategy', STRATEGIES.names)
@pytest.mark.parametrize('left', ['pose', 'imu', 'nothing', 'no labels'])
def test_whatever_is_absent_gradients_are_finite(strategy, left, model, batch, sentences):
    loss = MultitaskLoss(model, ObjectiveSettings(EVERYTHING, strategy=strategy))
    labels = LABELS
    if left == 'no labels':
        labels = torch.full_like(LABELS, -1)
    else:
        for modality in {'pose', 'imu'} - {left}:
            batch = batch.without(modality)
    total, losses = loss(TermInputs.encode(model, batch, labels, sentences))
    total.backward()
    assert bool(losses) == (left != 'nothing')
    assert ('classification' in losses) == (left in ('pose', 'imu'))
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in [total.detach(), *gradients, *losses.values()])


def test_heads_are_not_in_the_checkpoint(model):
    names = set(model.state_dict())
    loss = MultitaskLoss(model, ObjectiveSettings(EVERYTHING))
    assert set(model.state_dict()) == names
    assert len(list(loss.parameters())) > 10
    assert not {id(p) for p in loss.parameters()} & {id(p) for p in model.parameters()}


class Pairs(torch.utils.data.Dataset):
    """Halves of a batch, as a loader gives them."""

    def __init__(self, halves: list) -> None:
        self.halves = halves

    def __len__(self) -> int:
        return len(self.halves)

    def __getitem__(self, index: int) -> tuple[Batch, torch.Tensor]:
        return self.halves[index]


@pytest.mark.parametrize('strategy', STRATEGIES.names)
def test_accumulation_clipping_and_logging_work_with_every_strategy(
    strategy, model, batch, sentences
):
    """One optimizer step of two batches: the mean of their gradients, clipped."""
    model.eval()
    halves = [
        (rows(batch, [0, 1, 3]), LABELS[[0, 1, 3]]),
        (rows(batch, [2, 5, 4]), LABELS[[2, 5, 4]]),
    ]
    objectives = ObjectiveSettings({'classification': 1.0, 'pose_to_imu': 2.0}, strategy=strategy)
    torch.manual_seed(1)
    module = JointSpaceModule(model, sentences, FitSettings(steps=1), objectives)
    strategy_state = {k: v.clone() for k, v in module.objectives.strategy.state_dict().items()}
    for windows, labels in halves:
        inputs = TermInputs.encode(model, windows, labels, sentences)
        (module.objectives(inputs)[0] / 2).backward()
    expected = {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}
    norm = torch.stack([g.norm() for g in expected.values()]).norm()
    assert float(norm) > 0.1
    module.zero_grad()
    module.objectives.strategy.load_state_dict(strategy_state)

    class Keep(lightning.Callback):
        def on_train_batch_end(self, trainer, module, *rest) -> None:
            self.found = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}

        def on_train_start(self, trainer, module) -> None:
            module.model.eval()

    keep = Keep()
    trainer = lightning.Trainer(
        max_steps=1, accumulate_grad_batches=2, gradient_clip_val=0.1, callbacks=[keep],
        accelerator='cpu', logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(Pairs(halves), batch_size=None))
    assert set(keep.found) == set(expected)
    for name, gradient in expected.items():
        close = torch.allclose(keep.found[name], gradient * 0.1 / norm, rtol=1e-3, atol=1e-6)
        assert close, name
    assert {
        'loss/classification', 'loss/pose_to_imu', 'weight/classification', 'weight/pose_to_imu',
    } <= set(trainer.logged_metrics)  # fmt: skip


@pytest.mark.parametrize('name', sorted({*TERMS.names} - {'video_to_pose'}))
def test_every_term_is_learned(name, model, batch, sentences):
    model.train()
    torch.manual_seed(0)
    loss = MultitaskLoss(model, ObjectiveSettings({name: 1.0}))
    optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()], lr=5e-3)
    history = []
    # Each window stands for its neighbour, corrupted: only the term consistency asks for it.
    clean = CleanWindows(rows(batch, [1, 0, 3, 2, 5, 4]), torch.arange(6))
    labels = LABELS.masked_fill(LABELS < 0, OUTLIER)  # and what is unknown is none of the labels
    for _ in range(120):
        total, losses = loss(TermInputs.encode(model, batch, labels, sentences, clean=clean))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(losses[name].item())
    assert sum(history[-5:]) < 0.8 * sum(history[:5])


def test_the_documented_term_of_ones_own_works(model, batch, sentences):
    text = DOCUMENT.read_text(encoding='utf-8')
    code = text.split('```python\n')[1].split('```')[0]
    try:
        exec(compile(code, str(DOCUMENT), 'exec'), {'__name__': 'documented'})
        settings = read_config(
            None,
            ['--objectives.terms.short_vectors', '0.1',
             '--objectives.options.short_vectors.length', '0.5'],
        ).objectives  # fmt: skip
        _, losses = MultitaskLoss(model, settings)(
            TermInputs.encode(model.eval(), batch, LABELS, sentences)
        )
        lengths = model.encode(batch)['imu'].norm(dim=1)[batch.present['imu']]
        expected = ((lengths - 0.5).clamp(min=0) ** 2).mean().item()
        assert losses['short_vectors'].item() == pytest.approx(expected) != 0.0
    finally:
        TERMS.classes.pop('short_vectors', None)


def test_the_document_names_every_term_strategy_and_option():
    text = DOCUMENT.read_text(encoding='utf-8')
    for registry in (TERMS, STRATEGIES):
        for name in registry.names:
            line = next(line for line in text.splitlines() if line.startswith(f'| `{name}`'))
            assert all(f'`{option}`' in line for option in registry.defaults(name))
