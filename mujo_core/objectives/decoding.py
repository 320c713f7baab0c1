"""From an encoder's steps back to samples: what reconstruction and regression have in common."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.model.batch import Batch
from mujo_core.model.sequence import Steps
from mujo_core.skeleton import CANONICAL_JOINTS

IMU_CHANNELS = 8
POSE_CHANNELS = len(CANONICAL_JOINTS) * 3 + 4
_BOUND = 20.0


def imu_targets(imu: torch.Tensor) -> torch.Tensor:
    """IMU samples (..., 6) to what is predicted of them, (..., 8), of order 1.

    Acceleration in g, angular velocity in 3 rad/s, and the magnitude of each, which is the same
    however the device is turned on the body.
    """
    acceleration, rotation = imu[..., :3] / STANDARD_GRAVITY, imu[..., 3:] / 3.0
    sizes = [v.norm(dim=-1, keepdim=True) for v in (acceleration, rotation)]
    return torch.cat([acceleration, rotation, *sizes], dim=-1).clamp(-_BOUND, _BOUND)


def pose_targets(batch: Batch) -> torch.Tensor:
    """Return (B, T, 52): joints in half metres, flat, then the root's motion."""
    targets = torch.cat([batch.pose.flatten(2) * 2.0, batch.root], dim=-1)
    return targets.clamp(-_BOUND, _BOUND)


def pose_entries(joints: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """Joints (B, T, 16) and root (B, T), bool, to the entries of `pose_targets`, (B, T, 52)."""
    flat = joints.repeat_interleave(3, dim=-1)
    return torch.cat([flat, root.unsqueeze(-1).expand(-1, -1, 4)], dim=-1)


class StepDecoder(nn.Module):
    """Steps to samples: each step, seeing its neighbours, gives the `stride` samples it covers.

    Args:
        width: of the steps; channels: of a sample; stride: samples a step.
    """

    def __init__(self, width: int, channels: int, stride: int) -> None:
        super().__init__()
        self.channels = channels
        self.context = nn.Conv1d(width, width, 3, padding=1)
        self.samples = nn.Conv1d(width, channels * stride, 1)

    def forward(self, steps: torch.Tensor, length: int, covered: int) -> torch.Tensor:
        """(N, T', width) to (N, length, channels).

        Args:
            length: samples wanted.
            covered: samples of that rate that all steps cover, at least `length`.
        """
        found = self.samples(functional.gelu(self.context(steps.transpose(1, 2))))
        # (N, stride * channels, T') to (N, channels, T' * stride).
        found = found.unflatten(1, (-1, self.channels)).permute(0, 2, 3, 1).flatten(2)
        if not len(found):  # torch cannot stretch a batch of nothing
            found = found[..., :1].expand(-1, -1, covered)
        elif found.shape[-1] != covered:
            found = functional.interpolate(found, size=covered, mode='linear')
        return found[..., :length].transpose(1, 2)


def kept_samples(keep: torch.Tensor, length: int, covered: int) -> torch.Tensor:
    """Kept steps (..., T') to samples (..., length) that lie under one of them."""
    at = torch.arange(length, device=keep.device) * keep.shape[-1] / covered
    return keep[..., at.long().clamp(max=keep.shape[-1] - 1)]


def mean_of_devices(steps: Steps) -> Steps:
    """Average the steps (B, D, T', width) of a window's devices where they are kept."""
    weight = steps.keep.unsqueeze(-1).to(steps.values.dtype)
    mean = (steps.values * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
    return Steps(mean, steps.keep.any(dim=1))
