"""Windows as tensors: any subset of modalities, any number of devices, masked where absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from mujo_core.window import Window, WindowSpec

PLACEMENT_WORDS = (
    'ankle', 'arm', 'back', 'chest', 'head', 'left', 'pocket', 'right', 'thigh', 'upper', 'waist',
    'wrist',
)  # fmt: skip
"""A placement is embedded as the sum of its name's words, so that an unseen one still works.

Part of a checkpoint's format: a further word would change the shape of its weights.
"""


def placement_features(placement: str) -> np.ndarray:
    """Return (W,) float32: 1 for each of the known words in a placement's name."""
    words = placement.split('_')
    return np.array([word in words for word in PLACEMENT_WORDS], dtype=np.float32)


@dataclass(frozen=True)
class Batch:
    """B windows.

    Attributes:
        pose: (B, T, 16, 3) canonical joints, 0 where masked; pose_mask (B, T, 16) bool.
        root: (B, T, 4) the pelvis' velocity and its heading's rate.
        imu: (B, D, T, 6) samples of D devices; imu_mask (B, D, T) bool.
        placement: (B, D, W) words of the devices' placements.
        video: (B, T, *shape) frames, T = 0 where no window has any; video_mask (B, T) bool.
    """

    pose: torch.Tensor
    pose_mask: torch.Tensor
    root: torch.Tensor
    imu: torch.Tensor
    imu_mask: torch.Tensor
    placement: torch.Tensor
    video: torch.Tensor
    video_mask: torch.Tensor

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def present(self) -> dict[str, torch.Tensor]:
        """Modality to (B,) bool: has it any data?"""
        return {
            'video': self.video_mask.any(dim=1),
            'pose': self.pose_mask.flatten(1).any(dim=1),
            'imu': self.imu_mask.flatten(1).any(dim=1),
        }

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on another device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self)}
        return Batch(**moved)

    def turned(self, signs: Sequence[float]) -> Batch:
        """Return the batch with each of the six numbers of IMU samples times a sign."""
        return replace(self, imu=self.imu * self.imu.new_tensor(signs))

    def without(self, modality: str) -> Batch:
        """Return the batch with a modality masked."""
        mask = f'{modality}_mask'
        return replace(self, **{mask: torch.zeros_like(getattr(self, mask))})


def batch_windows(windows: Sequence[Window], spec: WindowSpec) -> Batch:
    """Stack windows; what a window lacks is masked."""
    count = len(windows)
    steps = {
        'pose': round(spec.seconds * spec.pose_rate),
        'imu': round(spec.seconds * spec.imu_rate),
    }
    devices = max(1, max((len(w.imu) for w in windows), default=1))
    pose = np.zeros((count, steps['pose'], 16, 3), dtype=np.float32)
    pose_mask = np.zeros(pose.shape[:3], dtype=bool)
    root = np.zeros((count, steps['pose'], 4), dtype=np.float32)
    imu = np.zeros((count, devices, steps['imu'], 6), dtype=np.float32)
    imu_mask = np.zeros(imu.shape[:3], dtype=bool)
    placement = np.zeros((count, devices, len(PLACEMENT_WORDS)), dtype=np.float32)
    seen = [w.video for w in windows if w.video is not None]
    frames = len(seen[0]) if seen else 0
    shape = (count, frames, *spec.video_shape)
    video: np.ndarray = np.zeros(shape, dtype=spec.stream('video').dtype)
    video_mask = np.zeros((count, frames), dtype=bool)
    for i, window in enumerate(windows):
        if window.video is not None:
            video[i], video_mask[i] = window.video, window.video_mask
        if window.pose is not None:
            pose[i], pose_mask[i] = window.pose.joints, window.pose.mask
            root[i] = window.pose.root
        for d, name in enumerate(sorted(window.imu)):
            imu[i, d], imu_mask[i, d] = window.imu[name], window.imu_mask[name]
            placement[i, d] = placement_features(name)
    arrays = (pose, pose_mask, root, imu, imu_mask, placement, video, video_mask)
    return Batch(*map(torch.from_numpy, arrays))
