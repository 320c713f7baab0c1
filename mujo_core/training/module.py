"""The Lightning module that fits a joint space by contrastive and multitask learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch.nn import functional
from torchmetrics.classification import MulticlassF1Score

from mujo_core.limits import check_least, check_positive, check_shares
from mujo_core.model.batch import Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.multitask import MultitaskLoss, ObjectiveSettings
from mujo_core.objectives.term import CleanWindows, TermInputs


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted.

    Attributes:
        steps: optimizer steps; batch_size: windows a step.
        learning_rate: the peak of the one-cycle schedule; weight_decay: of AdamW.
        seed: of weights and draws; workers: loader processes; threads: of torch, since with
            windows this small a second one gains little and loses much on a busy machine.
        average: decay of the moving average of the weights that is kept; 0 keeps the last ones.
        accumulate: batches whose gradients make one step; steps count steps, not batches.
        precision: of the computation: '32', 'bf16-mixed' or '16-mixed'.
        devices: processes on this machine, each with its share of every batch; `torchrun`'s where
            that starts them.
        snapshot_every: steps between snapshots from which a killed run continues; 0 for none.
        keep_snapshot: keep the last one when the run is done.
        validate_every: steps between looks at the held-out subjects (`data.validation`).
        monitor: what is watched there: 'macro_f1' or 'loss'; the best weights are kept.
        patience: so many looks without a better figure end the run.
        log_every: steps between TensorBoard points.
    """

    steps: int = 2500
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    seed: int = 0
    workers: int = 1
    threads: int = 1
    average: float = 0.995
    accumulate: int = 1
    precision: str = '32'
    devices: int = 1
    snapshot_every: int = 100
    keep_snapshot: bool = False
    validate_every: int = 50
    monitor: str = 'macro_f1'
    patience: int = 5
    log_every: int = 10

    def __post_init__(self) -> None:
        ones = ('steps', 'batch_size', 'threads', 'accumulate', 'devices')
        check_least('fit', self, 1, *ones, 'validate_every', 'patience', 'log_every')
        check_least('fit', self, 0, 'seed', 'workers', 'weight_decay', 'snapshot_every')
        check_positive('fit', self, 'learning_rate')
        check_shares('fit', self, 'average')


class JointSpaceModule(lightning.LightningModule):
    """Steps and optimizer of a `JointSpace`.

    Args:
        model: the joint space.
        sentences: (L, S) sentence embeddings of the labels.
        settings: how it is fitted.
        objectives: what it learns.
        wider: (L, L) bool, is the label of the column wider than that of the row?
    """

    def __init__(
        self,
        model: JointSpace,
        sentences: torch.Tensor,
        settings: FitSettings,
        objectives: ObjectiveSettings | None = None,
        wider: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.objectives = MultitaskLoss(model, objectives or ObjectiveSettings())
        self.register_buffer('sentences', sentences)
        self.sentences: torch.Tensor
        self.register_buffer('wider', wider, persistent=False)
        self.wider: torch.Tensor | None
        self.settings = settings
        classes = max(len(sentences), 2)  # fewer are refused, and a data set may have one label
        self.macro_f1 = MulticlassF1Score(classes, average='macro', ignore_index=-1)

    def training_step(
        self,
        batch: tuple[Batch, torch.Tensor] | tuple[Batch, torch.Tensor, CleanWindows],
        index: int,
    ) -> torch.Tensor:
        """Return the loss of a batch; log that of each term, and its weight."""
        windows, labels, *clean = batch
        inputs = TermInputs.encode(
            self.model, windows, labels, self.sentences,
            clean=clean[0] if clean else None, wider=self.wider,
        )  # fmt: skip
        loss, losses = self.objectives(inputs)
        shown = {f'loss/{name}': value for name, value in losses.items()}
        self.log_dict(shown, prog_bar=True, sync_dist=True)
        weights = self.objectives.strategy.weights()
        self.log_dict({f'weight/{name}': value for name, value in weights.items()})
        return loss

    def validation_step(self, batch: tuple[Batch, torch.Tensor], index: int) -> None:
        """Judge the fusion of what held-out windows hold, among the labels."""
        windows, labels = batch
        names = self.model.label_vectors(self.sentences)
        logits = self.model.logits(self.model(windows), names).float()
        self.macro_f1.update(logits, labels)
        known = max(1, int((labels >= 0).sum()))
        total = functional.cross_entropy(logits, labels, ignore_index=-1, reduction='sum')
        self.log('validation/macro_f1', self.macro_f1, on_epoch=True, prog_bar=True)
        self.log('validation/loss', total / known, on_epoch=True, batch_size=known, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW and one cycle."""
        optimizer = torch.optim.AdamW(
            self.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            self.settings.learning_rate,
            # Of fewer steps the climb is a single one, by which the schedule would divide.
            total_steps=max(8, self.settings.steps),
            pct_start=0.2,
        )
        return {'optimizer': optimizer, 'lr_scheduler': {'scheduler': schedule, 'interval': 'step'}}
