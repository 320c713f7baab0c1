"""The trunk that the encoders share: residual convolutions, one attention layer, masked pooling."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two convolutions over time around a shortcut; `stride` 2 halves the steps."""

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
            x = functional.avg_pool1d(x, self.stride, ceil_mode=True, count_include_pad=False)
        return functional.gelu(x + out)


class SequenceEncoder(nn.Module):
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
        heads: int = 4,
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

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C) and (B, T) bool to (B, size); rows without any step give the bias alone."""
        present = mask.to(x.dtype).unsqueeze(1)
        x = torch.cat([x.transpose(1, 2) * present, present], dim=1)
        x = functional.gelu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        for stride in self.shrink:
            if stride > 1:
                present = functional.max_pool1d(present, stride, ceil_mode=True)
        present = present[..., : x.shape[-1]]
        x = (x + self.position(x)).transpose(1, 2)
        keep = present.squeeze(1) > 0
        # A row with no step at all would turn to NaN in the softmax; it attends to everything.
        blocked = ~keep & keep.any(dim=1, keepdim=True)
        if len(x):  # torch's attention refuses a batch of nothing
            x = self.attention(x, src_key_padding_mask=blocked)
        weight = present.transpose(1, 2)
        mean = (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        top = x.masked_fill(weight == 0, -1e4).amax(dim=1)
        top = torch.where(keep.any(dim=1, keepdim=True), top, torch.zeros_like(top))
        return self.head(self.norm(torch.cat([mean, top], dim=1)))
