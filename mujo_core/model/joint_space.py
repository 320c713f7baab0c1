"""One feature space for all modalities (MuJo, arXiv 2406.03857): encoders, fusion, labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional

from mujo_core.limits import check_least, check_positive, check_shares
from mujo_core.model.batch import Batch
from mujo_core.model.clusters import Clusters
from mujo_core.model.imu import ImuEncoder
from mujo_core.model.pose import PoseEncoder
from mujo_core.model.sequence import HEADS, Steps
from mujo_core.model.text import TEXT_SIZE, TextEncoder
from mujo_core.model.video import VideoEncoder
from mujo_core.video.settings import VideoSettings

LENGTH_COUNTS = 0.75
"""The power of a vector's length that is its familiarity: more finds more of what was never met,
less tells better what was."""


@dataclass(frozen=True)
class ModelSettings:
    """Sizes of the joint space.

    Attributes:
        size: length of its vectors.
        width: channels inside the encoders.
        dropout: share dropped inside the encoders in training.
        pose_rate, imu_rate: steps a second on the grid, Hz.
        kernels: thresholds of each of the fixed kernels beside the IMU encoder; 0 for none of them.
        kernel_share: of an IMU vector, 0..1, that they make.
        clusters: labels of training whose places are known; 0 for none.
        text_size: length of the sentence embeddings; training takes it from the encoder.
        video: what it sees of a video, if anything.
        video_weight: of a video's vector among others. Below 1, video decides where others do not:
            trained on few people, it is as sure of those it has not seen as of them.
    """

    size: int = 128
    width: int = 96
    dropout: float = 0.1
    pose_rate: float = 25.0
    imu_rate: float = 50.0
    kernels: int = 0
    kernel_share: float = 0.0
    clusters: int = 0
    text_size: int = TEXT_SIZE
    video: VideoSettings = field(default_factory=VideoSettings)
    video_weight: float = 1.0

    def __post_init__(self) -> None:
        check_least('model', self, 1, 'size', 'width', 'text_size')
        check_least('model', self, 0, 'kernels', 'clusters')
        check_positive('model', self, 'pose_rate', 'imu_rate', 'video_weight')
        check_shares('model', self, 'dropout', 'kernel_share')
        if self.width % HEADS:
            raise ValueError(
                f'expected --model.width as a multiple of {HEADS}, the heads of attention; '
                f'{self.width} came'
            )


class JointSpace(nn.Module):
    """Encoders of video, pose, IMU and text into one space of unit vectors."""

    def __init__(self, settings: ModelSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or ModelSettings()
        self.pose = PoseEncoder(settings.width, settings.size, settings.pose_rate, settings.dropout)
        self.imu = ImuEncoder(
            settings.width,
            settings.size,
            settings.imu_rate,
            settings.dropout,
            settings.kernels,
            settings.kernel_share,
        )
        self.text = TextEncoder(settings.text_size, settings.width, settings.size, settings.dropout)
        self.log_scale = nn.Parameter(torch.tensor(2.5))
        """Logarithm of 1 / temperature of the classifier."""
        self.log_contrast = nn.Parameter(torch.tensor(2.5))
        """Logarithm of 1 / temperature of the contrastive term."""
        self.always: frozenset[str] = frozenset()
        """Modalities that are encoded though a batch has none of them: processes that train
        together share their statistics, so all of them take the same steps."""
        # Last, so that the other weights of a seed are the same with and without it.
        self.video: VideoEncoder | None = None
        if settings.video.kind:
            self.video = VideoEncoder(
                settings.video,
                settings.width,
                settings.size,
                settings.dropout,
                settings.video_weight,
            )
        self.clusters: Clusters | None = None
        """The places of the labels of training, where they were measured."""
        if settings.clusters:
            self.clusters = Clusters(self.modalities, settings.clusters, settings.size)

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it has encoders for, text aside."""
        return ('video', 'pose', 'imu') if self.video else ('pose', 'imu')

    def steps(self, batch: Batch) -> dict[str, Steps]:
        """Return modality to its encoder's steps; what no window holds is left out."""
        found = {}
        present = batch.present
        if self.video is not None and ('video' in self.always or bool(present['video'].any())):
            found['video'] = self.video.steps(batch.video, batch.video_mask)
        if 'pose' in self.always or bool(present['pose'].any()):
            found['pose'] = self.pose.steps(batch.pose, batch.pose_mask, batch.root)
        if 'imu' in self.always or bool(present['imu'].any()):
            found['imu'] = self.imu.steps(batch.imu, batch.imu_mask, batch.placement)
        return found

    def pool(self, steps: dict[str, Steps]) -> dict[str, torch.Tensor]:
        """Return modality to (B, size) vectors, not normalized; absent ones are zero."""
        pools = {'pose': self.pose.pool, 'imu': self.imu.pool}
        if self.video is not None:
            pools['video'] = self.video.pool
        return {modality: pools[modality](found) for modality, found in steps.items()}

    def encode(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return modality to (B, size) vectors, not normalized; absent ones are zero."""
        return self.pool(self.steps(batch))

    @staticmethod
    def fuse(vectors: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return (B, size) unit vectors: the direction of the sum of what is there.

        A modality's length is its weight: an encoder that is sure of itself makes it long.
        """
        return functional.normalize(torch.stack(list(vectors.values())).sum(dim=0), dim=-1)

    def familiarity(
        self, vectors: dict[str, torch.Tensor], among: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return (B,): how much a window is like what training met, in a unit of the model's own.

        How near it lies to a label of training; where the places of labels were not measured, how
        long the sum is of which `fuse` gives the direction. That is short where an encoder is not
        sure of itself, and where modalities disagree.

        Args:
            vectors: modality to (B, size), not normalized.
            among: (L,) bool of the labels of training that count; None for all.
        """
        if self.clusters is not None:
            nearness: torch.Tensor = self.clusters(vectors, among)
            return nearness
        return torch.stack(list(vectors.values())).sum(dim=0).norm(dim=-1) ** LENGTH_COUNTS

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return (B, size): one unit vector a window, from whatever it holds; 0 of nothing."""
        return self.weighed(batch)[0]

    def weighed(
        self, batch: Batch, among: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (B, size) unit vectors and (B,) `familiarity`; 0 of nothing."""
        return self.joined(self.encode(batch), batch, among)

    def joined(
        self, vectors: dict[str, torch.Tensor], batch: Batch, among: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what `weighed` does, of a batch that `encode` has encoded."""
        if not vectors:
            nothing = batch.pose.new_zeros(len(batch), self.settings.size)
            return nothing, nothing.sum(dim=-1)
        return self.fuse(vectors), self.familiarity(vectors, among)

    def label_vectors(self, sentences: torch.Tensor) -> torch.Tensor:
        """Return (L, size) unit vectors of labels given as (L, text_size) sentence embeddings."""
        return functional.normalize(self.text(sentences), dim=-1)

    def logits(self, vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return (B, L): scaled cosines of (B, size) vectors and (L, size) label vectors."""
        return self.log_scale.exp().clamp(max=100.0) * vectors @ labels.T
