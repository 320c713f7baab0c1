"""Vectors of many windows of which most are alike: each distinct one is encoded once.

A corruption of one sensor leaves the windows of the others as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mujo_core.evaluation.embedding import Embedding, embed_windows
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import modality_of
from mujo_core.window import Window


class DistinctEncoder:
    """Encodes the modalities of windows apart, and knows again those it was asked to keep."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._kept: dict[bytes, torch.Tensor] = {}

    def __call__(self, windows: Sequence[Window | None], keep: bool = False) -> Embedding:
        """Return the vectors of windows; a window that is None holds nothing.

        Args:
            keep: remember these for later calls.
        """
        size = self.checkpoint.model.settings.size
        vectors, present = {}, {}
        for modality in self.checkpoint.modalities:
            keys = [None if w is None else _key(w, modality) for w in windows]
            new = {k: w for k, w in zip(keys, windows, strict=True) if k and k not in self._kept}
            known = {**self._kept, **self._encode(new, modality)}
            if keep:
                self._kept = known
            zero = torch.zeros(size)
            rows = [zero if key is None else known[key] for key in keys]
            vectors[modality] = torch.stack(rows) if rows else torch.zeros(0, size)
            present[modality] = np.array([key is not None for key in keys], dtype=bool)
        return Embedding(self.checkpoint.model, vectors, present)

    def _encode(self, new: dict[bytes, Window | None], modality: str) -> dict[bytes, torch.Tensor]:
        if not new:
            return {}
        alone = [_only(window, modality) for window in new.values() if window is not None]
        rows = embed_windows(self.checkpoint, alone).vectors[modality]
        return dict(zip(new, rows, strict=True))


def _only(window: Window, modality: str) -> Window:
    return replace(
        window,
        video=window.video if modality == 'video' else None,
        video_mask=window.video_mask if modality == 'video' else None,
        pose=window.pose if modality == 'pose' else None,
        imu=window.imu if modality == 'imu' else {},
        imu_mask=window.imu_mask if modality == 'imu' else {},
    )


def _key(window: Window, modality: str) -> bytes | None:
    """Return what tells a window's modality from others; None where it has no data."""
    parts: list[np.ndarray] = []
    names = ''
    if modality == 'pose' and window.pose is not None and window.pose.mask.any():
        parts = [window.pose.joints, window.pose.mask, window.pose.root]
    elif modality == 'imu' and any(mask.any() for mask in window.imu_mask.values()):
        names = ' '.join(sorted(window.imu))
        parts = [a for n in sorted(window.imu) for a in (window.imu[n], window.imu_mask[n])]
    elif modality == 'video' and window.video_mask is not None and window.video_mask.any():
        assert window.video is not None
        parts = [window.video, window.video_mask]
    if not parts:
        return None
    found = hashlib.blake2b(f'{modality} {names}'.encode(), digest_size=16)
    for part in parts:
        found.update(np.ascontiguousarray(part).data)
    return found.digest()


def covers(window: Window, modality: str, least: float) -> bool:
    """Say whether some stream of a modality has at least this share of the window."""
    shares = [s for name, s in window.coverage.items() if modality_of(name) == modality]
    return max(shares, default=0.0) >= least
