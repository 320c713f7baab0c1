"""Batches for training: seeded draws from clips, the same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.training.sampler import WindowSampler
from mujo_core.window import Window, WindowSpec


class WindowDataset(Dataset[tuple[Window, int]]):
    """`count` drawn windows with the place of their label in `labels`.

    Each draw has a generator of its own, seeded by (seed, index): the same draws whatever the
    number of loader processes, and from the start again after a restart.
    """

    def __init__(
        self,
        sampler: WindowSampler,
        labels: Sequence[str],
        weights: np.ndarray,
        count: int,
        seed: int,
    ) -> None:
        self.sampler = sampler
        self.place = {name: index for index, name in enumerate(labels)}
        self.cumulative = np.cumsum(weights / weights.sum())
        self.count = count
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Window, int]:
        rng = np.random.default_rng((self.seed, index))
        clip = int(np.searchsorted(self.cumulative, rng.random()))
        window, label = self.sampler.draw(min(clip, len(self.cumulative) - 1), rng)
        return window, self.place[label]


def _collate(items: Sequence[tuple[Window, int]], spec: WindowSpec) -> tuple[Batch, torch.Tensor]:
    windows, labels = zip(*items, strict=True)
    return batch_windows(windows, spec), torch.tensor(labels)


def make_loader(dataset: WindowDataset, batch_size: int, workers: int) -> DataLoader:
    """Return a loader of (`Batch`, labels (B,) int64)."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=False,
        drop_last=True,
        num_workers=workers,
        collate_fn=partial(_collate, spec=dataset.sampler.spec),
    )
