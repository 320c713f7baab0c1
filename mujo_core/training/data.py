"""Batches for training: seeded draws from clips, the same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.objectives.term import OUTLIER as OUTLIER_PLACE
from mujo_core.objectives.term import CleanWindows
from mujo_core.training.clip import OUTLIER
from mujo_core.training.sampler import WindowSampler
from mujo_core.window import Window, WindowSpec

PATIENCE = 300.0
"""Seconds after which a batch that does not come ends a run, which can be resumed."""
START = 'forkserver'
"""How loader processes start. Forked from this one, which has threads, some would stand still on a
lock that another thread held; so a script that trains keeps to `if __name__ == '__main__'`."""


class Drawn(NamedTuple):
    """A window, the place of its label, and the window before it was corrupted if that is told."""

    window: Window
    place: int
    clean: Window | None = None


class WindowDataset(Dataset[Drawn]):
    """`count` drawn windows with the place of their label in `labels`.

    A window without one of these labels gets a negative place of its own, so that no two of them
    pass for the same activity; that of an outlier is below all others (`OUTLIER_PLACE`). Each draw
    has a generator of its own, seeded by (seed, index): the same draws whatever the number of
    processes, and in a run that is continued.

    Args:
        pairs: also tell what a window was before it was corrupted.
    """

    def __init__(
        self,
        sampler: WindowSampler,
        labels: Sequence[str],
        weights: np.ndarray,
        count: int,
        seed: int,
        pairs: bool = False,
    ) -> None:
        self.sampler = sampler
        self.place = {name: index for index, name in enumerate(labels)}
        self.cumulative = np.cumsum(weights / weights.sum())
        self.count = count
        self.seed = seed
        self.pairs = pairs

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Drawn:
        rng = np.random.default_rng((self.seed, index))
        clip = int(np.searchsorted(self.cumulative, rng.random()))
        clip = min(clip, len(self.cumulative) - 1)
        draw = self.sampler.draw_pair if self.pairs else self.sampler.draw
        window, label, *clean = draw(clip, rng)
        without = (OUTLIER_PLACE if label == OUTLIER else -1) - index
        return Drawn(window, self.place.get(label, without), *clean)


class DrawOrder(Sampler[list[int]]):
    """The draws of every batch of one process, which takes its share of each batch of all.

    Args:
        batches: how many there are, from the first on; batch_size: draws of all processes in each.
        start: the batch to begin with, in a run that is continued.
        rank: of this process among `processes`.
    """

    def __init__(
        self, batches: int, batch_size: int, start: int = 0, rank: int = 0, processes: int = 1
    ) -> None:
        self.batches = batches
        self.batch_size = batch_size
        self.start = start
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // self.processes
        for batch in range(self.start, self.batches):
            first = batch * self.batch_size + self.rank * share
            yield list(range(first, first + share))


def collate(
    items: Sequence[tuple[Window, int] | Drawn], spec: WindowSpec
) -> tuple[Batch, torch.Tensor]:
    """Return windows and the places of their labels as (`Batch`, (B,) int64)."""
    windows, labels = zip(*(item[:2] for item in items), strict=True)
    return batch_windows(windows, spec), torch.tensor(labels)


def collate_pairs(
    items: Sequence[Drawn], spec: WindowSpec
) -> tuple[Batch, torch.Tensor, CleanWindows]:
    """Return what `collate` does, and those that were corrupted as they were before."""
    rows = [row for row, item in enumerate(items) if item.clean is not None]
    clean = batch_windows([item.clean for item in items if item.clean is not None], spec)
    return *collate(items, spec), CleanWindows(clean, torch.tensor(rows, dtype=torch.int64))


def make_loader(dataset: WindowDataset, order: DrawOrder, workers: int) -> DataLoader:
    """Return a loader of (`Batch`, labels (B,) int64), and `CleanWindows` of a dataset of pairs."""
    join = collate_pairs if dataset.pairs else collate
    return DataLoader(
        dataset,
        batch_sampler=order,
        collate_fn=partial(join, spec=dataset.sampler.spec),
        **loader_processes(workers),
    )


def loader_processes(workers: int) -> dict[str, Any]:
    """Return what a `DataLoader` is told of its processes; 0 of them load nothing beside."""
    if not workers:
        return {'num_workers': 0}
    return {'num_workers': workers, 'timeout': PATIENCE, 'multiprocessing_context': START}


@contextmanager
def loading() -> Iterator[None]:
    """Turn what ends a loader's processes (silence, a signal, no memory) into one line.

    Raises:
        OSError: instead of the loader's own error.
    """
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition('\n')[0]
        if not reason.startswith('DataLoader'):
            raise
        raise OSError(
            f'the processes that load windows failed ({reason.strip()}); start the run again '
            '(mujo train goes on from its last snapshot), or with --fit.workers 0, without them'
        ) from error
