"""The trunk that the encoders share: residual convolutions, one attention layer, masked pooling."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.folded import FoldedTrunk, halved
from mujo_core.model.prepared import Prepared

HEADS = 4
"""Of attention, which divide the width."""


class Steps(NamedTuple):
    """What an encoder makes of windows before it pools them to vectors.

    Attributes:
        values: (..., T', width), step k from the input around its sample k * stride.
        keep: (..., T') bool, steps with any data under them.
        whole: (..., size) what an encoder knows of the input as a whole; None for nothing.
    """

    values: torch.Tensor
    keep: torch.Tensor
    whole: torch.Tensor | None = None

    @property
    def present(self) -> torch.Tensor:
        """(...) bool: rows with any step."""
        return self.keep.any(dim=-1)

    def rows(self, there: torch.Tensor) -> Steps:
        """Return the rows that are there, out of (..., T', width)."""
        whole = None if self.whole is None else self.whole[there]
        return Steps(self.values[there], self.keep[there], whole)

    def spread(self, there: torch.Tensor) -> Steps:
        """Put (N, T', width) back to the N places that are `there`; the others are empty."""
        whole = None if self.whole is None else spread_rows(self.whole, there)
        return Steps(spread_rows(self.values, there), spread_rows(self.keep, there), whole)


def spread_rows(rows: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Put (N, ...) to the N places that are True in `there` (any shape); zero elsewhere."""
    out = rows.new_zeros(*there.shape, *rows.shape[1:])
    out[there] = rows
    return out


class ResidualBlock(nn.Module):
    """Two convolutions over time around a shortcut; `stride` 2 halves the steps, 1 keeps them."""

    def __init__(self, width: int, kernel: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, width, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.first_norm = nn.BatchNorm1d(width)
        self.second = nn.Conv1d(width, width, kernel, padding=kernel // 2, bias=False)
        self.second_norm = nn.BatchNorm1d(width)
        # Whole channels: for convolutions it does more than single steps, and costs less.
        self.dropout = nn.Dropout1d(dropout)
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, width, T) to (B, width, ceil(T / stride))."""
        out = functional.gelu(self.first_norm(self.first(x)))
        out = self.second_norm(self.second(self.dropout(out)))
        if self.stride > 1:
            x = halved(x.transpose(1, 2)).transpose(1, 2)
        return functional.gelu(x + out)


class SequenceEncoder(Prepared[FoldedTrunk]):
    """Features over time to one vector, blind to masked steps.

    Args:
        channels: features a step.
        width: channels inside.
        size: length of the vector.
        strides: one residual block each.
        stem_stride: stride of the first convolution.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        size: int,
        strides: tuple[int, ...] = (2, 1, 2),
        stem_stride: int = 1,
        kernel: int = 5,
        heads: int = HEADS,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv1d(channels + 1, width, 3, stride=stem_stride, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm1d(width)
        self.blocks = nn.ModuleList(ResidualBlock(width, kernel, s, dropout) for s in strides)
        self.shrink = (stem_stride, *strides)
        self.position = nn.Conv1d(width, width, 9, padding=4, groups=width)
        self.attention = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, functional.gelu, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(2 * width)
        self.head = nn.Linear(2 * width, size)

    @property
    def stride(self) -> int:
        """Samples a step."""
        return math.prod(self.shrink)

    def steps(self, x: torch.Tensor, mask: torch.Tensor) -> Steps:
        """(B, T, C) and (B, T) bool to steps (B, T', width), T' = ceil(T / stride)."""
        x = self.with_seen(x, mask)
        x = self.folded()(x) if self._may_fold(x) else self._convolved(x.transpose(1, 2))
        return self.attended(x, mask)

    @staticmethod
    def with_seen(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C) and (B, T) bool to (B, T, C + 1): what is seen, and whether it is."""
        seen = mask.to(x.dtype).unsqueeze(2)
        return torch.cat([x * seen, seen], dim=2)

    def attended(self, x: torch.Tensor, mask: torch.Tensor) -> Steps:
        """Convolved (B, T', width), of a mask (B, T) bool before that, to steps."""
        present = mask.to(x.dtype).unsqueeze(1)
        for stride in self.shrink:
            if stride > 1:
                present = functional.max_pool1d(present, stride, ceil_mode=True)
        keep = present[..., : x.shape[1]].squeeze(1) > 0
        # A row with no step at all would turn to NaN in the softmax; it attends to everything.
        blocked = ~keep & keep.any(dim=1, keepdim=True)
        if x.shape[0]:  # torch's attention refuses a batch of nothing
            x = self.attention(x, src_key_padding_mask=blocked)
        return Steps(x, keep)

    def folded(self) -> FoldedTrunk:
        """Return what comes before attention, as it is in evaluation, with norms folded in."""
        return self.prepared(self._fold)

    def _convolved(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, T', width): what comes before attention."""
        x = functional.gelu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return (x + self.position(x)).transpose(1, 2)

    def _may_fold(self, x: torch.Tensor) -> bool:
        # A processor's alone: others have their own way with small convolutions.
        inference = torch.is_inference_mode_enabled() and not self.training
        return inference and x.device.type == 'cpu' and x.shape[0] > 0

    def _fold(self) -> FoldedTrunk:
        blocks = [
            (block.first, block.first_norm, block.second, block.second_norm)
            for block in self.blocks
            if isinstance(block, ResidualBlock)
        ]
        return FoldedTrunk((self.stem, self.stem_norm), blocks, self.position)

    def pool(self, steps: Steps) -> torch.Tensor:
        """Steps (B, T', width) to (B, size); rows without any step give the bias alone."""
        return self.head(self.pooled(steps))

    def pooled(self, steps: Steps) -> torch.Tensor:
        """Steps (B, T', width) to (B, 2 * width): what the last layer reads, about 1 in size."""
        x, keep, _ = steps
        weight = keep.unsqueeze(-1).to(x.dtype)
        mean = (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        top = x.masked_fill(~keep.unsqueeze(-1), -1e4).amax(dim=1)
        top = torch.where(keep.any(dim=1, keepdim=True), top, torch.zeros_like(top))
        return self.norm(torch.cat([mean, top], dim=1))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C) and (B, T) bool to (B, size); rows without any step give the bias alone."""
        return self.pool(self.steps(x, mask))
