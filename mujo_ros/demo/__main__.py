"""`make demo`: camera, pose_node, wrist IMUs and har_node as processes, and one who watches."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mujo_ros.demo.processes import Children, DemoError, free_domain, local_environment
from mujo_ros.demo.source import VideoSource

READY_WITHIN = 180.0  # s, from starting the processes to all of them listening
DRAIN = 0.4  # s after the last frame in which the last answers come
PLACEMENTS = ('right_wrist', 'left_wrist')


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog='python -m mujo_ros.demo', description=__doc__)
    parser.add_argument(
        '--source',
        default='',
        help='a video file, or the index of a webcam; without it the example of Sports2D',
    )
    parser.add_argument(
        '--output', type=Path, default=Path('demo_out'), help='folder for results (%(default)s)'
    )
    parser.add_argument('--checkpoint', default='', help='folder; without it the packaged one')
    parser.add_argument(
        '--seconds', type=float, default=30.0, help='how long a webcam plays (%(default)g)'
    )
    return parser.parse_args(given)


class Stop:
    """The first SIGINT or SIGTERM ends the playing, the second one everything."""

    def __init__(self) -> None:
        self.wanted = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signal)

    def _signal(self, number: int, _: object) -> None:
        if self.wanted.is_set():
            raise KeyboardInterrupt
        self.wanted.set()


def wait_until(
    condition: Callable[[], bool], children: Children, stop: Stop, within: float, what: str
) -> None:
    """Poll until `condition()`; `DemoError` when a process dies or it takes too long."""
    deadline = time.monotonic() + within
    while not condition():
        children.check()
        if stop.wanted.is_set():
            raise DemoError('stopped before the video began')
        if time.monotonic() > deadline:
            raise DemoError(f'expected {what} within {within:g} s, it did not come about')
        time.sleep(0.05)


def run(given: argparse.Namespace, har_node: Sequence[str]) -> None:
    """Play, watch, write the results.

    Args:
        given: of `arguments`.
        har_node: arguments of Python that start the recognizing node.

    Raises:
        DemoError: it cannot go on.
        OSError: the source cannot be read, or the results not written.
    """
    stop = Stop()
    if not given.source.isdecimal():
        VideoSource(given.source).close()  # before anything starts
    logs = given.output / 'log'
    logs.mkdir(parents=True, exist_ok=True)
    domain = free_domain()
    environment = local_environment(domain)
    os.environ.update(environment)
    from mujo_ros.demo.watcher import Screen, Watcher  # after the environment is set

    stamps, record = logs / 'frames.txt', logs / 'recording.mp4'
    stamps.unlink(missing_ok=True)
    with Children(logs, environment) as children:
        print(f'starting pose_node, wrist_imu and har_node in ROS domain {domain} ...', flush=True)
        reliable = 'qos_overrides./camera/image_raw.subscription.reliability:=reliable'
        devices = f'placements:=[{",".join(PLACEMENTS)}]'
        children.start('pose_node', '-m', 'mujo_ros.pose_node', '--ros-args', '-p', reliable)
        children.start('wrist_imu', '-m', 'mujo_ros.demo.wrist_imu', '--ros-args', '-p', devices)
        children.start(
            'har_node', *har_node, '--ros-args', '-p', devices,
            '-p', f'checkpoint:="{given.checkpoint}"',
        )  # fmt: skip
        player = ['--source', given.source, '--stamps', str(stamps)]
        if given.source.isdecimal():
            player += ['--record', str(record), '--seconds', str(given.seconds)]
        children.start('player', '-m', 'mujo_ros.demo.player', *player)
        watcher = Watcher(domain)
        try:
            listeners = watcher.node.count_subscribers
            wait_until(
                lambda: (
                    listeners('camera/image_raw') > 0
                    and listeners('skeleton') > 2
                    and all(listeners(f'imu/{placement}') for placement in PLACEMENTS)
                    and watcher.node.count_publishers('activity') > 0
                ),
                children,
                stop,
                READY_WITHIN,
                'all nodes active',
            )
            watcher.let_play()
            with Screen(watcher.seen, f'mujo_ros demo: {source_name(given.source)}') as screen:
                while not children.finished('player'):
                    children.check()
                    if stop.wanted.is_set():
                        children.stop(['player'])
                        break
                    screen.update()
                    time.sleep(0.1)
                time.sleep(DRAIN)
                screen.update()
        finally:
            watcher.close()
    report(given, watcher.seen, stamps, record)


def source_name(source: str) -> str:
    """A source for people."""
    if source.isdecimal():
        return f'camera {source}'
    return Path(source).name if source else "Sports2D's demo.mp4, lower half"


def report(given: argparse.Namespace, seen: object, stamps: Path, record: Path) -> None:
    """Write the results and say where they are."""
    from mujo_ros.demo.report import Report
    from mujo_ros.demo.watcher import Seen

    assert isinstance(seen, Seen)
    played = np.loadtxt(stamps, ndmin=1) if stamps.is_file() else np.zeros(0)
    if not len(played):
        raise DemoError(f'expected frames, none was played (see {stamps.parent})')
    print('writing the results ...', flush=True)

    def source() -> VideoSource:
        return VideoSource(str(record) if given.source.isdecimal() else given.source)

    result = Report(seen, source, source_name(given.source), played, given.output)
    summary = result.figures()
    said = ', '.join(f'{label} {count}' for label, count in summary['labels'].items()) or 'none'
    latency = summary['latency_s']['p50']
    print(f'{summary["messages"]} /activity messages: {said}')
    if latency is not None:
        print(f'latency p50 {1e3 * latency:.1f} ms, p99 {1e3 * summary["latency_s"]["p99"]:.1f} ms')
    paths, failures = [], []
    for write in (result.summary, result.messages, result.picture, result.video):
        try:
            paths.append(write())
        except OSError as error:  # the others may be smaller, or elsewhere
            failures.append(str(error))
    if paths:
        print('saved ' + ', '.join(str(path) for path in paths))
    if failures:
        raise DemoError('; '.join(failures))


def main(
    args: Sequence[str] | None = None, har_node: Sequence[str] = ('-m', 'mujo_ros.har_node')
) -> int:
    """Run the demo; 0 when it ended well, 1 when it failed, 2 for a source that is no good."""
    given = arguments(args)
    try:
        run(given, har_node)
    except DemoError as error:
        print(f'demo failed: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
