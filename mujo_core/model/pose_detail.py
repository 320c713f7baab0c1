"""What a skeleton does in a window beyond the joint space: where joints are and how they move."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import torch

from mujo_core.model.kernels import PATTERNS, FixedKernels, blocks_of_shares
from mujo_core.model.over_time import (
    centred,
    length,
    quantiles,
    signed_log,
    spread,
)
from mujo_core.skeleton import CANONICAL_JOINTS

_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_ENDS = ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')
_MOVED = ('head', 'left_elbow', 'right_elbow', 'left_knee', 'right_knee', *_ENDS)
_WAVES = 8
"""Swings a window that count: once to eight times."""
_DILATIONS = (1, 2, 3, 4, 6, 9)
"""Steps between the taps of a kernel: it spans 9 to 73 steps, 3 s at 25 Hz."""
_THRESHOLDS = (-0.5, 0.5)
"""The same for every kernel, of a response to joints in half metres: they need no training."""


def pose_sizes() -> tuple[int, ...]:
    """Return how many numbers each block of `pose_blocks` has, in their order."""
    ends = 3 * len(_ENDS)
    posture = 3 * len(CANONICAL_JOINTS) * (len(_LEVELS) + 3) + 4 * 3
    kernels = (PATTERNS * len(_THRESHOLDS),) * len(_DILATIONS)
    return posture, ends * ends, 3 * len(_MOVED) * _WAVES, *kernels


def pose_blocks(
    pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor, rate: float
) -> tuple[torch.Tensor, ...]:
    """Return blocks (N, size) of poses (N, T, 16, 3), all of them over the window.

    Where joints are and how fast; which way hands and feet turn; how often limbs swing; and how
    often each fixed kernel over the limbs is exceeded, a block for each dilation.

    Args:
        mask: (N, T, 16) bool; root: (N, T, 4); rate: steps a second, Hz.
    """
    place = pose.flatten(2) * 2.0
    seen = mask.repeat_interleave(3, dim=2)
    both = seen[:, 1:] & seen[:, :-1]
    speed = (place[:, 1:] - place[:, :-1]) * (rate / 10.0)
    step = mask.any(dim=-1, keepdim=True)
    posture = [
        quantiles(place, seen, _LEVELS),
        spread(place, seen),
        quantiles(speed, both, (0.1, 0.9)),
        quantiles(root, step.expand_as(root), (0.05, 0.5, 0.95)),
    ]
    ends, moved = _axes(_ENDS), _axes(_MOVED)
    there = centred(place[:, 1:, ends], both[..., ends])
    turning = there.transpose(1, 2) @ (speed[..., ends] * both[..., ends])
    size = length(there).unsqueeze(2) * length(speed[..., ends] * both[..., ends]).unsqueeze(1)
    waves = torch.fft.rfft(centred(place[:, :, moved], seen[..., moved]), dim=1)
    share = seen[..., moved].float().mean(dim=1, keepdim=True).clamp(min=0.1)
    swing = (waves.abs()[:, 1 : 1 + _WAVES] / (place.shape[1] * share)).sqrt()
    limbs = place[..., moved] * seen[..., moved]
    shares = _kernels(pose.device).shares(limbs, step.squeeze(-1))
    return (
        signed_log(torch.cat(posture, dim=1)),
        2.0 * (turning / size).flatten(1),
        4.0 * swing.flatten(1),
        *blocks_of_shares(shares, len(_DILATIONS)),
    )


def _axes(joints: tuple[str, ...]) -> list[int]:
    return [3 * CANONICAL_JOINTS.index(joint) + axis for joint in joints for axis in range(3)]


@cache
def _kernels(device: torch.device) -> FixedKernels:
    """Return kernels over the axes of the limbs: the same in every version of every library, since
    what was taught is kept as seen through them."""
    channels = 3 * len(_MOVED)
    with torch.random.fork_rng(devices=[]):
        kernels = FixedKernels(channels, 0, len(_THRESHOLDS), _DILATIONS)
    rows = len(_DILATIONS) * PATTERNS
    drawn = hashlib.shake_256(b'mujo pose detail').digest(2 * rows * (channels + 1))
    numbers = np.frombuffer(drawn, dtype='<u2').reshape(rows, channels + 1)
    # As few channels are likely as many: 1, 2, 4 or 8.
    count = 2 ** (numbers[:, :1] % 4)
    chosen = numbers[:, 1:].argsort(axis=1, kind='stable').argsort(axis=1) < count
    kernels.channels.copy_(torch.from_numpy(chosen).view_as(kernels.channels))
    kernels.thresholds.copy_(torch.tensor(_THRESHOLDS))
    return kernels.to(device).eval()
