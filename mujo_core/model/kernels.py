"""Kernels that are never trained: how often each is exceeded, and a linear readout of that.

MiniRocket's idea (Dempster, Schmidt and Webb, KDD 2021) as a part of an encoder: where there are
few people to learn from, what thousands of fixed kernels see is harder to overfit than kernels
that were fitted to those people.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import nn
from torch.nn import functional

_LENGTH = 9
_HIGH = 3
DILATIONS = (1, 2, 3, 4, 6, 9, 14)
"""Steps between the taps of a kernel: it spans 9 to 113 steps."""


def _patterns() -> torch.Tensor:
    """Return (84, 9): every kernel of three 2s and six -1s, blind to a constant."""
    patterns = torch.full((84, _LENGTH), -1.0)
    for row, high in zip(patterns, combinations(range(_LENGTH), _HIGH), strict=True):
        row[list(high)] = 2.0
    return patterns


class FixedKernels(nn.Module):
    """(N, T, C) channels, (N, T) mask to (N, size).

    Each kernel sums a random few of the channels; a feature is the share of the seen steps at
    which its response is above a threshold, one of the quantiles of its responses in training.
    All of it is measured or solved for (see `mujo_core.training.readout`), none of it trained.

    Args:
        channels: C; size: of the vectors.
        thresholds: of each kernel at each dilation.
    """

    def __init__(self, channels: int, size: int, thresholds: int) -> None:
        super().__init__()
        self.register_buffer('patterns', _patterns(), persistent=False)
        self.patterns: torch.Tensor
        shape = (len(DILATIONS), len(self.patterns))
        most = min(channels, _LENGTH)
        # As in the paper, few channels are likelier than many: 2 to a uniform power.
        count = (2 ** (torch.rand(*shape, 1) * torch.tensor(most + 1.0).log2())).long().clamp(min=1)
        chosen = torch.rand(*shape, channels).argsort(dim=-1) < count
        self.register_buffer('channels', chosen)
        self.channels: torch.Tensor
        self.register_buffer('thresholds', torch.zeros(*shape, thresholds))
        self.thresholds: torch.Tensor
        self.register_buffer('weight', torch.zeros(size, self.thresholds.numel()))
        self.weight: torch.Tensor
        self.register_buffer('bias', torch.zeros(size))
        self.bias: torch.Tensor

    @torch.no_grad()
    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return vectors (N, size)."""
        return functional.linear(self.shares(x, seen), self.weight, self.bias)

    @torch.no_grad()
    def shares(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return (N, features): the share of seen steps above each threshold, 0..1."""
        steps = seen.sum(dim=1).clamp(min=1).to(x.dtype)
        found = []
        for level, thresholds in enumerate(self.thresholds):
            above = self._responses(x, seen, level).unsqueeze(2) > thresholds.unsqueeze(-1)
            # As bytes: bools would first become 64-bit integers, each.
            found.append(above.view(torch.uint8).sum(dim=-1, dtype=torch.int32).flatten(1))
        return torch.cat(found, dim=1) / steps.unsqueeze(-1)

    @torch.no_grad()
    def measure(self, x: torch.Tensor, seen: torch.Tensor) -> None:
        """Set the thresholds from windows of the training data, of which at least one step is
        seen."""
        count = self.thresholds.shape[2]
        # The multiples of the golden section spread evenly over the quantiles.
        turns = torch.arange(1, len(self.patterns) * count + 1, device=x.device) * 0.6180339887
        share = (turns % 1.0).view(-1, count)
        for level in range(len(DILATIONS)):
            response = self._responses(x, seen, level).transpose(0, 1)[:, seen]
            ordered = response.sort(dim=1).values
            place = (share * (ordered.shape[1] - 1)).long()
            self.thresholds[level] = ordered.gather(1, place)

    def _responses(self, x: torch.Tensor, seen: torch.Tensor, level: int) -> torch.Tensor:
        """Return (N, 84, T) at one dilation, -inf where nothing was seen."""
        dilation = DILATIONS[level]
        weight = self.patterns[:, None] * self.channels[level].unsqueeze(-1)
        with torch.autocast(x.device.type, enabled=False):
            response = functional.conv1d(
                x.float().transpose(1, 2),
                weight.float(),
                padding=_LENGTH // 2 * dilation,
                dilation=dilation,
            )
        return response.masked_fill(~seen[:, None], float('-inf'))
