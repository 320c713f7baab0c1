"""A mean over what all processes hold, so that many train as one with the whole batch would."""

from __future__ import annotations

import torch
from torch import distributed


def global_mean(values: torch.Tensor) -> torch.Tensor:
    """Return this process's part of the mean over the values of all processes.

    The parts average to the mean: gradients that are averaged over the processes, as data-parallel
    training does, are those of the mean over everything, however many values each one holds. A
    process without any must call this too, since all of them count together.

    Args:
        values: (N,) losses of this process, N may be 0; they stay connected to the graph.

    Returns:
        Scalar; in a single process the mean, 0 of nothing.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return values.sum() / max(len(values), 1)
    total = torch.tensor(float(len(values)), device=values.device)
    distributed.all_reduce(total)
    return values.sum() * (distributed.get_world_size() / total.clamp(min=1.0))
