"""`make soak`: har_node at full load for a long time; memory, missed ticks, latency, CPU.

`python -m mujo_ros.soak --minutes 30 --json FILE` starts made-up sensors (camera and skeleton at
30 Hz, four IMUs at 100 Hz), har_node and the forward alone as processes of their own, watches them
from this one, and sets each figure beside its limit. Where the checkpoint has no video an untrained
encoder is added, so that the camera is a load too.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from mujo_ros.children import (
    Child,
    MeasurementError,
    check_alive,
    cpu_percent,
    cpu_seconds,
    running,
)
from mujo_ros.demo.processes import DemoError, free_domain, local_environment
from mujo_ros.sensors import CAMERA, LAYOUT
from mujo_ros.soak_load import with_video
from mujo_ros.soak_report import exceeded, one_line, show

PLACEMENTS = ('right_wrist', 'left_wrist', 'left_thigh', 'head')
RATES = {CAMERA: 30.0, 'skeleton': 30.0, **{f'imu/{name}': 100.0 for name in PLACEMENTS}}  # Hz
START_PATIENCE = 120.0  # s until the first answer
FORWARD_RATE = 4.9  # Hz at most, of the forward alone: no divisor of a rate, to meet all phases


@dataclass
class Sample:
    """What was seen of har_node at one time, s and MiB; counts since it was activated."""

    at: float
    memory: float
    ticks: int
    missed: int


class Watcher:
    """Takes `/activity` and the counts on `/diagnostics`."""

    def __init__(self, node: Node) -> None:
        self.answers: list[tuple[float, float]] = []
        self.counts: dict[str, str] = {}
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        node.create_subscription(String, 'activity', self._take, 100)
        node.create_subscription(DiagnosticArray, 'diagnostics', self._take_counts, 10)

    def _take(self, msg: String) -> None:
        answer = json.loads(msg.data)
        self.answers.append((answer['age'], answer['latency']))

    def _take_counts(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name.endswith(': recognition'):
                self.counts = {pair.key: pair.value for pair in status.values}

    def spin(self, seconds: float) -> None:
        """Take messages for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def sample(self, child: Child) -> Sample:
        """What is seen now."""
        ticks, missed = (int(self.counts.get(key, 0)) for key in ('ticks', 'ticks missed'))
        return Sample(time.monotonic(), child.resident_mib, ticks, missed)


def soak(
    checkpoint: str | None, rate: float, warm_up: float, seconds: float, period: float = 1.0
) -> dict[str, Any]:
    """Watch har_node for `seconds` after `warm_up` seconds, sampling every `period` seconds.

    Returns:
        See `summary`.

    Raises:
        MeasurementError: it ended, or no answers came.
    """
    with tempfile.TemporaryDirectory(prefix='mujo_soak_') as folder:
        loaded = with_video(checkpoint, Path(folder) / 'checkpoint')
        return _soak(loaded, rate, warm_up, seconds, period)


def _soak(
    checkpoint: str, rate: float, warm_up: float, seconds: float, period: float
) -> dict[str, Any]:
    names = ['-r', f'__ns:=/mujo_soak_{os.getpid()}', '-r', '/diagnostics:=diagnostics']
    settings = {'rate': rate, 'layout': LAYOUT, 'placements': list(PLACEMENTS)}
    if checkpoint:
        settings['checkpoint'] = checkpoint
    parameters = [f'{name}:={json.dumps(value)}' for name, value in settings.items()]
    node_args = [*names, *(part for parameter in parameters for part in ('-p', parameter))]
    with ExitStack() as stack:
        rclpy.init(args=['--ros-args', *names], signal_handler_options=SignalHandlerOptions.NO)
        stack.callback(rclpy.try_shutdown)
        node = rclpy.create_node('soak')
        stack.callback(node.destroy_node)
        watcher = Watcher(node)
        har_node = ['-m', 'mujo_ros.har_node', '--ros-args', *node_args]
        sensors = ['-m', 'mujo_ros.sensors', json.dumps(RATES), '--ros-args', *names]
        at_rate = str(min(rate, FORWARD_RATE))
        forward = ['-m', 'mujo_ros.soak_load', checkpoint, at_rate, *PLACEMENTS]
        children = {
            'har_node': stack.enter_context(running(har_node)),
            'sensors': stack.enter_context(running(sensors)),
            'forward': stack.enter_context(running(forward)),
        }
        deadline = time.monotonic() + START_PATIENCE
        while not watcher.answers:
            check_alive(children)
            if time.monotonic() > deadline:
                raise MeasurementError(
                    f'expected an answer within {START_PATIENCE:g} s, none came; har_node said: '
                    f'{children["har_node"].last_line}'
                )
            watcher.spin(0.2)
        watcher.spin(warm_up)
        child = children['har_node']
        watcher.answers.clear()
        samples, cpu = [watcher.sample(child)], cpu_seconds(child.process.pid)
        begun = time.time()
        while samples[-1].at - samples[0].at < seconds:
            watcher.spin(period)
            check_alive(children)
            samples.append(watcher.sample(child))
        elapsed = samples[-1].at - samples[0].at
        spent = cpu_percent(cpu, cpu_seconds(child.process.pid), elapsed)
        answers, ended = list(watcher.answers), time.time()
        children['forward'].process.terminate()
        children['forward'].process.wait(60.0)
        forwards = [s for at, s in json.loads(children['forward'].last_line) if begun < at < ended]
    return summary(rate, samples, answers, spent, forwards)


