"""What a step takes from the other processes of a run; in a single process, the identity.

Convention: DistributedDataParallel averages gradients over processes. So every process computes
the contrastive loss of the *whole* batch from gathered rows, and a mean over windows divides by
the windows of all processes; the averaged gradient is then that of one process with all windows.

All processes must make the same calls in the same order, also those that lack a modality.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


def world_size() -> int:
    """Return the number of processes that train together."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


class _GatherRows(torch.autograd.Function):
    """All-gather whose gradient needs no communication.

    Every process computes the same loss from the same rows, hence the same gradient; the sum over
    processes, which `torch.distributed.nn.functional.all_gather` would fetch from each in the
    backward pass (and there may be overtaken by DDP's own calls), is that many times one's own.
    """

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        distributed.all_gather(parts, rows.contiguous())
        ctx.start, ctx.count = distributed.get_rank() * len(rows), len(rows)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0].narrow(0, ctx.start, ctx.count) * world_size()


def gather(rows: torch.Tensor) -> torch.Tensor:
    """Return the rows (B, ...) of all processes, (processes * B, ...), in the order of ranks.

    Differentiable under the convention above; every process brings as many rows.
    """
    if world_size() == 1:
        return rows
    if rows.dtype == torch.bool:
        return _GatherRows.apply(rows.to(torch.uint8)).bool()
    return _GatherRows.apply(rows)


def mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Return the mean of a tensor over processes, without gradient."""
    values = values.detach().clone()
    if world_size() > 1:
        distributed.all_reduce(values)
    return values / world_size()


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
    """Return the mean over the entries where `mask` (broadcast to `values`) is True.

    Of several processes each returns its own sum over the mean number of entries a process: their
    average is the mean over all entries. None where no process has an entry.
    """
    mask = mask.expand_as(values)
    count = mean_over_ranks(mask.sum().to(torch.float32))
    if float(count) == 0.0:
        return None
    return values.masked_fill(~mask, 0.0).sum() / count
