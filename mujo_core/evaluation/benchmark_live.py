"""The live part of the benchmark: har_node over DDS, in processes of its own.

`mujo_ros.bench` is run as a process, since it needs ROS and this package none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.evaluation.figure import Figure, make_figure

LIVE_PATIENCE = 300.0  # s
SAME = 'a forward alone, at the same rate and time in another process'
IDLE = 'a node with empty callbacks on the same topics'


def run_live(
    checkpoint: str | Path | None, quick: bool, forward: Callable[[], Any]
) -> tuple[dict[str, Any], np.ndarray]:
    """Run `mujo_ros.bench` as a process, and meanwhile the forward alone at the node's rate.

    Returns:
        What the process measured, and (N, 3): when a forward was made (seconds since the epoch),
        how long it took and how long its thread computed (both seconds).

    Raises:
        RuntimeError: it failed; its last line.
    """
    command = [sys.executable, '-m', 'mujo_ros.bench', '--json', '-']
    command += ['--quick'] if quick else []
    command += ['--checkpoint', str(Path(checkpoint).resolve())] if checkpoint else []
    forwards = []
    deadline = time.monotonic() + LIVE_PATIENCE
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    out, errors = process.communicate(timeout=0.1)
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError(f'expected a result in {LIVE_PATIENCE:g} s, none came')
                at, begun, computed = time.time(), time.perf_counter(), time.thread_time()
                forward()
                computed = time.thread_time() - computed
                forwards.append((at, time.perf_counter() - begun, computed))
        except BaseException:
            # Not killed: it has to end the processes that it started.
            process.terminate()
            raise
    if process.returncode:
        lines = errors.strip().splitlines() or [f'exit status {process.returncode}']
        raise RuntimeError(lines[-1])
    return json.loads(out.strip().splitlines()[-1]), np.array(forwards)


def tick_waits(rates: Sequence[float]) -> np.ndarray:
    """Seconds from the newest of the samples of sensors at `rates`, Hz, to ticks at any time."""
    stamps = np.sort(np.concatenate([np.arange(0.0, 50.0, 1.0 / rate) for rate in rates]))
    ticks = np.linspace(1.0, 49.0, 2003)
    waits: np.ndarray = ticks - stamps[np.searchsorted(stamps, ticks, side='right') - 1]
    return waits


def live_figures(scenario: dict[str, Any], forwards: np.ndarray) -> list[Figure]:
    """Figures of one scenario of the live part; `forwards` as `run_live` returns them."""
    at = forwards[:, 0]
    meanwhile = forwards[(at >= scenario['begun']) & (at <= scenario['ended'])]
    alone = 1e3 * meanwhile[:, 1]
    waits = 1e3 * tick_waits((scenario['pose_rate'], scenario['imu_rate']))
    group = f'har_node, IMU {scenario["nominal_imu_rate"]:g} Hz'
    figures = []
    for what, key, least, limit_name in (
        ('tick to publish', 'latency_ms', alone, SAME),
        ('sample to publish', 'age_ms', np.add.outer(waits, alone), f'{SAME}, and samples wait'),
    ):
        for percentile in (50, 99):
            value = float(np.percentile(np.concatenate(scenario[key]), percentile))
            repeats = [float(np.percentile(repeat, percentile)) for repeat in scenario[key]]
            limit = [float(np.percentile(least, percentile))]
            name = f'{what} p{percentile}'
            figures.append(make_figure(group, name, 'ms', repeats, limit, limit_name, value))
    node, bare = scenario['node_percent'], scenario['bare_node_percent']
    inference = 100.0 * float(meanwhile[:, 2].mean()) * scenario['tick_rate']
    for name, share, limits, limit_name in (
        ('CPU', node['all'], [s + inference for s in bare['all']], f'{SAME}, and {IDLE}'),
        ('CPU of inference', node['inference'], [inference], SAME),
        ('CPU of callbacks', node['callbacks'], bare['callbacks'], IDLE),
    ):
        figures.append(make_figure(group, name, '%', share, limits, limit_name))
    return figures
