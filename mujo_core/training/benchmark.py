"""How fast a run trains, and how long it waits for its data.

Measured in a real run: what lies between the end of a step and the start of the next is waiting.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from mujo_core.datasets import utd_mhad
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import CANONICAL_JOINTS
from mujo_core.training.config import TrainConfig
from mujo_core.training.corrupted import random_corruption
from mujo_core.training.data import WindowDataset
from mujo_core.training.fit import fit_model
from mujo_core.training.mixture.clips import dataset_clips
from mujo_core.training.mixture.mixture import Material, read_material
from mujo_core.training.sampler import WindowSampler

_WARM_UP = 3
_DRAWS = 200


class StepClock(Callback):
    """Seconds of every step, and of waiting before it."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.steps: list[float] = []
        self._since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, index: int
    ) -> None:
        """The data are there."""
        now = time.perf_counter()
        self.waits.append(now - self._since)
        self._since = now

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        index: int,
    ) -> None:
        """The step is done."""
        now = time.perf_counter()
        self.steps.append(now - self._since)
        self._since = now


def random_material(seconds: float = 3.0, takes: int = 4) -> Material:
    """Return people in random motion, for whom no data set is needed: pose and a wrist IMU."""
    rng = np.random.default_rng(0)
    recordings = []
    for label in utd_mhad.LABELS:
        for take in range(takes):
            frames, samples = round(seconds * 30), round(seconds * 50)
            sway = np.cumsum(rng.normal(size=(frames, len(CANONICAL_JOINTS), 3)) * 0.02, axis=0)
            body = rng.normal(size=(len(CANONICAL_JOINTS), 3)) * 0.5 + sway
            imu = rng.normal(size=(samples, 6)) + np.array((0, 0, 9.8, 0, 0, 0))
            streams = {
                'pose': Stream(
                    np.arange(frames) / 30, body.astype(np.float32), layout='canonical16'
                ),
                'imu/right_wrist': Stream(np.arange(samples) / 50, imu.astype(np.float32)),
            }
            recordings.append(
                Recording(f'{label}{take}', 'random', '1', streams, [Segment(label, 0.0, seconds)])
            )
    clips = dataset_clips(recordings)
    return Material(recordings, clips, np.ones(len(clips)), [])


def measure_training(config: TrainConfig, steps: int) -> dict[str, Any]:
    """Train for some steps and say what the time went to.

    Args:
        config: the run; without `data.root` and `data.folders` on random motion.
        steps: how many are measured.

    Returns:
        ``windows_per_second`` of the whole run and ``compute_windows_per_second`` without the
        waiting; ``step_ms`` and ``wait_ms``, the median (p50) and p99 of what a batch takes and
        of the waiting in it; ``loading_share`` of the time that is spent waiting, 0..1;
        ``draw_cpu_ms``, of one window in one process; and what was run on what.
    """
    material = read_material(config) if _has_data(config) else random_material()
    fit = replace(config.fit, steps=steps + _WARM_UP, accumulate=1)
    clock, load = StepClock(), os.getloadavg()[0]
    fit_model(
        material.clips,
        material.weights,
        replace(config, fit=fit),
        progress=False,
        callbacks=[clock],
    )
    waits, computed = (np.array(times[_WARM_UP:]) for times in (clock.waits, clock.steps))
    whole = float((waits + computed).sum())
    windows = len(waits) * fit.batch_size
    return {
        'windows_per_second': windows / whole,
        'compute_windows_per_second': windows / float(computed.sum()),
        'step_ms': _percentiles(waits + computed),
        'wait_ms': _percentiles(waits),
        'loading_share': float(waits.sum()) / whole,
        'draw_cpu_ms': draw_cost(material, config) * 1e3,
        'steps': steps,
        'batch_size': fit.batch_size,
        'workers': fit.workers,
        'precision': fit.precision,
        'data': config.data.dataset if _has_data(config) else 'random motion',
        'machine': {
            'cpus': os.cpu_count(),
            'load_before': load,
            'load_after': os.getloadavg()[0],
            'torch': torch.__version__,
            'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        },
    }


def _has_data(config: TrainConfig) -> bool:
    return bool(config.data.root or config.data.folders)


def draw_cost(material: Material, config: TrainConfig) -> float:
    """Return the CPU seconds that drawing one window takes."""
    corruption = random_corruption(config.corruptions, material.clips)
    sampler = WindowSampler(material.clips, config.window, config.sampler, corruption)
    dataset = WindowDataset(sampler, utd_mhad.LABELS, material.weights, _DRAWS, config.fit.seed)
    start = time.process_time()
    for index in range(_DRAWS):
        dataset[index]
    return (time.process_time() - start) / _DRAWS


def _percentiles(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
    return {
        name: float(np.percentile(seconds, rank) * 1e3) for name, rank in (('p50', 50), ('p99', 99))
    }
