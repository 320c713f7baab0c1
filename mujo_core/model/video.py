"""Video encoder: small frames of the person, or features of a frozen backbone, to one vector."""

from __future__ import annotations

import torch
from torch import nn

from mujo_core.model.sequence import SequenceEncoder, Steps, spread_rows
from mujo_core.video.settings import VideoSettings

_PATCH = 6
"""Pixels; a side is a multiple of two patches."""


class FrameNet(nn.Module):
    """(N, C, side, side) pictures to (N, width): patches, a convolution, and a full layer.

    Patches that do not overlap cost a fraction of sliding kernels, and the full layer at the end
    keeps where in the picture a limb is.
    """

    def __init__(self, channels: int, side: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 40, _PATCH, stride=_PATCH, bias=False),
            nn.BatchNorm2d(40),
            nn.ReLU(inplace=True),
            nn.Conv2d(40, 80, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(80),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(80 * (side // (2 * _PATCH)) ** 2, width),
            nn.BatchNorm1d(width),
            nn.GELU(),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the pictures' vectors."""
        found: torch.Tensor = self.layers(pictures.contiguous(memory_format=torch.channels_last))
        return found


class VideoEncoder(nn.Module):
    """(B, T, *shape) frames and (B, T) mask to (B, size), blind to masked frames.

    What changes from frame to frame goes in beside the frames themselves; of a depth frame the
    outline and the relief go in apart, since a hand before the body changes the latter alone.

    Args:
        settings: what a frame is.
        width: channels inside; size: of the vector; weight: of it among other modalities'.
    """

    def __init__(
        self, settings: VideoSettings, width: int, size: int, dropout: float, weight: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = weight
        self.frame: nn.Module
        if settings.kind == 'motion':
            channels = 3 if settings.source == 'depth' else 6
            self.frame = FrameNet(channels, settings.side, width, 2 * dropout)
        else:
            self.frame = nn.Sequential(
                nn.LayerNorm(2 * settings.features),
                nn.Dropout(2 * dropout),
                nn.Linear(2 * settings.features, width),
                nn.GELU(),
            )
        self.is_image = settings.kind == 'motion'
        self.is_depth = self.is_image and settings.source == 'depth'
        # Few frames a second: each keeps a step of its own.
        self.trunk = SequenceEncoder(width, width, size, strides=(1, 1, 1), dropout=dropout)

    def frames(self, video: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, T, width): each frame's vector, 0 where masked."""
        # Only what is there costs time and enters the statistics.
        both = self.pictures(video, mask).flatten(0, 1)[mask.flatten()]
        return spread_rows(self.frame(both), mask)

    def pictures(self, video: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, T, ...): what a frame shows and what changed since the one before."""
        seen = mask.view(*mask.shape, *[1] * (video.ndim - 2))
        video = video.masked_fill(~seen, 0)
        if self.is_image:
            video, seen = video.movedim(-1, 2), seen.movedim(-1, 2)
        if self.is_depth:
            body = (video > 0).float()
            relief = (video.float() - 128.0) * body * (2.0 / 127.0)
            still, moving = torch.cat([body, relief], dim=2), body + relief
        else:
            still = moving = video.float() / (255.0 if self.is_image else 1.0)
        change = torch.zeros_like(moving)
        change[:, 1:] = (moving[:, 1:] - moving[:, :-1]) * (seen[:, 1:] & seen[:, :-1])
        return torch.cat([still, change], dim=2)

    def steps(self, video: torch.Tensor, mask: torch.Tensor) -> Steps:
        """Return steps (B, T, width), one a frame; a window without video keeps none."""
        if not mask.shape[1]:  # a batch in which no window holds video
            video = video.new_zeros(len(video), 1, *video.shape[2:])
            mask = mask.new_zeros(len(mask), 1)
        there = mask.any(dim=1)
        video, mask = video[there], mask[there]
        return self.trunk.steps(self.frames(video, mask), mask).spread(there)

    def pool(self, steps: Steps) -> torch.Tensor:
        """Steps (B, T, width) to vectors (B, size); 0 for a window that keeps none."""
        there = steps.present
        return spread_rows(self.weight * self.trunk.pool(steps.rows(there)), there)

    def forward(self, video: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors, not normalized."""
        return self.pool(self.steps(video, mask))
