"""IMU encoder, one for all placements: samples of any number of devices to one vector."""

from __future__ import annotations

import torch
from torch import nn

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.model.batch import PLACEMENT_WORDS
from mujo_core.model.sequence import SequenceEncoder, Steps, spread_rows


class ImuEncoder(nn.Module):
    """(B, D, T, 6) samples, (B, D, T) mask, (B, D, W) placement words to (B, size).

    Axes go in beside what no turn of the device changes: the magnitudes, and the angle between
    the two vectors. Devices of a window are averaged, so their number is free.
    """

    def __init__(self, width: int, size: int, dropout: float) -> None:
        super().__init__()
        self.place = nn.Linear(len(PLACEMENT_WORDS), 16, bias=False)
        self.trunk = SequenceEncoder(6 + 3 + 3 + 16, width, size, stem_stride=2, dropout=dropout)

    def forward(
        self, imu: torch.Tensor, mask: torch.Tensor, placement: torch.Tensor
    ) -> torch.Tensor:
        """Return the vectors, not normalized."""
        return self.pool(self.steps(imu, mask, placement))

    def pool(self, steps: Steps) -> torch.Tensor:
        """Steps (B, D, T', width) to vectors (B, size): the mean over a window's devices."""
        there = steps.present
        vectors = spread_rows(self.trunk.pool(steps.rows(there)), there)
        return vectors.sum(dim=1) / there.sum(dim=1, keepdim=True).clamp(min=1)

    def steps(self, imu: torch.Tensor, mask: torch.Tensor, placement: torch.Tensor) -> Steps:
        """Return steps (B, D, T', width); a device that is absent keeps none."""
        length = imu.shape[2]
        present = mask.any(dim=-1)
        # Devices that are absent only fill up the batch: they cost no time and no statistics.
        there = present.flatten()
        flat = imu.flatten(0, 1)[there]
        acceleration = flat[..., :3] / STANDARD_GRAVITY
        rotation = flat[..., 3:] / 3.0
        size = acceleration.norm(dim=-1, keepdim=True)
        spin = rotation.norm(dim=-1, keepdim=True)
        along = (acceleration * rotation).sum(dim=-1, keepdim=True) / (size * spin + 0.1)
        seen = mask.flatten(0, 1)[there]
        change = torch.zeros_like(acceleration)
        joined = (seen[:, 1:] & seen[:, :-1]).unsqueeze(-1)
        change[:, 1:] = (acceleration[:, 1:] - acceleration[:, :-1]) * joined
        where = self.place(placement).flatten(0, 1)[there].unsqueeze(1).expand(-1, length, -1)
        features = torch.cat(
            [acceleration, rotation, size - 1.0, spin, along, change * 3, where], dim=-1
        )
        found = self.trunk.steps(features.clamp(-20.0, 20.0), seen)
        return found.spread(present)
