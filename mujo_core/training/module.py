"""The Lightning module that fits a joint space by contrastive and multitask learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch.nn import functional

from mujo_core.model.batch import Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives import classification, info_nce


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted.

    Attributes:
        steps: optimizer steps; batch_size: windows a step.
        learning_rate: the peak of the one-cycle schedule; weight_decay: of AdamW.
        smoothing: label smoothing.
        contrast: weight of the contrastive term.
        lone: weight of the classification of each modality alone.
        seed: of weights and draws; workers: loader processes; threads: of torch, since with
            windows this small a second one gains little and loses much on a busy machine.
        average: decay of the moving average of the weights that is kept; 0 keeps the last ones.
    """

    steps: int = 2500
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.1
    contrast: float = 0.5
    lone: float = 1.0
    seed: int = 0
    workers: int = 1
    threads: int = 1
    average: float = 0.995


class JointSpaceModule(lightning.LightningModule):
    """Steps and optimizer of a `JointSpace`.

    Args:
        model: the joint space.
        sentences: (L, S) sentence embeddings of the labels.
        settings: how it is fitted.
    """

    def __init__(self, model: JointSpace, sentences: torch.Tensor, settings: FitSettings) -> None:
        super().__init__()
        self.model = model
        self.register_buffer('sentences', sentences)
        self.sentences: torch.Tensor
        self.settings = settings

    def training_step(self, batch: tuple[Batch, torch.Tensor], index: int) -> torch.Tensor:
        """Return the loss of a batch: each modality alone, their fusion, and the contrast."""
        windows, labels = batch
        present = windows.present
        vectors = self.model.encode(windows)
        names = self.model.label_vectors(self.sentences)
        smoothing = self.settings.smoothing
        anything = torch.stack(list(present.values())).any(dim=0)
        fused = self.model.logits(self.model.fuse(vectors), names)
        loss = classification(fused, labels, anything, smoothing)
        terms = {'fused': loss.detach()}
        units = {m: functional.normalize(v, dim=-1) for m, v in vectors.items()}
        for modality, unit in units.items():
            logits = self.model.logits(unit, names)
            term = classification(logits, labels, present[modality], smoothing)
            terms[modality] = term.detach()
            loss = loss + self.settings.lone * term
        if len(units) == 2:
            both = present['pose'] & present['imu']
            scale = self.model.log_contrast.exp().clamp(max=50.0)
            term = info_nce(units['pose'], units['imu'], labels, both, scale)
            terms['contrast'] = term.detach()
            loss = loss + self.settings.contrast * term
        self.log_dict({f'loss/{k}': v for k, v in terms.items()}, prog_bar=True)
        return loss

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
