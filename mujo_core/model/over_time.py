"""What masked channels do over a window, wherever in it: levels, spread, correlations."""

from __future__ import annotations

import torch


def signed_log(x: torch.Tensor) -> torch.Tensor:
    """Return what grows with `x`, ever more slowly: usual features and joints to 4 at most."""
    return 3.0 * x.sign() * x.abs().log1p()


def quantiles(x: torch.Tensor, seen: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Return (N, levels * C) of what is seen of (N, T, C); 0 of nothing."""
    x = x.float().masked_fill(~seen, torch.nan)
    found = torch.nanquantile(x, x.new_tensor(levels), dim=1)
    return found.transpose(0, 1).flatten(1).nan_to_num(0.0)


def spread(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, C): the standard deviation of what is seen of (N, T, C)."""
    weight = seen.to(x.dtype)
    count = weight.sum(dim=1).clamp(min=1.0)
    mean = (x * weight).sum(dim=1) / count
    return (((x - mean.unsqueeze(1)) ** 2 * weight).sum(dim=1) / count).sqrt()


def correlations(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, C (C - 1) / 2) correlations of the channels of (N, T, C) over the seen steps."""
    weight = seen.unsqueeze(-1).float()
    count = weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    x = (x - (x * weight).sum(dim=1, keepdim=True) / count) * weight
    shared = x.transpose(1, 2) @ x / count
    # A channel that stands still has noise alone, which must not count as if it were motion.
    size = (shared.diagonal(dim1=1, dim2=2) + 1e-4).sqrt()
    row, column = torch.triu_indices(x.shape[2], x.shape[2], 1, device=x.device)
    return (shared / size.unsqueeze(1) / size.unsqueeze(2))[:, row, column]


def centred(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, T, C) about the mean of what is seen; 0 elsewhere."""
    mean = (x * seen).sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True).clamp(min=1)
    return (x - mean) * seen


def length(x: torch.Tensor) -> torch.Tensor:
    """Return (N, C): the length of each channel; one that hardly moves has that of slow motion."""
    return (x.square().sum(dim=1) + 1e-3 * x.shape[1]).sqrt()
