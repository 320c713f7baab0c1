"""Held-out subjects during training: what early stopping and the choice of weights look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch.utils.data import DataLoader, Dataset

from mujo_core.training.data import collate, loader_processes
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import Window, WindowSpec

LIVE = SamplerSettings(
    as_stream=0.7,
    rest=0.1,
    speed=(0.9, 1.1),
    warp=0.0,
    pose_speed=0.03,
    device_turn=3.0,
    device_roll=3.0,
    vigour=0.0,
    any_turn=0.0,
    extra_device=0.0,
    virtual_only=0.0,
    drop_stream=0.05,
    lose=0.1,
    pose_noise=0.005,
    shake=0.0,
    hide=0.0,
    tilt=3.0,
)
"""Held-out windows are drawn as live ones are: partly cut actions amid rest, little disturbed."""
FILLED = replace(LIVE, as_stream=0.0, rest=0.0)
"""The same, but an activity fills them as far as it lasts."""
WINDOWS_A_CLIP = 4
_BATCH = 64


class HeldOutWindows(Dataset[tuple[Window, int]]):
    """The same windows at every look: some of each clip, of this process's share of the clips.

    Args:
        clips: of the held-out subjects, with one of the labels each.
        labels: the model's.
        rank: of this process among `processes`.
    """

    def __init__(
        self,
        clips: Sequence[AnyClip],
        spec: WindowSpec,
        labels: Sequence[str],
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.sampler = WindowSampler(clips, spec, LIVE)
        self.place = {name: index for index, name in enumerate(labels)}
        self.mine = range(rank, len(clips) * WINDOWS_A_CLIP, processes)

    def __len__(self) -> int:
        return len(self.mine)

    def __getitem__(self, index: int) -> tuple[Window, int]:
        draw = self.mine[index]
        rng = np.random.default_rng((draw, 7))
        window, label = self.sampler.draw(draw // WINDOWS_A_CLIP, rng)
        return window, self.place.get(label, -1)


def make_validation_loader(windows: HeldOutWindows, workers: int) -> DataLoader:
    """Return a loader of (`Batch`, labels (B,) int64)."""
    return DataLoader(
        windows,
        batch_size=_BATCH,
        collate_fn=partial(collate, spec=windows.sampler.spec),
        persistent_workers=workers > 0,
        **loader_processes(workers),
    )
