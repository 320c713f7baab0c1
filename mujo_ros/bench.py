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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import String

from mujo_core.skeleton import get_layout
from mujo_ros.convert import joints_to_cloud, sample_to_imu
from mujo_ros.intake import IMU_DEPTH, POSE_DEPTH
from mujo_ros.streams import node_seconds, sensor_qos

LAYOUT, PLACEMENT = 'mediapipe33', 'right_wrist'
TICK_RATE, POSE_RATE, IMU_RATES = 10.0, 30.0, (50.0, 100.0)  # Hz
DRIFT = 1.01  # sensors' clocks over the node's: every phase between sample and tick comes about
START_PATIENCE = 30.0  # s until the first whole window
_TICKS_A_SECOND = os.sysconf('SC_CLK_TCK')


class BenchError(RuntimeError):
    """Something did not come about; one line."""


def publish_sensors(imu_rate: float, ros_args: Sequence[str]) -> None:
    """Publish a skeleton and an IMU at their rates until SIGTERM, or until the parent is gone."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(args=list(ros_args), signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('sensors')
    rng = np.random.default_rng(0)
    body = rng.normal((0.0, 0.0, 3.0), size=(len(get_layout(LAYOUT).joints), 3))
    skeleton = node.create_publisher(PointCloud2, 'skeleton', 10)
    imu = node.create_publisher(Imu, f'imu/{PLACEMENT}', 10)

    def send_skeleton() -> None:
        xyz = body + 0.05 * rng.normal(size=body.shape)
        skeleton.publish(joints_to_cloud(node_seconds(node), 'camera_optical_frame', xyz))

    def send_imu() -> None:
        imu.publish(sample_to_imu(node_seconds(node), rng.normal(size=6), PLACEMENT))

    parent, start = os.getppid(), time.monotonic()
    due = [[start, 1.0 / (DRIFT * POSE_RATE)], [start, 1.0 / (DRIFT * imu_rate)]]
    sends = (send_skeleton, send_imu)
    while os.getppid() == parent:
        which = 0 if due[0][0] <= due[1][0] else 1
        if stop.wait(max(0.0, due[which][0] - time.monotonic())):
            break
        sends[which]()
        due[which][0] += due[which][1]
    node.destroy_node()
    rclpy.try_shutdown()


def _stat_seconds(path: Path) -> tuple[str, float]:
    """Name and CPU seconds so far, of a `stat` file of /proc."""
    head, _, tail = path.read_text().rpartition(')')
    user, system = tail.split()[11:13]
    return head.partition('(')[2], (int(user) + int(system)) / _TICKS_A_SECOND


def cpu_seconds(pid: int) -> dict[str, float]:
    """CPU seconds of a process so far: ``all``, its ``main`` thread, every other by its number.

    Threads of DDS are in ``all`` only.
    """
    spent = {'all': _stat_seconds(Path(f'/proc/{pid}/stat'))[1]}
    for task in Path(f'/proc/{pid}/task').iterdir():
        name, seconds = _stat_seconds(task / 'stat')
        if not name.startswith('dds.'):
            spent['main' if int(task.name) == pid else task.name] = seconds
    return spent


def cpu_percent(
    before: dict[str, float], after: dict[str, float], seconds: float
) -> dict[str, float]:
    """Percent of a core in between, by the keys of `cpu_seconds`."""
    return {key: 100.0 * (s - before.get(key, 0.0)) / seconds for key, s in after.items()}


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


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A Python process that ends with the context, and the file it logs to."""
    with tempfile.TemporaryFile('w+', prefix='mujo_bench_') as log:
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, text=True)
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_windows(watcher: Watcher, children: dict[str, tuple[Any, IO[str]]]) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while not watcher.whole_window():
        _check_alive(children)
        if time.monotonic() > deadline:
            raise BenchError(
                f'expected whole windows on /activity within {START_PATIENCE:g} s, '
                f'{len(watcher.answers)} answers came; har_node said: '
                f'{_last_line(children["har_node"][1])}'
            )
        watcher.spin(0.1)


def _check_alive(children: dict[str, tuple[Any, IO[str]]]) -> None:
    for name, (process, log) in children.items():
        if process.poll() is not None:
            raise BenchError(
                f'{name} ended with status {process.returncode} and said: {_last_line(log)}'
            )


def _last_line(log: IO[str]) -> str:
    log.seek(0)
    return (log.read().strip().splitlines() or ['nothing'])[-1]


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
        BenchError: no answers came.
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
        sensors = ['-m', 'mujo_ros.bench', '--sensors', f'{imu_rate}', '--ros-args', *names]
        children = {
            'har_node': stack.enter_context(running(har_node)),
            'sensors': stack.enter_context(running(sensors)),
        }
        _await_windows(watcher, children)
        pid, own = children['har_node'][0].pid, os.getpid()
        answers, node_cpu, own_cpu, total = [], [], [], 0.0
        start = time.time()
        for _ in range(repeats):
            watcher.answers.clear()
            before, own_before, begun = cpu_seconds(pid), cpu_seconds(own), time.monotonic()
            watcher.spin(seconds)
            _check_alive(children)
            elapsed = time.monotonic() - begun
            node_cpu.append(cpu_percent(before, cpu_seconds(pid), elapsed))
            own_cpu.append(cpu_percent(own_before, cpu_seconds(own), elapsed))
            if not watcher.answers:
                raise BenchError(f'no answer on /activity for {elapsed:.1f} s')
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
    parser.add_argument('--sensors', type=float, metavar='HZ', help=argparse.SUPPRESS)
    options, ros_args = parser.parse_known_args(args)
    if options.sensors:
        publish_sensors(options.sensors, ros_args)
        return 0
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 101)
    # As an exception, so that the processes started here end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    repeats, seconds, rates = (2, 2.0, IMU_RATES[-1:]) if options.quick else (4, 5.0, IMU_RATES)
    try:
        scenarios = [measure(options.checkpoint, rate, repeats, seconds) for rate in rates]
    except BenchError as error:
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
