"""What a stream shows beside its place in the joint space, for labels that training never met.

The joint space keeps what tells the labels of training apart. A detail keeps more: it is made of
blocks, each number about 1 in size, that `mujo_core.recognition.discriminant` weighs anew for
whatever is taught.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from mujo_core.model.batch import Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import Steps
from mujo_core.skeleton import CANONICAL_JOINTS

PROJECTED = 256
"""Numbers that are kept of the fixed kernels' shares of a device, of which there are thousands."""
_LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_POSE_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_ENDS = ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')
_MOVED = ('head', 'left_elbow', 'right_elbow', 'left_knee', 'right_knee', *_ENDS)
_WAVES = 8
"""Swings a window that count: once to eight times."""
_RELATED = (0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 19, 20)
"""Features of a device (`motion_features`) whose correlations count: own axes and level ones."""


def details(model: JointSpace, batch: Batch, steps: dict[str, Steps]) -> dict[str, torch.Tensor]:
    """Return modality to what its streams show: (B, size), for imu (B, D, size) of D devices.

    What is absent is zero; `block_sizes` says of which blocks a row is made.

    Args:
        steps: of the batch (`JointSpace.steps`).
    """
    found = {}
    for modality, encoded in steps.items():
        there = encoded.present
        # Steps may come in half precision, which the layers behind them take only in autocast.
        rows = _single(encoded.rows(there))
        blocks = _blocks(model, modality, batch, rows)
        row = torch.cat([block.float() for block in blocks], dim=-1)
        found[modality] = row.new_zeros(*there.shape, row.shape[-1])
        found[modality][there] = row
    return found


def block_sizes(model: JointSpace, modality: str) -> tuple[int, ...]:
    """Return how many numbers each block of a modality's detail has, in their order."""
    settings = model.settings
    pooled = (2 * settings.width, settings.size)
    if modality == 'imu':
        pairs = len(_RELATED) * (len(_RELATED) - 1) // 2
        first = PROJECTED if settings.kernels else 2 * settings.width
        return first, settings.size, 21 * len(_LEVELS), pairs
    if modality == 'pose':
        ends = 3 * len(_ENDS)
        posture = 48 * (len(_POSE_LEVELS) + 3) + 4 * 3
        return (*pooled, posture, ends * ends, 3 * len(_MOVED) * _WAVES)
    return pooled


def _blocks(
    model: JointSpace, modality: str, batch: Batch, rows: Steps
) -> tuple[torch.Tensor, ...]:
    """Return the blocks of the N rows that are there."""
    encoder = {'pose': model.pose, 'imu': model.imu, 'video': model.video}[modality]
    assert encoder is not None
    pooled = encoder.trunk.pooled(rows)
    if modality == 'imu':
        place = _about_one(model.imu.device_vectors(rows))
        motion, seen = model.imu.motion(batch.imu, batch.imu_mask)
        kernels = model.imu.kernels
        if kernels is not None:
            pooled = _projected(kernels.shares(motion, seen))
        levels = _signed_log(_quantiles(motion, seen.unsqueeze(-1), _LEVELS))
        return pooled, place, levels, _correlations(motion[..., list(_RELATED)], seen)
    place = _about_one(encoder.trunk.head(pooled))
    if modality == 'pose':
        there = batch.pose_mask.flatten(1).any(dim=1)
        own = batch.pose[there], batch.pose_mask[there], batch.root[there]
        return pooled, place, *_motion(*own, model.settings.pose_rate)
    return pooled, place


def _single(steps: Steps) -> Steps:
    whole = None if steps.whole is None else steps.whole.float()
    return Steps(steps.values.float(), steps.keep, whole)


def _about_one(vectors: torch.Tensor) -> torch.Tensor:
    return functional.normalize(vectors.float(), dim=-1) * math.sqrt(vectors.shape[-1])


def _signed_log(x: torch.Tensor) -> torch.Tensor:
    """Return what grows with `x`, ever more slowly: usual features and joints to 4 at most."""
    return 3.0 * x.sign() * x.abs().log1p()


