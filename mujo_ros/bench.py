"""The live part of `mujo bench`: har_node in its own process, fed and watched over real DDS.

`python -m mujo_ros.bench --json -` starts sensors (one process) and har_node (another), watches
`/activity` from this one and prints what it saw, answer by answer. Everything runs in a domain
and a namespace of its own, on this machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import String

from mujo_ros.children import (
    Child,
    MeasurementError,
    check_alive,
    cpu_percent,
    cpu_seconds,
    running,
)
from mujo_ros.intake import IMU_DEPTH, POSE_DEPTH
from mujo_ros.sensors import LAYOUT
from mujo_ros.streams import sensor_qos

PLACEMENT = 'right_wrist'
TICK_RATE, POSE_RATE, IMU_RATES = 10.0, 30.0, (50.0, 100.0)  # Hz
DRIFT = 1.01  # sensors' clocks over the node's: every phase between sample and tick comes about
START_PATIENCE = 120.0  # s until the first whole window


class Watcher:
    """Takes `/activity`, and takes the sensors' topics with callbacks that do nothing."""

    def __init__(self, node: Node) -> None:
        self.answers: list[dict[str, Any]] = []
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        node.create_subscription(String, 'activity', self._take, 100)
        nothing, pose_qos, imu_qos = lambda _: None, sensor_qos(POSE_DEPTH), sensor_qos(IMU_DEPTH)
        node.create_subscription(PointCloud2, 'skeleton', nothing, pose_qos)
        node.create_subscription(Imu, f'imu/{PLACEMENT}', nothing, imu_qos)

    def _take(self, msg: String) -> None:
        self.answers.append(json.loads(msg.data))

    def spin(self, seconds: float) -> None:
        """Take messages for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def whole_window(self) -> bool:
        """Is the newest answer about a window without holes?"""
        coverage = self.answers[-1]['coverage'] if self.answers else {}
        return len(coverage) == 2 and min(coverage.values()) > 0.95


def _await_windows(watcher: Watcher, children: Mapping[str, Child]) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while not watcher.whole_window():
        check_alive(children)
        if time.monotonic() > deadline:
            raise MeasurementError(
                f'expected whole windows on /activity within {START_PATIENCE:g} s, '
                f'{len(watcher.answers)} answers came; har_node said: '
                f'{children["har_node"].last_line}'
            )
        watcher.spin(0.1)


def measure(
    checkpoint: str | None, imu_rate: float, repeats: int, seconds: float
) -> dict[str, Any]:
    """Watch har_node at work.

    Args:
        checkpoint: folder of the checkpoint, None for the packaged one.
        imu_rate: of the IMU, Hz.
        repeats, seconds: how often is measured, and how long each.

    Returns:
        Rates in Hz; ``begun`` and ``ended``, seconds since the epoch; ``age_ms`` and
        ``latency_ms``: a list of answers a repeat; ``node_percent``: of a core, one a repeat,
        ``all`` of har_node's process, its ``inference`` thread and the thread of its ``callbacks``
        with the executor; ``bare_node_percent``: the same of this process, whose callbacks are
        empty.

    Raises:
        MeasurementError: no answers came.
    """
    names = ['-r', f'__ns:=/mujo_bench_{os.getpid()}']
    settings = {'rate': TICK_RATE, 'layout': LAYOUT, 'placements': [PLACEMENT]}
    if checkpoint:
        settings['checkpoint'] = str(Path(checkpoint).resolve())
    parameters = [f'{name}:={json.dumps(value)}' for name, value in settings.items()]
    node_args = [*names, '-r', '/diagnostics:=diagnostics']
    node_args += [part for parameter in parameters for part in ('-p', parameter)]
    with ExitStack() as stack:
        rclpy.init(args=['--ros-args', *names], signal_handler_options=SignalHandlerOptions.NO)
        stack.callback(rclpy.try_shutdown)
        node = rclpy.create_node('bench')
        stack.callback(node.destroy_node)
        watcher = Watcher(node)
        har_node = ['-m', 'mujo_ros.har_node', '--ros-args', *node_args]
        rates = {'skeleton': DRIFT * POSE_RATE, f'imu/{PLACEMENT}': DRIFT * imu_rate}
        sensors = ['-m', 'mujo_ros.sensors', json.dumps(rates), '--ros-args', *names]
        children = {
            'har_node': stack.enter_context(running(har_node)),
            'sensors': stack.enter_context(running(sensors)),
        }
        _await_windows(watcher, children)
        pid, own = children['har_node'].process.pid, os.getpid()
        answers, node_cpu, own_cpu, total = [], [], [], 0.0
        start = time.time()
        for _ in range(repeats):
            watcher.answers.clear()
            before, own_before, begun = cpu_seconds(pid), cpu_seconds(own), time.monotonic()
            watcher.spin(seconds)
            check_alive(children)
            elapsed = time.monotonic() - begun
            node_cpu.append(cpu_percent(before, cpu_seconds(pid), elapsed))
            own_cpu.append(cpu_percent(own_before, cpu_seconds(own), elapsed))
            if not watcher.answers:
                raise MeasurementError(f'no answer on /activity for {elapsed:.1f} s')
            answers.append(list(watcher.answers))
            total += elapsed
        end = time.time()
    others = {thread for cpu in node_cpu for thread in cpu} - {'all', 'main'}
    # Callbacks run in the main thread; of the others only the inference is busy.
    worker = max(others, key=lambda thread: sum(cpu.get(thread, 0.0) for cpu in node_cpu))
    return {
        'tick_rate': TICK_RATE,
        'pose_rate': DRIFT * POSE_RATE,
        'imu_rate': DRIFT * imu_rate,
        'nominal_imu_rate': imu_rate,
        'begun': start,
        'ended': end,
        'answers': sum(map(len, answers)),
        'expected_answers': round(total * TICK_RATE),
        'age_ms': [[round(1e3 * a['age'], 3) for a in part] for part in answers],
        'latency_ms': [[round(1e3 * a['latency'], 3) for a in part] for part in answers],
        'node_percent': {
            'all': [cpu['all'] for cpu in node_cpu],
            'inference': [cpu.get(worker, 0.0) for cpu in node_cpu],
            'callbacks': [cpu['main'] for cpu in node_cpu],
        },
        'bare_node_percent': {
            'all': [cpu['all'] for cpu in own_cpu],
            'callbacks': [cpu['main'] for cpu in own_cpu],
        },
    }


def main(args: Sequence[str] | None = None) -> int:
    """Measure and write JSON; 1 with one line when it could not be measured."""
    parser = argparse.ArgumentParser(prog='python -m mujo_ros.bench', description=__doc__)
    parser.add_argument('--json', metavar='FILE', default='-', help='where to; -: printed')
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--quick', action='store_true', help='one scenario, 5 s')
    options = parser.parse_args(args)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 101)
    # As an exception, so that the processes started here end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    repeats, seconds, rates = (2, 2.0, IMU_RATES[-1:]) if options.quick else (4, 5.0, IMU_RATES)
    try:
        scenarios = [measure(options.checkpoint, rate, repeats, seconds) for rate in rates]
    except MeasurementError as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps({'scenarios': scenarios})
    if options.json == '-':
        print(text)
    else:
        Path(options.json).write_text(text + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
