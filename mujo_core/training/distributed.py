"""Training in several processes: who does which part, and norms over the windows of all of them."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import LayerSync
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mujo_core.model.batch import Batch


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together.

    Attributes:
        count: all of them; rank: of this one among all.
        local: those on this machine.
    """

    count: int = 1
    rank: int = 0
    local: int = 1

    @property
    def nodes(self) -> int:
        """Machines that take part."""
        return self.count // self.local

    def share(self, batch_size: int) -> int:
        """Return how many windows of a batch each process takes; ValueError without a remainder."""
        if batch_size % self.count:
            raise ValueError(
                f'expected --fit.batch_size as a multiple of the {self.count} processes, which '
                f'share a batch, {batch_size} came'
            )
        return batch_size // self.count


def processes(devices: int) -> Processes:
    """Return the processes of a run: those that `torchrun` started, else `devices` on this machine.

    Lightning starts the latter itself; in each of them LOCAL_RANK says which one it is.
    """
    if 'TORCHELASTIC_RUN_ID' in os.environ:
        names = ('WORLD_SIZE', 'RANK', 'LOCAL_WORLD_SIZE')
        return Processes(*(int(os.environ[name]) for name in names))
    return Processes(devices, int(os.environ.get('LOCAL_RANK', '0')), devices)


def make_strategy(team: Processes) -> DDPStrategy | str:
    """Return Lightning's strategy for these processes."""
    if team.count == 1:
        return 'auto'
    # A process whose part of a batch lacks a modality leaves parameters without a gradient. The
    # norms' statistics are the same everywhere, so nothing need be sent again.
    return DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)


def leave() -> None:
    """Part from the other processes, after the last thing that is done together."""
    if distributed.is_available() and distributed.is_initialized():
        # A wrapped model is a ring of references that holds the group until the interpreter ends.
        # A process was once seen to crash there; that this is why is likely and not shown.
        gc.collect()
        distributed.destroy_process_group()


class SharedModalities(Callback):
    """Lets every process encode what any process holds in a batch, so that none waits in a norm."""

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        batch: tuple[Batch, torch.Tensor],
        index: int,
    ) -> None:
        """Agree on the modalities of the batch."""
        present = batch[0].present
        there = torch.stack([rows.any() for rows in present.values()]).to(torch.int32)
        distributed.all_reduce(there, distributed.ReduceOp.MAX)
        model: Any = module.model
        model.always = frozenset(
            name for name, anyone in zip(present, there.tolist(), strict=True) if anyone
        )


class _SumOverProcesses(torch.autograd.Function):
    """A sum over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, group: Any) -> torch.Tensor:
        ctx.group = group
        return _all_reduced(values, group)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _all_reduced(gradients[0], ctx.group), None


def _all_reduced(values: torch.Tensor, group: Any) -> torch.Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total, group=group)
    return total


class SharedBatchNorm(_BatchNorm):
    """Batch norm over the rows of all processes, each counted, also where one has none of them.

    Unlike torch's `SyncBatchNorm` it works on any device and with no row at all. Mean and variance
    are joined from those of the processes (Chan, Golub, LeVeque 1979), and gradients flow back
    through the join.

    Args:
        plain: the norm whose parameters and statistics it takes over, of any dimension.
        group: the processes.
    """

    def __init__(self, plain: _BatchNorm, group: distributed.ProcessGroup | None) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum)
        self.group = group
        self.kind = type(plain)
        take_over(self, plain)

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any dimension will do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, ...) to the same; B may be 0 in training."""
        if not self.training:
            return super().forward(x)
        rows = x.transpose(0, 1).flatten(1).float()
        count = rows.shape[1]
        mean = rows.sum(dim=1) / max(count, 1)
        spread = (rows - mean.unsqueeze(1)).square().sum(dim=1)
        mine = torch.cat([mean.new_tensor([float(count)]), mean, spread])
        place = mine.new_zeros(distributed.get_world_size(self.group), 1)
        place[distributed.get_rank(self.group)] = 1.0
        every = _SumOverProcesses.apply(place * mine, self.group)
        counts, means, spreads = every.split([1, self.num_features, self.num_features], dim=1)
        total = counts.sum().clamp(min=1.0)
        mean = (counts * means).sum(dim=0) / total
        spread = (spreads + counts * (means - mean).square()).sum(dim=0)
        self._remember(mean.detach(), spread.detach(), total)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        scale = torch.rsqrt(spread / total + self.eps) * self.weight
        shift = self.bias - mean * scale
        return (x.float() * scale.view(shape) + shift.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, spread: torch.Tensor, total: torch.Tensor) -> None:
        """Move the running statistics, unless no process had a row."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        weight = self.momentum * (total > 1.0).to(mean.dtype)
        self.num_batches_tracked.add_((total > 1.0).long())
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(spread / (total - 1.0).clamp(min=1.0), weight)


def take_over(norm: _BatchNorm, from_norm: _BatchNorm) -> None:
    """Let a norm hold the parameters and statistics of another: the same tensors, no copies."""
    norm.weight, norm.bias = from_norm.weight, from_norm.bias
    for name in ('running_mean', 'running_var', 'num_batches_tracked'):
        setattr(norm, name, getattr(from_norm, name))
    norm.train(from_norm.training)


class SharedNorms(LayerSync):
    """Makes every batch norm of a model one over all processes while it is trained."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Put shared norms in place; names of parameters stay."""
        # A group of its own: gradients are reduced at the same time, in an order of their own.
        group = distributed.new_group()
        for parent, name, norm in _norms(model):
            setattr(parent, name, SharedBatchNorm(norm, group))
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Put plain norms back."""
        for parent, name, norm in _norms(model):
            if isinstance(norm, SharedBatchNorm):
                plain = norm.kind(norm.num_features, norm.eps, norm.momentum)
                take_over(plain, norm)
                setattr(parent, name, plain)
        return model


def _norms(model: nn.Module) -> list[tuple[nn.Module, str, _BatchNorm]]:
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, _BatchNorm)
    ]
