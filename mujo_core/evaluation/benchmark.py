"""How fast it is, each figure beside what cannot be beaten on this machine in the same run.

A figure and its limit are measured in turns or at the same time, so that whatever else the
machine does weighs on both.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mujo_core.evaluation.benchmark_export import export_figures
from mujo_core.evaluation.benchmark_live import live_figures, run_live
from mujo_core.evaluation.figure import Figure, make_figure
from mujo_core.layouts import get_layout
from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.checkpoint import Checkpoint, load_checkpoint
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.timeline import Timeline
from mujo_core.window import WindowSpec

PLACEMENTS = ('right_wrist', 'left_thigh')
LAYOUT = 'mediapipe33'
POSE_RATE, IMU_RATE = 30.0, 100.0  # Hz
BATCH = 50  # samples inserted at once
LIVE = 'har_node over DDS'
RUNTIME = 'ONNX Runtime'
FORWARD = 'forwards of the encoders alone, one after the other'


def measure(checkpoint: str | Path | None = None, quick: bool = False) -> dict[str, Any]:
    """Measure everything that can be measured here.

    Args:
        checkpoint: folder of the checkpoint, None for the packaged one.
        quick: under 20 s instead of under 90 s, with coarser figures.

    Returns:
        ``machine``; ``figures``: list of `Figure` as dictionaries; ``left_out``: what could not
        be measured to why; ``failed``: one line when the live part failed, else ''; ``live``:
        what the live part measured (see `mujo_ros.bench`), or None.

    Raises:
        ValueError: no checkpoint there.
    """
    load_before = os.getloadavg()[0]
    left_out, failed, live = {}, '', None
    missing = [name for name in ('rclpy', 'mujo_ros') if importlib.util.find_spec(name) is None]
    with one_torch_thread():
        loaded = load_checkpoint(checkpoint)
        figures = recognition_figures(loaded, *((5, 10) if quick else (15, 20)))
        batch = _window_batch(_fed(loaded, 2)[0])
        runtimes, why = export_figures(loaded, batch, *((5, 4) if quick else (15, 10)), not quick)
        figures += runtimes
        if why:
            left_out[RUNTIME] = why
        figures += insertion_figures(loaded.window, *((5, 1000) if quick else (15, 3000)))
        if missing:
            left_out[LIVE] = (
                f'{missing[0]} is not installed here '
                "(pip install 'mujo_ros[ros]', or source a ROS 2)"
            )
        else:
            try:
                live, forwards = run_live(checkpoint, quick, _forward(_fed(loaded, 1)[0]))
                for scenario in live['scenarios']:
                    figures += live_figures(scenario, forwards)
            except RuntimeError as error:
                failed = str(error)
                left_out[LIVE] = f'it failed: {failed}'
    machine = {
        'cpus': os.cpu_count(),
        'processor': platform.machine(),
        'load_before': load_before,
        'load_after': os.getloadavg()[0],
        'python': platform.python_version(),
        'torch': torch.__version__,
    }
    return {
        'quick': quick,
        'machine': machine,
        'figures': [asdict(figure) for figure in figures],
        'left_out': left_out,
        'failed': failed,
        'live': live,
    }


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute on one thread, as the node does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Sensors:
    """Gives a recognizer a body in motion and its IMUs, piece by piece."""

    def __init__(self, recognizer: Recognizer, devices: int) -> None:
        self.recognizer = recognizer
        self.placements = PLACEMENTS[:devices]
        self.now = 1000.0
        self._rng = np.random.default_rng(0)
        self._body = self._rng.normal(size=(len(get_layout(LAYOUT).joints), 3))

    def pass_time(self, seconds: float) -> None:
        """Add the samples of the next seconds."""
        for stamp in self.now + np.arange(1, round(seconds * POSE_RATE) + 1) / POSE_RATE:
            xyz = self._body + 0.05 * self._rng.normal(size=self._body.shape)
            self.recognizer.add_pose(stamp, xyz, LAYOUT)
        for stamp in self.now + np.arange(1, round(seconds * IMU_RATE) + 1) / IMU_RATE:
            for placement in self.placements:
                self.recognizer.add_imu(placement, stamp, self._rng.normal(size=6))
        self.now += seconds


def _fed(checkpoint: Checkpoint, devices: int) -> tuple[Recognizer, _Sensors]:
    """A recognizer that holds a whole window, and its sensors."""
    recognizer = Recognizer(checkpoint)
    sensors = _Sensors(recognizer, devices)
    sensors.pass_time(recognizer.settings.window_seconds + 1.0)
    return recognizer, sensors


def _forward(recognizer: Recognizer) -> Callable[[], Any]:
    """The encoders on the newest window as a batch made beforehand, and nothing else."""
    batch = _window_batch(recognizer)
    model = recognizer.checkpoint.model

    def call() -> None:
        with torch.inference_mode():
            model(batch)

    return call


def _window_batch(recognizer: Recognizer) -> Batch:
    window = recognizer.timeline.cut()
    assert window is not None
    return batch_windows([window], recognizer.checkpoint.window)


def _seconds(call: Callable[[], Any], count: int = 1) -> float:
    """Seconds a call takes, the mean over `count`."""
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def recognition_figures(checkpoint: Checkpoint, repeats: int, count: int) -> list[Figure]:
    """Windows a second from samples to activity, beside the forward alone, in turns."""
    figures = []
    for devices in (1, 2):
        recognizer, sensors = _fed(checkpoint, devices)
        recognizer.warm_up()
        forward = _forward(recognizer)
        _seconds(forward, 5)
        rates, limits = [], []
        for _ in range(repeats):
            spent = 0.0
            for _ in range(count):
                sensors.pass_time(0.1)
                spent += _seconds(recognizer.recognize)
            rates.append(count / spent)
            limits.append(1.0 / _seconds(forward, count))
        name = f'pose + {devices} IMU{"s" if devices > 1 else ""}'
        figures.append(make_figure('windows recognized', name, '1/s', rates, limits, FORWARD))
    return figures


def insertion_figures(spec: WindowSpec, repeats: int, count: int) -> list[Figure]:
    """Samples of an IMU inserted a second, beside a copy into an array allocated before."""
    samples = np.random.default_rng(0).normal(size=(count, 6)).astype(np.float32)
    timeline = Timeline(spec)
    held_stamps, held = np.zeros(count), np.zeros_like(samples)
    start = 1000.0
    figures = []
    for size in (1, BATCH):
        parts: list[Any] = [slice(i, i + size) for i in range(0, count, size)]
        # One sample is a number and (6,), as callbacks give it.
        parts = list(range(count)) if size == 1 else parts
        rates, limits = [], []
        for _ in range(repeats):
            stamps = start + np.arange(count) / IMU_RATE
            start = float(stamps[-1]) + 1.0
            pieces = [(stamps[part], samples[part], part) for part in parts]

            def insert(pieces: list[Any] = pieces, now: float = start) -> None:
                for at, values, _ in pieces:
                    timeline.insert('imu/right_wrist', at, values, now)

            def copy(pieces: list[Any] = pieces) -> None:
                for at, values, part in pieces:
                    held_stamps[part] = at
                    held[part] = values

            rates.append(count / _seconds(insert))
            limits.append(count / _seconds(copy))
        assert not sum(timeline.refused['imu/right_wrist'].values())
        limit_name = 'numpy copies into an array allocated before, as many at once'
        name = 'one by one' if size == 1 else f'{size} at once'
        figures.append(make_figure('IMU samples stored', name, '1/s', rates, limits, limit_name))
    return figures
