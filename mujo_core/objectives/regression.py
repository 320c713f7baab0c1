"""One modality's samples from another's steps (as in Multi3Net, MuJo's predecessor)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.batch import PLACEMENT_WORDS
from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.decoding import (
    IMU_CHANNELS,
    POSE_CHANNELS,
    StepDecoder,
    imu_targets,
    kept_samples,
    mean_of_devices,
    pose_entries,
    pose_targets,
)
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs


@term('pose_to_imu')
class PoseToImu(Term):
    """What a device at a placement would read, from the pose alone.

    Axes are regressed although a device may be turned on the body; with the robust loss the
    decoder settles on the usual mounting, and the magnitudes hold for every mounting.
    """

    def __init__(self, model: JointSpace) -> None:
        super().__init__(model)
        width = model.settings.width
        self.place = nn.Linear(len(PLACEMENT_WORDS), width, bias=False)
        self.decoder = StepDecoder(width, IMU_CHANNELS, model.imu.trunk.stride)

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean smooth L1 over the samples of devices in windows that hold pose."""
        batch, steps = inputs.batch, inputs.steps.get('pose')
        if steps is None:
            return _nothing(batch.pose)
        length = batch.imu.shape[2]
        covered = steps.keep.shape[-1] * inputs.model.pose.trunk.stride
        covered = round(covered * length / batch.pose.shape[1])
        pairs = steps.present[:, None] & batch.imu_mask.any(dim=-1)
        row, device = pairs.nonzero(as_tuple=True)
        query = steps.values[row] + self.place(batch.placement[row, device]).unsqueeze(1)
        found = self.decoder(query, length, covered)
        target = imu_targets(batch.imu[row, device])
        counts = batch.imu_mask[row, device] & kept_samples(steps.keep[row], length, covered)
        error = functional.smooth_l1_loss(found, target.to(found.dtype), reduction='none')
        return masked_mean(error, counts.unsqueeze(-1))


@term('imu_to_pose')
class ImuToPose(Term):
    """The pose from whatever devices a window holds."""

    def __init__(self, model: JointSpace) -> None:
        super().__init__(model)
        self.decoder = StepDecoder(model.settings.width, POSE_CHANNELS, model.pose.trunk.stride)

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean smooth L1 over the joints seen in windows that hold a device."""
        batch, found = inputs.batch, inputs.steps.get('imu')
        if found is None:
            return _nothing(batch.pose)
        steps = mean_of_devices(found)
        length = batch.pose.shape[1]
        covered = steps.keep.shape[-1] * inputs.model.imu.trunk.stride
        covered = round(covered * length / batch.imu.shape[2])
        samples = self.decoder(steps.values, length, covered)
        kept = kept_samples(steps.keep, length, covered)
        joints = batch.pose_mask & kept.unsqueeze(-1)
        counts = pose_entries(joints, joints.any(dim=-1))
        target = pose_targets(batch).to(samples.dtype)
        error = functional.smooth_l1_loss(samples, target, reduction='none')
        return masked_mean(error, counts)


def _nothing(like: torch.Tensor) -> torch.Tensor | None:
    """Take part in the mean over processes with no entry."""
    return masked_mean(like.new_zeros(1), like.new_zeros(1, dtype=torch.bool))
