"""What a device feels in a window beyond the joint space: levels, and what fixed kernels see."""

from __future__ import annotations

import torch

from mujo_core.model.imu import FEATURES
from mujo_core.model.kernels import PATTERNS, FixedKernels, blocks_of_shares
from mujo_core.model.over_time import correlations, quantiles, signed_log

_LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_RELATED = (0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 19, 20)
"""Features of a device (`motion_features`) whose correlations count: own axes and level ones."""
_THRESHOLDS = 2
"""Of each kernel, at most: more tell few examples apart no better."""


def imu_sizes(kernels: FixedKernels | None) -> tuple[int, ...]:
    """Return how many numbers each block of `imu_blocks` has, in their order."""
    pairs = len(_RELATED) * (len(_RELATED) - 1) // 2
    sizes = (FEATURES * len(_LEVELS), pairs)
    if kernels is None:
        return sizes
    patterns = PATTERNS * min(_THRESHOLDS, kernels.thresholds.shape[-1])
    return (*sizes, *(patterns,) * len(kernels.dilations))


def imu_blocks(
    kernels: FixedKernels | None, motion: torch.Tensor, seen: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Return blocks (N, size) of what devices felt, (N, T, 21) features and (N, T) mask.

    How large each feature is, which of them go together, and how often each fixed kernel is
    exceeded, a block for each dilation.
    """
    levels = signed_log(quantiles(motion, seen.unsqueeze(-1), _LEVELS))
    related = correlations(motion[..., list(_RELATED)], seen)
    if kernels is None:
        return levels, related
    count = kernels.thresholds.shape[-1]
    shares = kernels.shares(motion, seen).unflatten(1, (-1, count))
    step = max(1, count // _THRESHOLDS)
    few = shares[..., ::step][..., :_THRESHOLDS].flatten(1)
    return levels, related, *blocks_of_shares(few, len(kernels.dilations))