def _projected(shares: torch.Tensor) -> torch.Tensor:
    """Return (N, PROJECTED) of shares (N, F)."""
    signs = _signs(shares.shape[1]).to(shares.device)
    # Kernels of one pattern go together: the sum of F shares is not sqrt(F) in size but more.
    return (shares - 0.5) @ signs / (0.03 * shares.shape[1] ** 0.75)


@cache
def _signs(count: int) -> torch.Tensor:
    """Return (count, PROJECTED) of 1 and -1: the same in every version of every library, since
    what was taught is kept as seen through them."""
    drawn = hashlib.shake_256(b'mujo detail').digest(count * PROJECTED // 8)
    bits = np.unpackbits(np.frombuffer(drawn, dtype=np.uint8)).reshape(count, PROJECTED)
    return torch.from_numpy(bits.astype(np.float32) * 2.0 - 1.0)


def _quantiles(x: torch.Tensor, seen: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Return (N, levels * C) of what is seen of (N, T, C); 0 of nothing."""
    x = x.float().masked_fill(~seen, torch.nan)
    found = torch.nanquantile(x, x.new_tensor(levels), dim=1)
    return found.transpose(0, 1).flatten(1).nan_to_num(0.0)


def _spread(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, C): the standard deviation of what is seen of (N, T, C)."""
    weight = seen.to(x.dtype)
    count = weight.sum(dim=1).clamp(min=1.0)
    mean = (x * weight).sum(dim=1) / count
    return (((x - mean.unsqueeze(1)) ** 2 * weight).sum(dim=1) / count).sqrt()


def _correlations(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, C (C - 1) / 2) correlations of the channels of (N, T, C) over the seen steps."""
    weight = seen.unsqueeze(-1).float()
    count = weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    x = (x - (x * weight).sum(dim=1, keepdim=True) / count) * weight
    shared = x.transpose(1, 2) @ x / count
    # A channel that stands still has noise alone, which must not count as if it were motion.
    size = (shared.diagonal(dim1=1, dim2=2) + 1e-4).sqrt()
    row, column = torch.triu_indices(x.shape[2], x.shape[2], 1, device=x.device)
    return (shared / size.unsqueeze(1) / size.unsqueeze(2))[:, row, column]


def _motion(
    pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor, rate: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (N, 396) where joints are and how fast, (N, 144) which way hands and feet turn, and
    (N, 216) how often limbs swing: over the window, wherever in it."""
    place = pose.flatten(2) * 2.0
    seen = mask.repeat_interleave(3, dim=2)
    both = seen[:, 1:] & seen[:, :-1]
    speed = (place[:, 1:] - place[:, :-1]) * (rate / 10.0)
    step = mask.any(dim=-1, keepdim=True)
    posture = [
        _quantiles(place, seen, _POSE_LEVELS),
        _spread(place, seen),
        _quantiles(speed, both, (0.1, 0.9)),
        _quantiles(root, step.expand_as(root), (0.05, 0.5, 0.95)),
    ]
    ends, moved = _axes(_ENDS), _axes(_MOVED)
    there = _centred(place[:, 1:, ends], both[..., ends])
    turning = there.transpose(1, 2) @ (speed[..., ends] * both[..., ends])
    size = _length(there).unsqueeze(2) * _length(speed[..., ends] * both[..., ends]).unsqueeze(1)
    waves = torch.fft.rfft(_centred(place[:, :, moved], seen[..., moved]), dim=1)
    share = seen[..., moved].float().mean(dim=1, keepdim=True).clamp(min=0.1)
    swing = (waves.abs()[:, 1 : 1 + _WAVES] / (place.shape[1] * share)).sqrt()
    return (
        _signed_log(torch.cat(posture, dim=1)),
        2.0 * (turning / size).flatten(1),
        4.0 * swing.flatten(1),
    )


def _axes(joints: tuple[str, ...]) -> list[int]:
    return [3 * CANONICAL_JOINTS.index(joint) + axis for joint in joints for axis in range(3)]


def _centred(x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return (N, T, C) about the mean of what is seen; 0 elsewhere."""
    mean = (x * seen).sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True).clamp(min=1)
    return (x - mean) * seen


def _length(x: torch.Tensor) -> torch.Tensor:
    """Return (N, C): the length of each channel; one that hardly moves has that of slow motion."""
    return (x.square().sum(dim=1) + 1e-3 * x.shape[1]).sqrt()
