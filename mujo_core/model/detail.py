"""What a stream shows beside its place in the joint space, for labels that training never met.

The joint space keeps what tells the labels of training apart. A detail keeps more: it is made of
blocks, each number about 1 in size, that `mujo_core.recognition.discriminant` weighs anew for
whatever is taught. What fixed kernels see counts more than all else, a block for each of their
dilations: kernels that were fitted to nobody tell what nobody was fitted to.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from mujo_core.model.batch import Batch
from mujo_core.model.imu_detail import imu_blocks, imu_sizes
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.pose_detail import pose_blocks, pose_sizes
from mujo_core.model.sequence import Steps


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
    encoder = (2 * settings.width, settings.size)
    if modality == 'imu':
        return *encoder, *imu_sizes(model.imu.kernels)
    if modality == 'pose':
        return *encoder, *pose_sizes()
    return encoder


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
        return pooled, place, *imu_blocks(model.imu.kernels, motion, seen)
    place = _about_one(encoder.trunk.head(pooled))
    if modality == 'pose':
        there = batch.pose_mask.flatten(1).any(dim=1)
        own = batch.pose[there], batch.pose_mask[there], batch.root[there]
        return pooled, place, *pose_blocks(*own, model.settings.pose_rate)
    return pooled, place


def _single(steps: Steps) -> Steps:
    whole = None if steps.whole is None else steps.whole.float()
    return Steps(steps.values.float(), steps.keep, whole)


def _about_one(vectors: torch.Tensor) -> torch.Tensor:
    return functional.normalize(vectors.float(), dim=-1) * math.sqrt(vectors.shape[-1])
