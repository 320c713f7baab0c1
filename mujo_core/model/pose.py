"""Pose encoder: joints, bones and velocities of the canonical pose to one vector."""

from __future__ import annotations

import torch
from torch import nn

from mujo_core.model.sequence import SequenceEncoder, Steps, spread_rows
from mujo_core.skeleton import CANONICAL_JOINTS, PARENTS

_JOINTS = len(CANONICAL_JOINTS)


class PoseEncoder(nn.Module):
    """(B, T, 16, 3) joints, (B, T, 16) mask, (B, T, 4) root motion to (B, size)."""

    def __init__(self, width: int, size: int, rate: float, dropout: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer('parents', torch.tensor(PARENTS), persistent=False)
        self.parents: torch.Tensor
        self.trunk = SequenceEncoder(_JOINTS * 10 + 4, width, size, dropout=dropout)

    def forward(self, pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
        """Return the vectors, not normalized."""
        return self.pool(self.steps(pose, mask, root))

    def pool(self, steps: Steps) -> torch.Tensor:
        """Steps (B, T', width) to vectors (B, size); 0 for a window that keeps none."""
        there = steps.present
        return spread_rows(self.trunk.pool(steps.rows(there)), there)

    def steps(self, pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor) -> Steps:
        """Return steps (B, T', width); a window without pose keeps none."""
        # Windows without pose cost no time and no statistics.
        there = mask.flatten(1).any(dim=1)
        features = self.features(pose[there], mask[there], root[there])
        return self.trunk.steps(features, mask[there].any(dim=-1)).spread(there)

    def features(self, pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
        """Return (B, T, 164): joints, bones, velocities and what is seen of each, root motion."""
        seen = mask.unsqueeze(-1).to(pose.dtype)
        pose = pose * seen
        bones = (pose - pose[:, :, self.parents]) * seen * seen[:, :, self.parents]
        velocity = torch.zeros_like(pose)
        velocity[:, 1:] = (pose[:, 1:] - pose[:, :-1]) * seen[:, 1:] * seen[:, :-1]
        # Velocities of 25 Hz steps are small beside positions; a fifth of a second evens them out.
        velocity = velocity * (self.rate / 5)
        features = torch.cat([pose * 2, bones * 4, velocity, seen], dim=-1)
        step = mask.any(dim=-1)
        return torch.cat([features.flatten(2), root * step.unsqueeze(-1)], dim=-1)
