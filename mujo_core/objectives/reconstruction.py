"""Masked reconstruction: hide parts of the input, decode them from the steps of the encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple, cast

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mujo_core.model.batch import PLACEMENT_WORDS, Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import Steps
from mujo_core.objectives.decoding import (
    IMU_CHANNELS,
    POSE_CHANNELS,
    StepDecoder,
    imu_targets,
    mean_of_devices,
    pose_entries,
    pose_targets,
)
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.hiding import hide_parts, hide_spans
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs


class Hiding(NamedTuple):
    """How much is hidden: a share of the time in so many spans, and a share of whole parts."""

    time: float
    spans: int
    parts: float


class ModalityReconstruction(nn.Module):
    """How one modality's input is hidden, and decoded from its encoder's steps."""

    def hide(self, batch: Batch, how: Hiding, generator: torch.Generator | None) -> Batch:
        """Return the batch with parts of the modality masked."""
        raise NotImplementedError

    def forward(
        self, batch: Batch, hidden: Batch, steps: Steps
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return errors of entries of `batch`, and which count: those masked only in `hidden`."""
        raise NotImplementedError


class PoseReconstruction(ModalityReconstruction):
    """Stretches of time and whole joints."""

    def __init__(self, model: JointSpace) -> None:
        super().__init__()
        self.stride = model.pose.trunk.stride
        self.decoder = StepDecoder(model.settings.width, POSE_CHANNELS, self.stride)

    def hide(self, batch: Batch, how: Hiding, generator: torch.Generator | None) -> Batch:
        """Return the batch with joints masked."""
        seen = batch.pose_mask
        spans = hide_spans(seen.any(dim=2), how.time, how.spans, generator)
        parts = hide_parts(seen.any(dim=1), how.parts, generator)
        return replace(batch, pose_mask=seen & ~(spans[:, :, None] | parts[:, None, :]))

    def forward(
        self, batch: Batch, hidden: Batch, steps: Steps
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the error of every entry and where it counts, both (B, T, 52)."""
        length = batch.pose.shape[1]
        found = self.decoder(steps.values, length, steps.keep.shape[-1] * self.stride)
        joints = batch.pose_mask & ~hidden.pose_mask
        # The root's motion goes with the last joint of a step.
        root = batch.pose_mask.any(dim=2) & ~hidden.pose_mask.any(dim=2)
        counts = pose_entries(joints, root) & steps.present[:, None, None]
        target = pose_targets(batch).to(found.dtype)
        return functional.smooth_l1_loss(found, target, reduction='none'), counts


class ImuReconstruction(ModalityReconstruction):
    """Stretches of each device's time and whole devices, from its own and the others' steps."""

    def __init__(self, model: JointSpace) -> None:
        super().__init__()
        width = model.settings.width
        self.stride = model.imu.trunk.stride
        self.place = nn.Linear(len(PLACEMENT_WORDS), width, bias=False)
        self.own = nn.Linear(width, width, bias=False)
        self.decoder = StepDecoder(width, IMU_CHANNELS, self.stride)

    def hide(self, batch: Batch, how: Hiding, generator: torch.Generator | None) -> Batch:
        """Return the batch with samples masked."""
        seen = batch.imu_mask
        spans = hide_spans(seen, how.time, how.spans, generator)
        parts = hide_parts(seen.any(dim=2), how.parts, generator)
        return replace(batch, imu_mask=seen & ~(spans | parts[:, :, None]))

    def forward(
        self, batch: Batch, hidden: Batch, steps: Steps
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the error of every entry of the devices and where it counts, both (N, T, 8)."""
        mean = mean_of_devices(steps)
        window, device = (mean.present[:, None] & batch.imu_mask.any(dim=2)).nonzero(as_tuple=True)
        query = mean.values[window] + self.own(steps.values[window, device])
        query = query + self.place(batch.placement[window, device]).unsqueeze(1)
        length = batch.imu.shape[2]
        found = self.decoder(query, length, steps.keep.shape[-1] * self.stride)
        counts = (batch.imu_mask & ~hidden.imu_mask)[window, device].unsqueeze(-1)
        target = imu_targets(batch.imu[window, device]).to(found.dtype)
        error = functional.smooth_l1_loss(found, target, reduction='none')
        return error, counts.expand_as(error)


RECONSTRUCTIONS: dict[str, Callable[[JointSpace], ModalityReconstruction]] = {
    'pose': PoseReconstruction,
    'imu': ImuReconstruction,
}
"""By modality; a further one is one class and one line here."""


@term('reconstruction')
class Reconstruction(Term):
    """The mean over modalities of the smooth L1 on what was hidden and had been there.

    Args:
        modalities: which ones.
        time: share of the time that is hidden, in `spans` stretches.
        parts: share of a window's joints or devices that are hidden throughout.
    """

    def __init__(
        self,
        model: JointSpace,
        *,
        modalities: Sequence[str] = tuple(RECONSTRUCTIONS),
        time: float = 0.4,
        spans: int = 3,
        parts: float = 0.2,
    ) -> None:
        super().__init__(model)
        unknown = [m for m in modalities if m not in RECONSTRUCTIONS]
        if unknown or not modalities:
            raise ValueError(
                f'reconstruction: expected modalities out of {", ".join(RECONSTRUCTIONS)}; '
                f'{list(modalities)} came'
            )
        if not (0.0 < time < 1.0 and spans >= 1 and 0.0 <= parts < 1.0):
            raise ValueError(
                'reconstruction: expected time and parts as shares below 1 and at least one span; '
                f'time {time}, spans {spans}, parts {parts} came'
            )
        self.how = Hiding(time, spans, parts)
        self.by_modality = nn.ModuleDict({m: RECONSTRUCTIONS[m](model) for m in modalities})

    @property
    def heads(self) -> dict[str, ModalityReconstruction]:
        """Modality to its head."""
        return {m: cast(ModalityReconstruction, head) for m, head in self.by_modality.items()}

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Encode the windows again with parts hidden and return the loss."""
        batch = inputs.batch
        hidden = batch
        for head in self.heads.values():
            hidden = head.hide(hidden, self.how, inputs.generator)
        with frozen_statistics(inputs.model):
            steps = inputs.model.steps(hidden)
        losses = []
        for modality, head in self.heads.items():
            if modality in steps:
                error, counts = head(batch, hidden, steps[modality])
            else:
                error, counts = batch.pose.new_zeros(1), batch.pose_mask.new_zeros(1)
            loss = masked_mean(error, counts)
            if loss is not None:
                losses.append(loss)
        return torch.stack(losses).mean() if losses else None


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """Keep input with holes out of the running statistics, by which whole input is normalized."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
