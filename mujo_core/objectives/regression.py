"""One modality's samples from another's steps (as in Multi3Net, MuJo's predecessor)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.batch import PLACEMENT_WORDS, Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.decoding import (
    IMU_CHANNELS,
    StepDecoder,
    imu_targets,
    kept_samples,
    mean_of_devices,
)
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs
from mujo_core.skeleton import CANONICAL_JOINTS


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
    """The pose and its velocities from whatever devices a window holds.

    Beside a label, a window then teaches where the limbs went, step by step: what keeps an
    encoder of few people's devices to motion instead of to those people's habits.
    """

    def __init__(self, model: JointSpace) -> None:
        super().__init__(model)
        self.rate = model.settings.pose_rate
        channels = 2 * 3 * len(CANONICAL_JOINTS)
        self.decoder = StepDecoder(model.settings.width, channels, model.pose.trunk.stride)

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
        target, counts = _motion(batch, self.rate)
        counts = counts & kept_samples(steps.keep, length, covered).unsqueeze(-1)
        error = functional.smooth_l1_loss(samples, target.to(samples.dtype), reduction='none')
        return masked_mean(error, counts)


@term('video_to_pose')
class VideoToPose(Term):
    """The pose and its velocities at each frame of a video.

    A few people's pictures teach an encoder those people's outlines; where their joints are is
    what it has to know of anybody.
    """

    def __init__(self, model: JointSpace) -> None:
        super().__init__(model)
        self.rate = model.settings.pose_rate
        channels = 2 * 3 * len(CANONICAL_JOINTS)
        self.decoder = StepDecoder(model.settings.width, channels, 1)

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean absolute error over the joints seen at the frames seen."""
        batch, steps = inputs.batch, inputs.steps.get('video')
        if steps is None:
            return _nothing(batch.pose)
        frames, length = steps.keep.shape[1], batch.pose.shape[1]
        # Both grids end with the window.
        at = ((torch.arange(frames) + 1) * length / frames).round().long() - 1
        target, counts = _motion(batch, self.rate)
        target, counts = target[:, at], counts[:, at] & steps.keep.unsqueeze(-1)
        found = self.decoder(steps.values, frames, frames)
        # Its mean lets outliers of the skeleton be, and does not fade as it grows small.
        error = functional.l1_loss(found, target.to(found.dtype), reduction='none')
        return masked_mean(error, counts)


def _motion(batch: Batch, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return joints in 0.3 m and their velocities in m/s (B, T, 96), and which are known."""
    seen = batch.pose_mask
    speed, moving = torch.zeros_like(batch.pose), torch.zeros_like(seen)
    speed[:, 1:] = (batch.pose[:, 1:] - batch.pose[:, :-1]) * rate
    moving[:, 1:] = seen[:, 1:] & seen[:, :-1]
    targets = torch.cat([batch.pose.flatten(2) / 0.3, speed.flatten(2)], dim=-1)
    known = torch.cat([seen, moving], dim=-1).repeat_interleave(3, dim=-1)
    return targets.clamp(-10.0, 10.0), known


def _nothing(like: torch.Tensor) -> torch.Tensor | None:
    """Take part in the mean over processes with no entry."""
    return masked_mean(like.new_zeros(1), like.new_zeros(1, dtype=torch.bool))
