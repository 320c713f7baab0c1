"""The fixed kernels with few large steps, which is what a graph runtime is fast at."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.model.kernels import EVERY, FixedKernels

_UNSEEN = -1e30
"""Below every threshold; comparing with infinity costs the same and multiplies to NaN."""


def kernel_vectors(kernels: FixedKernels, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return what `FixedKernels` makes of (N, T, C) channels and a mask (N, T): (N, size).

    A kernel has the same taps for all of its channels, so that these are added up first: seven
    times fewer products than a convolution over channels. All counts are floats. Of a signal that
    stands still to the last bit a response of zero may be rounded to the other side of a threshold.
    """
    levels, patterns, _ = kernels.thresholds.shape
    mixed = (x @ kernels.channels.flatten(0, 1).to(x.dtype).T).transpose(1, 2)
    taps = kernels.patterns.unsqueeze(1)
    responses = torch.cat(
        [
            functional.conv1d(
                mixed[:, level * patterns : (level + 1) * patterns],
                taps,
                stride=EVERY,
                padding=taps.shape[-1] // 2 * kernels.dilations[level],
                dilation=kernels.dilations[level],
                groups=patterns,
            )
            for level in range(levels)
        ],
        dim=1,
    )
    seen = seen[:, ::EVERY]
    responses = responses.masked_fill(~seen.unsqueeze(1), _UNSEEN)
    columns = kernels.thresholds.flatten(0, 1).unbind(dim=-1)
    above = [(responses > column.unsqueeze(-1)).to(x.dtype).sum(dim=-1) for column in columns]
    counts = torch.stack(above, dim=-1).flatten(1)
    steps = seen.to(x.dtype).sum(dim=1, keepdim=True).clamp(min=1.0)
    return functional.linear(counts / steps, kernels.weight, kernels.bias)
