"""Where the time of the protocol `robustness` goes: by step, and by corruption."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from mujo_core.corruptions import CLEAN, sigma_of, suite
from mujo_core.evaluation.corrupted import make_pieces
from mujo_core.evaluation.registry import Task
from mujo_core.evaluation.robustness import STEPS, modalities_of, run_cases
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import Recording, Segment, Stream

SECONDS = 3.5
"""The median of UTD-MHAD's clips."""
PUBLISHED = 430
"""Recordings of its test half."""


def made_up_clips(labels: Sequence[str], count: int) -> list[Recording]:
    """Return clips of a body and a wrist that move at random, of a Kinect's and an IMU's rates."""
    rng = np.random.default_rng(0)
    body = rng.normal(size=(16, 3)) * 0.4
    body[:, 2] += 1.0
    gravity = np.array([0.0, 0.0, 9.8, 0.0, 0.0, 0.0])
    clips = []
    for number in range(count):
        pose_t = np.arange(round(SECONDS * 18)) / 18
        imu_t = np.arange(round(SECONDS * 50)) / 50
        path = np.cumsum(rng.normal(size=(len(pose_t), 16, 3)) * 0.01, axis=0)
        samples = rng.normal(size=(len(imu_t), 6)) + gravity
        streams = {
            'pose': Stream(pose_t, (body + path).astype(np.float32), 'canonical16', (0, 0, 1)),
            'imu/right_wrist': Stream(imu_t, samples.astype(np.float32)),
        }
        label = labels[number % len(labels)]
        end = max(float(pose_t[-1]), float(imu_t[-1]))
        clips.append(Recording(f'{number}', 'made_up', '1', streams, [Segment(label, 0.0, end)]))
    return clips


def measure_robustness(
    checkpoint: Checkpoint, recordings: Sequence[Recording], dataset: str
) -> dict[str, Any]:
    """Run the suite and time it.

    Args:
        recordings: labelled; the suite's own time, without loading them, is what counts.

    Returns:
        ``machine``; ``clips``, ``cases``; ``seconds`` and ``cpu_seconds`` in all; ``steps``: name
        to seconds of CPU; ``slowest``: (case, the same); ``reckoned_s``: for UTD-MHAD's test
        half.
    """
    load_before = os.getloadavg()[0]
    task = Task(checkpoint, '', dataset, 'all', recordings)
    pieces = make_pieces(recordings, checkpoint.window, list(checkpoint.labels), (), None, None)
    start, cpu = perf_counter(), process_time()
    sigma = sigma_of(r.streams for r in recordings)
    cases = run_cases(task, pieces, [None, *suite(modalities_of(task), sigma)], [])
    seconds, spent = perf_counter() - start, process_time() - cpu
    of_cases = [(c.how.label if c.how else CLEAN, sum(c.seconds.values())) for c in cases]
    return {
        'machine': {
            'cpus': os.cpu_count(),
            'processor': platform.machine(),
            'load_before': load_before,
            'torch': torch.__version__,
            'torch_threads': torch.get_num_threads(),
        },
        'dataset': dataset,
        'clips': len(pieces.pieces),
        'cases': len(cases),
        'seconds': round(seconds, 3),
        'cpu_seconds': round(spent, 3),
        'steps': {s: round(sum(c.seconds[s] for c in cases), 3) for s in STEPS},
        'slowest': [(n, round(s, 3)) for n, s in sorted(of_cases, key=lambda c: -c[1])[:10]],
        'reckoned_s': round(spent * PUBLISHED / len(pieces.pieces), 1),
    }
