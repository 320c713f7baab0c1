"""An ordinary subscriber: collects `/activity` and `skeleton`, and shows what comes."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sensor_msgs.msg import CameraInfo, PointCloud2
from std_msgs.msg import String

from mujo_ros.convert import cloud_to_joints, stamp_to_seconds

JOINTS = 33
LINE_EVERY = 0.5  # s, where there is no terminal


@dataclass
class Seen:
    """What came over the topics; written by one thread, read by another.

    Attributes:
        activities: messages as dicts, in the order of arrival.
        arrivals: when they came, s of a monotonic clock.
        skeletons: stamp in s and joints (33, 3) in m, in the camera's optical frame.
        focal, center: of the camera, px.
        first_stamp: of the camera's first frame, s; None before it came.
    """

    activities: list[dict[str, Any]] = field(default_factory=list)
    skeletons: list[tuple[float, NDArray[np.float32]]] = field(default_factory=list)
    focal: float = 1.0
    center: tuple[float, float] = (0.0, 0.0)
    first_stamp: float | None = None
    arrivals: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """`/activity` messages a second, lately."""
        times = self.arrivals[-20:]
        lately = len(times) > 1 and time.monotonic() - times[-1] < 1.0
        return (len(times) - 1) / (times[-1] - times[0]) if lately else 0.0

    def video_time(self, stamp: float) -> float:
        """Seconds of the video at a stamp."""
        return stamp - (self.first_stamp if self.first_stamp is not None else stamp)


class Watcher:
    """A node in a thread, in a context of its own.

    Args:
        domain: ROS domain.
    """

    def __init__(self, domain: int) -> None:
        self.seen = Seen()
        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain)
        self.node = rclpy.create_node('watcher', context=self._context)
        subscribe = self.node.create_subscription
        subscribe(String, 'activity', self._activity, QoSProfile(depth=100))
        subscribe(PointCloud2, 'skeleton', self._skeleton, QoSProfile(depth=100))
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name='watcher', daemon=True)
        self._thread.start()

    def let_play(self) -> None:
        """Subscribe `camera/camera_info`, which is what the player waits for."""
        self.node.create_subscription(
            CameraInfo, 'camera/camera_info', self._camera_info, QoSProfile(depth=100)
        )
        self._executor.wake()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _activity(self, msg: String) -> None:
        self.seen.arrivals.append(time.monotonic())
        self.seen.activities.append(json.loads(msg.data))

    def _skeleton(self, msg: PointCloud2) -> None:
        stamp, xyz, _ = cloud_to_joints(msg, JOINTS)
        self.seen.skeletons.append((stamp, xyz))

    def _camera_info(self, msg: CameraInfo) -> None:
        if self.seen.first_stamp is None:
            self.seen.focal = float(msg.k[0])
            self.seen.center = (float(msg.k[2]), float(msg.k[5]))
            self.seen.first_stamp = stamp_to_seconds(msg.header.stamp)

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown()
        self._thread.join(5.0)
        self.node.destroy_node()
        self._context.try_shutdown()


class Screen:
    """Shows the newest answer: a live picture in a terminal, else a line twice a second.

    Args:
        seen: what to show.
        title: first line of the picture.
    """

    def __init__(self, seen: Seen, title: str) -> None:
        self._seen = seen
        self._title = title
        self._console = Console()
        self._live: Live | None = None
        self._line_at = 0.0
        self._shown = 0

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live = Live(self._picture(), console=self._console, auto_refresh=False)
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            self._live.__exit__(None, None, None)

    def update(self) -> None:
        """Show what is new; to be called ten times a second or so."""
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
        elif len(self._seen.activities) > self._shown and (
            time.monotonic() - self._line_at > LINE_EVERY
        ):
            self._line_at, self._shown = time.monotonic(), len(self._seen.activities)
            self._console.print(self._line(), highlight=False, soft_wrap=True)

    def _line(self) -> str:
        answer, seen = self._seen.activities[-1], self._seen
        return (
            f'{seen.video_time(answer["stamp"]):6.1f} s  {answer["label"]:<20.20} '
            f'{answer["confidence"]:4.0%}  {"+".join(answer["modalities"]):<9} '
            f'{seen.rate:4.1f} Hz  latency {1e3 * answer["latency"]:5.1f} ms  '
            f'age {1e3 * answer["age"]:5.0f} ms'
        )

    def _picture(self) -> Group:
        seen = self._seen
        head = Text(self._title, style='dim')
        if not seen.activities:
            waits = 'nobody in view yet' if seen.skeletons else 'waiting for the camera'
            return Group(head, Text(f'\n  /activity: {waits}\n', style='bold'))
        answer = seen.activities[-1]
        said = Text.assemble(
            '\n  ',
            (answer['label'].replace('_', ' '), 'bold green'),
            f'  {answer["confidence"]:.0%}\n',
        )
        bars = Table.grid(padding=(0, 1))
        for label, score in [*answer['scores'], ['none of these', answer['unknown']]]:
            style = 'green' if label == answer['label'] else 'cyan'
            bars.add_row(
                f'  {label.replace("_", " "):<24.24}',
                ProgressBar(total=1.0, completed=score, width=40, complete_style=style),
                f'{score:5.1%}',
            )
        covered = '   '.join(f'{name} {share:.0%}' for name, share in answer['coverage'].items())
        figures = (
            f'\n  {seen.video_time(answer["stamp"]):.1f} s of the video   {seen.rate:.1f} Hz   '
            f'latency {1e3 * answer["latency"]:.1f} ms   age {1e3 * answer["age"]:.0f} ms'
            f'\n  uses {" + ".join(answer["modalities"])}   (coverage: {covered})'
        )
        return Group(head, said, bars, Text(figures, style='dim'))
