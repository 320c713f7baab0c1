"""Kernels that are never trained: how often each is exceeded, and a linear readout of that.

MiniRocket's idea (Dempster, Schmidt and Webb, KDD 2021) as a part of an encoder: where there are
few people to learn from, what thousands of fixed kernels see is harder to overfit than kernels
that were fitted to those people.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch.nn import functional

from mujo_core.model.prepared import Prepared

_LENGTH = 9
_HIGH = 3
PATTERNS = 84
"""Kernels, of one length: all ways to place the high weights."""
DILATIONS = (1, 2, 3, 4, 6, 9, 14)
"""Steps between the taps of a kernel: it spans 9 to 113 steps."""
EVERY = 2
"""Steps from one at which responses are looked at to the next: to look at each tells no more."""
_AT_ONCE = 16


def _patterns() -> torch.Tensor:
    """Return (84, 9): every kernel of three 2s and six -1s, blind to a constant."""
    patterns = torch.full((PATTERNS, _LENGTH), -1.0)
    for row, high in zip(patterns, combinations(range(_LENGTH), _HIGH), strict=True):
        row[list(high)] = 2.0
    return patterns


class FixedKernels(Prepared[tuple[torch.Tensor, torch.Tensor]]):
    """(N, T, C) channels, (N, T) mask to (N, size).

    Each kernel sums a random few of the channels; a feature is the share of the seen steps (of
    every second one) at which its response is above a threshold, one of the quantiles of its
    responses in training.
    All of it is measured or solved for (see `mujo_core.training.readout`), none of it trained.

    Args:
        channels: C; size: of the vectors, 0 where `shares` alone are wanted.
        thresholds: of each kernel at each dilation.
        dilations: steps between the taps of a kernel.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        thresholds: int,
        dilations: tuple[int, ...] = DILATIONS,
    ) -> None:
        super().__init__()
        self.dilations = dilations
        self.margin = _LENGTH // 2 * max(dilations)
        self.register_buffer('patterns', _patterns(), persistent=False)
        self.patterns: torch.Tensor
        shape = (len(dilations), len(self.patterns))
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
        kernels, thresholds = self.prepared(self._laid_out)
        found = []
        # A few at a time, one dilation at a time: what lies between stays in the cache.
        for some, there in zip(x.split(_AT_ONCE), seen.split(_AT_ONCE), strict=True):
            with torch.autocast(x.device.type, enabled=False):
                padded = self._padded(some)
                weight = there[:, ::EVERY].unsqueeze(1).to(padded.dtype)
                counts = [
                    self._counts(self._response(padded, dilation, own), weight, rows)
                    for dilation, own, rows in zip(self.dilations, kernels, thresholds, strict=True)
                ]
                found.append(torch.cat(counts, dim=1))
        return torch.cat(found) / seen[:, ::EVERY].sum(dim=1, keepdim=True).clamp(min=1)

    @torch.no_grad()
    def measure(self, x: torch.Tensor, seen: torch.Tensor) -> None:
        """Set the thresholds from windows of the training data, of which at least one step that is
        looked at is seen."""
        self.forget_prepared()
        count = self.thresholds.shape[2]
        # The multiples of the golden section spread evenly over the quantiles.
        turns = torch.arange(1, len(self.patterns) * count + 1, device=x.device) * 0.6180339887
        share = (turns % 1.0).view(-1, count)
        padded = self._padded(x)
        for level, own in enumerate(self._kernels()):
            response = self._response(padded, self.dilations[level], own)[seen[:, ::EVERY]]
            ordered = response.sort(dim=0).values.T
            place = (share * (ordered.shape[1] - 1)).long()
            self.thresholds[level] = ordered.gather(1, place)

    @staticmethod
    def _counts(
        response: torch.Tensor, weight: torch.Tensor, thresholds: torch.Tensor
    ) -> torch.Tensor:
        """Return (N, 84 * thresholds): over steps of a weight (N, 1, T), how many respond above."""
        # Compared into floats, which takes a third of the time of bools and their sum.
        above = torch.empty_like(response)
        counts = [weight @ torch.gt(response, row, out=above) for row in thresholds]
        return torch.cat(counts, dim=1).transpose(1, 2).flatten(1)

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T + 2 * margin, C) float: nothing before and after."""
        return functional.pad(x.float(), (0, 0, self.margin, self.margin))

    def _laid_out(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `_kernels` and thresholds (levels, thresholds, 84): rows that are compared lie
        together."""
        return self._kernels(), self.thresholds.transpose(1, 2).contiguous()

    def _kernels(self) -> torch.Tensor:
        """Return (levels, 9 * C, 84): every kernel's weights, tap by tap."""
        chosen = self.channels.transpose(1, 2).to(self.patterns.dtype)
        return (chosen.unsqueeze(1) * self.patterns.T.unsqueeze(1)).flatten(1, 2)

    def _response(self, padded: torch.Tensor, dilation: int, kernels: torch.Tensor) -> torch.Tensor:
        """Return (N, ceil(T / EVERY), 84) of kernels (9 * C, 84).

        A convolution as one product of matrices: with few channels and steps, no library's own
        convolution comes near it.
        """
        count, length, channels = padded.shape
        steps = -(-(length - 2 * self.margin) // EVERY)
        taps = padded.as_strided(
            (count, steps, _LENGTH, channels),
            (length * channels, EVERY * channels, dilation * channels, 1),
            (self.margin - _LENGTH // 2 * dilation) * channels,
        )
        return (taps.flatten(0, 1).flatten(1) @ kernels).view(count, steps, kernels.shape[1])


def blocks_of_shares(shares: torch.Tensor, dilations: int) -> list[torch.Tensor]:
    """Return shares (N, dilations * F) as a block (N, F) of each dilation, about 1 in size."""
    return list(((shares - 0.5) * 6.0).chunk(dilations, dim=1))
