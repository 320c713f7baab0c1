"""Examples in the joint space: each modality is encoded once, every subset is a fusion of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.joint_space import JointSpace
from mujo_core.recording import MODALITIES
from mujo_core.window import Window

_AT_ONCE = 256


def subsets_of(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every subset of modalities, single ones first."""
    return [s for n in range(1, len(modalities) + 1) for s in combinations(modalities, n)]


@dataclass(frozen=True)
class Embedding:
    """N windows in the joint space.

    Attributes:
        model: what encoded them.
        vectors: modality to (N, size), not normalized, zero where absent.
        present: modality to (N,) bool.
    """

    model: JointSpace
    vectors: dict[str, torch.Tensor]
    present: dict[str, np.ndarray]

    @property
    def modalities(self) -> list[str]:
        """The modalities that any window holds, in their fixed order."""
        return [m for m in MODALITIES if m in self.present and self.present[m].any()]

    def having(self, subset: Sequence[str]) -> np.ndarray:
        """Return the places of the windows that hold all modalities of a subset."""
        return np.flatnonzero(np.all([self.present[m] for m in subset], axis=0))

    def fused(self, subset: Sequence[str], rows: np.ndarray) -> torch.Tensor:
        """Return (len(rows), size) unit vectors of some windows, from a subset alone."""
        with torch.inference_mode():
            return self.model.fuse({m: self.vectors[m][torch.from_numpy(rows)] for m in subset})

    def familiarity(
        self, subset: Sequence[str], rows: np.ndarray, among: torch.Tensor | None = None
    ) -> np.ndarray:
        """Return (len(rows),) how familiar windows are (`JointSpace.familiarity`)."""
        with torch.inference_mode():
            parts = {m: self.vectors[m][torch.from_numpy(rows)] for m in subset}
            return np.asarray(self.model.familiarity(parts, among).numpy())


def embed_windows(checkpoint: Checkpoint, windows: Sequence[Window]) -> Embedding:
    """Encode windows, of the modalities that the checkpoint knows."""
    size = checkpoint.model.settings.size
    vectors: dict[str, list[torch.Tensor]] = {m: [] for m in checkpoint.modalities}
    present: dict[str, list[np.ndarray]] = {m: [] for m in checkpoint.modalities}
    for start in range(0, len(windows), _AT_ONCE):
        batch = batch_windows(windows[start : start + _AT_ONCE], checkpoint.window)
        with torch.inference_mode():
            found = checkpoint.model.encode(batch)
        for modality in checkpoint.modalities:
            vectors[modality].append(found.get(modality, torch.zeros(len(batch), size)))
            present[modality].append(batch.present[modality].numpy())
    return Embedding(
        checkpoint.model,
        {m: torch.cat(parts) for m, parts in vectors.items() if parts},
        {m: np.concatenate(parts) for m, parts in present.items() if parts},
    )


def unit_mean(vectors: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean direction (G, size) of each group of unit vectors, and the groups (G,)."""
    names, place = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), vectors.shape[1]))
    np.add.at(sums, place, vectors)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), names
