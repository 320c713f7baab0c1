"""IMU encoder, one for all placements: samples of any number of devices to one vector."""

from __future__ import annotations

import torch
from torch import nn

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.model.attitude import level
from mujo_core.model.batch import PLACEMENT_WORDS
from mujo_core.model.kernels import FixedKernels
from mujo_core.model.sequence import SequenceEncoder, Steps, spread_rows

FEATURES = 21
"""Features a step; see `motion_features`."""


def motion_features(samples: torch.Tensor, seen: torch.Tensor, rate: float) -> torch.Tensor:
    """Return (N, T, 21): what N devices felt, each feature about 1 in size.

    The device's own axes and their change; what no turn of the device alters: the magnitudes and
    the angle between the two vectors; and both vectors and the device's x axis in the level
    frame, which a strap that slipped about the limb does not alter.

    Args:
        samples: (N, T, 6) in SI units.
        seen: (N, T) bool.
        rate: steps a second, Hz.
    """
    # A turn that nobody saw would turn all that follows.
    samples = samples.masked_fill(~seen.unsqueeze(-1), 0.0)
    force = samples[..., :3] / STANDARD_GRAVITY
    spin = samples[..., 3:] / 3.0
    strength = force.norm(dim=-1, keepdim=True)
    speed = spin.norm(dim=-1, keepdim=True)
    along = (force * spin).sum(dim=-1, keepdim=True) / (strength * speed + 0.1)
    change = torch.zeros_like(force)
    joined = (seen[:, 1:] & seen[:, :-1]).unsqueeze(-1)
    change[:, 1:] = (force[:, 1:] - force[:, :-1]) * joined
    # Turns chained over a whole window would drown in the rounding of half precision.
    with torch.autocast(samples.device.type, enabled=False):
        level_force, level_spin, axis = level(force.float(), samples[..., 3:].float(), seen, rate)
    gravity = seen.unsqueeze(-1) * force.new_tensor([0.0, 0.0, 1.0])
    own = [force, spin, strength - 1.0, speed, along, change * 3.0]
    return torch.cat([*own, level_force - gravity, level_spin / 3.0, axis], dim=-1).clamp(-20, 20)


class ImuEncoder(nn.Module):
    """(B, D, T, 6) samples, (B, D, T) mask, (B, D, W) placement words to (B, size).

    Devices of a window are averaged, so their number is free.

    Args:
        kernels: thresholds of each fixed kernel; 0 for a trunk without such kernels beside it.
        kernel_share: of the vector, 0..1, that the kernels make.
    """

    def __init__(
        self,
        width: int,
        size: int,
        rate: float,
        dropout: float,
        kernels: int = 0,
        kernel_share: float = 0.0,
    ) -> None:
        super().__init__()
        self.rate = rate
        self.kernel_share = kernel_share
        self.place = nn.Linear(len(PLACEMENT_WORDS), 16, bias=False)
        self.trunk = SequenceEncoder(FEATURES + 16, width, size, stem_stride=2, dropout=dropout)
        self.kernels = FixedKernels(FEATURES, size, kernels) if kernels else None

    def forward(
        self, imu: torch.Tensor, mask: torch.Tensor, placement: torch.Tensor
    ) -> torch.Tensor:
        """Return the vectors, not normalized."""
        return self.pool(self.steps(imu, mask, placement))

    def pool(self, steps: Steps) -> torch.Tensor:
        """Steps (B, D, T', width) to vectors (B, size): the mean over a window's devices."""
        there = steps.present
        vectors = spread_rows(self.device_vectors(steps.rows(there)), there)
        return vectors.sum(dim=1) / there.sum(dim=1, keepdim=True).clamp(min=1)

    def device_vectors(self, rows: Steps) -> torch.Tensor:
        """Steps (N, T', width) of the devices that are there to a vector (N, size) each."""
        vectors = self.trunk.pool(rows)
        if rows.whole is not None:
            vectors = (1.0 - self.kernel_share) * vectors + self.kernel_share * rows.whole
        return vectors

    def steps(self, imu: torch.Tensor, mask: torch.Tensor, placement: torch.Tensor) -> Steps:
        """Return steps (B, D, T', width); a device that is absent keeps none."""
        length = imu.shape[2]
        present = mask.any(dim=-1)
        there = present.flatten()
        where = self.place(placement).flatten(0, 1)[there].unsqueeze(1).expand(-1, length, -1)
        motion, seen = self.motion(imu, mask)
        steps = self.trunk.steps(torch.cat([motion, where], dim=-1), seen)
        if self.kernels is not None:
            steps = steps._replace(whole=self.kernels(motion, seen))
        return steps.spread(present)

    def motion(self, imu: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (N, T, 21) and mask (N, T) of the N devices that are there."""
        # Devices that are absent only fill up the batch: they cost no time and no statistics.
        there = mask.any(dim=-1)
        seen = mask[there]
        return motion_features(imu[there], seen, self.rate), seen
