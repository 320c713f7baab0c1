"""A trunk with convolutions over pictures of one row, which is what a graph runtime is fast at."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.model.folded import Convolution
from mujo_core.model.sequence import SequenceEncoder, Steps


class _RowConvolution:
    """(B, C, 1, T) to (B, O, 1, ceil(T / stride)), the norm behind it folded in."""

    def __init__(self, folded: Convolution) -> None:
        taps = folded.weight.unflatten(0, (folded.kernel, -1))
        self.weight = taps.permute(2, 1, 0).unsqueeze(2).contiguous()
        self.bias = folded.bias
        self.kernel, self.stride = folded.kernel, folded.stride

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(
            x, self.weight, self.bias, stride=(1, self.stride), padding=(0, self.kernel // 2)
        )


class RowTrunk:
    """What `SequenceEncoder.steps` makes of (B, T, C) features and a mask (B, T), in evaluation.

    Args:
        trunk: whose weights, as they are, are taken over.
    """

    @torch.no_grad()
    def __init__(self, trunk: SequenceEncoder) -> None:
        self.trunk = trunk
        folded = trunk.folded()
        self.stem = _RowConvolution(folded.stem)
        self.blocks = [
            (_RowConvolution(first), _RowConvolution(second)) for first, second in folded.blocks
        ]
        self.taps = folded.taps.T[:, None, None].contiguous()
        self.bias = folded.bias.detach()

    def pooled(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, size), 0 where nothing is seen."""
        return self.trunk.pool(self.steps(x, mask)) * mask.any(dim=1, keepdim=True)

    def steps(self, x: torch.Tensor, mask: torch.Tensor) -> Steps:
        """Return steps (B, T', width)."""
        row = self.trunk.with_seen(x, mask).transpose(1, 2).unsqueeze(2)
        row = functional.gelu(self.stem(row))
        for first, second in self.blocks:
            out = second(functional.gelu(first(row)))
            if first.stride > 1:
                row = functional.avg_pool2d(row, (1, 2), ceil_mode=True, count_include_pad=False)
            row = functional.gelu(row + out)
        width, length = self.taps.shape[0], self.taps.shape[-1]
        row = row + functional.conv2d(
            row, self.taps, self.bias, padding=(0, length // 2), groups=width
        )
        return self.trunk.attended(row.squeeze(2).transpose(1, 2), mask)
