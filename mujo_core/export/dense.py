"""The joint space without choosing rows: every row is computed, and masks drop what is absent.

What an exported graph cannot do is to leave out windows and devices that are not there. Rows do
not touch each other in evaluation mode, so that computing all of them gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from mujo_core.export.kernels import kernel_vectors
from mujo_core.export.trunk import RowTrunk
from mujo_core.model.checkpoint import Calibration
from mujo_core.model.imu import motion_features
from mujo_core.model.joint_space import JointSpace

NEVER = -1e9
"""A strength of `unknown` that no window falls below; infinity would turn to NaN."""


class DenseScores(nn.Module):
    """Windows to calibrated scores, as a graph of fixed shape but for B windows and D devices.

    Args:
        model: the joint space, in evaluation mode.
        labels: (S, L, size) vectors of the labels, a set for each of the S subsets of the model's
            modalities; subset s holds modality m where bit m of s is set.
        calibration: (S,) of each subset.
        among: (K,) bool of the labels of training by which a window is familiar; None for all.
        false_alarm_rate: share of known activities that may be said to be unknown.
    """

    def __init__(
        self,
        model: JointSpace,
        labels: torch.Tensor,
        calibration: Mapping[int, Calibration],
        false_alarm_rate: float,
        among: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.trunks = {m: RowTrunk(getattr(model, m).trunk) for m in model.modalities}
        self.register_buffer('among', among)
        self.among: torch.Tensor | None
        self.register_buffer('labels', labels)
        self.labels: torch.Tensor
        rows = [calibration.get(subset, Calibration()) for subset in range(len(labels))]
        table = [
            [
                c.temperature,
                c.spread,
                max(c.unknown_strength(false_alarm_rate), NEVER),
                c.familiarity,
            ]
            for c in rows
        ]
        self.register_buffer('calibration', torch.tensor(table))
        self.calibration: torch.Tensor

    def forward(
        self,
        pose: torch.Tensor,
        pose_mask: torch.Tensor,
        root: torch.Tensor,
        imu: torch.Tensor,
        imu_mask: torch.Tensor,
        placement: torch.Tensor,
        video: torch.Tensor | None = None,
        video_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Take a `Batch`'s fields; return scores (B, L), unknown (B,) and vectors (B, size)."""
        parts, present = {}, []
        if video is not None and video_mask is not None:
            parts['video'] = self._video(video, video_mask)
            present.append(video_mask.any(dim=1))
        parts['pose'] = self._pose(pose, pose_mask, root)
        parts['imu'] = self._imu(imu, imu_mask, placement)
        present += [pose_mask.flatten(1).any(dim=1), imu_mask.flatten(1).any(dim=1)]
        vector, familiarity = self.model.fuse(parts), self.model.familiarity(parts, self.among)
        subset = sum(there.long() * 2**bit for bit, there in enumerate(present))
        scale = self.model.log_scale.exp().clamp(max=100.0)
        logits = scale * (self.labels[subset] @ vector.unsqueeze(-1)).squeeze(-1)
        temperature, spread, threshold, usual = self.calibration[subset].unbind(dim=-1)
        scaled = logits / temperature.unsqueeze(-1)
        # A usual familiarity of 0 says that it does not count.
        counted = familiarity / usual.clamp(min=1e-6)
        counted = torch.where(usual > 0, counted, torch.ones_like(usual))
        unknown = torch.sigmoid((threshold - scaled.amax(dim=-1) * counted) / spread)
        scores = scaled.softmax(dim=-1) * (1.0 - unknown).unsqueeze(-1)
        return scores, unknown, vector

    def _pose(self, pose: torch.Tensor, mask: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
        seen = mask.any(dim=-1)
        return self.trunks['pose'].pooled(self.model.pose.features(pose, mask, root), seen)

    def _imu(self, imu: torch.Tensor, mask: torch.Tensor, placement: torch.Tensor) -> torch.Tensor:
        encoder = self.model.imu
        count, devices, length, _ = imu.shape
        seen = mask.flatten(0, 1)
        there = seen.any(dim=-1)
        motion = motion_features(imu.flatten(0, 1), seen, encoder.rate)
        where = encoder.place(placement).flatten(0, 1).unsqueeze(1).expand(-1, length, -1)
        vectors = self.trunks['imu'].pooled(torch.cat([motion, where], dim=-1), seen)
        if encoder.kernels is not None:
            whole = kernel_vectors(encoder.kernels, motion, seen)
            vectors = (1.0 - encoder.kernel_share) * vectors + encoder.kernel_share * whole
        vectors = (vectors * there.unsqueeze(-1)).view(count, devices, -1)
        return vectors.sum(dim=1) / there.view(count, devices, 1).sum(dim=1).clamp(min=1)

    def _video(self, video: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        encoder = self.model.video
        assert encoder is not None
        frames = encoder.frame(encoder.pictures(video, mask).flatten(0, 1))
        frames = frames.view(*mask.shape, -1) * mask.unsqueeze(-1)
        return encoder.weight * self.trunks['video'].pooled(frames, mask)