def summary(
    rate: float,
    samples: Sequence[Sample],
    answers: Sequence[tuple[float, float]],
    percent: dict[str, float],
    forwards: Sequence[float],
) -> dict[str, Any]:
    """Figures of a soak.

    Args:
        rate: of the ticks, Hz.
        samples: of the node, in order.
        answers: age and latency of each, s.
        percent: of a core, by thread (see `cpu_percent`).
        forwards: how long the forward alone took each time, s.

    Returns:
        ``seconds``, ``rate``; ``memory_mib``: at the start, at the end, their difference after the
        noise is taken out by a line through all, and its slope an hour; ``ticks``, ``missed``,
        ``answers`` and ``expected_answers``; ``age_ms`` (newest sample to publish), ``latency_ms``
        (tick to publish) and ``forward_ms`` (the forward alone): p50, p99, max; ``cpu_percent`` of
        a core: all, callbacks (the thread of the executor).

    Raises:
        MeasurementError: there were no answers, or no forwards.
    """
    if not answers:
        raise MeasurementError('no answer on /activity after the warm-up')
    if not forwards:
        raise MeasurementError('no forward alone after the warm-up')
    at = np.array([sample.at - samples[0].at for sample in samples])
    memory = np.array([sample.memory for sample in samples])
    slope = float(np.polyfit(at, memory, 1)[0]) if len(at) > 1 else 0.0
    ages, latencies = 1e3 * np.array(answers).T
    return {
        'seconds': float(at[-1]),
        'rate': rate,
        'memory_mib': {
            'start': float(memory[0]),
            'end': float(memory[-1]),
            'growth': slope * float(at[-1]),
            'growth_an_hour': 3600.0 * slope,
        },
        'ticks': samples[-1].ticks - samples[0].ticks,
        'missed': samples[-1].missed - samples[0].missed,
        'answers': len(answers),
        'expected_answers': int(rate * at[-1]),
        'age_ms': _percentiles(ages),
        'latency_ms': _percentiles(latencies),
        'forward_ms': _percentiles(1e3 * np.array(forwards)),
        'cpu_percent': {'all': percent['all'], 'callbacks': percent['main']},
    }


def _percentiles(values: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(values, [50, 99])
    return {'p50': float(low), 'p99': float(high), 'max': float(values.max())}


def main(args: Sequence[str] | None = None) -> int:
    """Soak and report; 1 when a limit is exceeded or it could not be measured."""
    parser = argparse.ArgumentParser(prog='python -m mujo_ros.soak', description=__doc__)
    parser.add_argument('--minutes', type=float, default=30.0, help='default: 30')
    parser.add_argument('--warm-up', type=float, default=30.0, metavar='S', help='default: 30')
    parser.add_argument('--rate', type=float, default=30.0, help='of the answers, Hz; default: 30')
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--json', metavar='FILE', help='write the figures')
    options = parser.parse_args(args)
    # As an exception, so that the processes started here end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        os.environ.update(local_environment(free_domain()))
        report = soak(options.checkpoint, options.rate, options.warm_up, 60.0 * options.minutes)
    except (MeasurementError, DemoError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    show(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    print(one_line(report))
    lines = exceeded(report)
    for line in lines:
        print(f'over its limit: {line}', file=sys.stderr)
    return 1 if lines else 0


if __name__ == '__main__':
    sys.exit(main())
