"""The fixed kernels with few large steps, which is what a graph runtime is fast at."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.model.kernels import EVERY, FixedKernels


def kernel_vectors(kernels: FixedKernels, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return what `FixedKernels` makes of (N, T, C) channels and a mask (N, T): (N, size).

    A kernel has the same taps for all of its channels, so that these are added up first: seven
    times fewer products than a convolution over channels. All counts are floats. Of a signal that
    stands still to the last bit a response of zero may be rounded to the other side of a threshold.
    """
    levels, patterns, _ = kernels.thresholds.shape
    mixed = kernels.channels.flatten(0, 1).to(x.dtype) @ x.transpose(1, 2)
    # As pictures of one row: for those a runtime has faster steps than for sequences.
    rows = mixed.unsqueeze(2)
    taps = kernels.patterns.view(patterns, 1, 1, -1)
    responses = torch.cat(
        [
            functional.conv2d(
                rows[:, level * patterns : (level + 1) * patterns],
                taps,
                stride=(1, EVERY),
                padding=(0, taps.shape[-1] // 2 * kernels.dilations[level]),
                dilation=(1, kernels.dilations[level]),
                groups=patterns,
            )
            for level in range(levels)
        ],
        dim=1,
    ).squeeze(2)
    weight = seen[:, ::EVERY].to(x.dtype).unsqueeze(-1)
    columns = kernels.thresholds.flatten(0, 1).unbind(dim=-1)
    counts = [(responses > column.unsqueeze(-1)).to(x.dtype) @ weight for column in columns]
    shares = torch.cat(counts, dim=-1).flatten(1) / weight.sum(dim=1).clamp(min=1.0)
    return functional.linear(shares, kernels.weight, kernels.bias)
