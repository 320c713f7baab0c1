"""Made-up sensors for measurements: a skeleton, IMUs and a camera in one process of their own.

`python -m mujo_ros.sensors '{"skeleton": 30, "imu/right_wrist": 100}'`; rates in Hz, by topic.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, Imu, PointCloud2

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.layouts import get_layout
from mujo_ros.convert import joints_to_cloud, sample_to_imu
from mujo_ros.images import rgb_to_image
from mujo_ros.streams import node_seconds

LAYOUT = 'mediapipe33'
CAMERA = 'camera/image_raw'
IMAGE_SIZE = (480, 640)  # rows, columns


def _sender(node: Node, topic: str, rng: np.random.Generator) -> Callable[[], None]:
    """A function that publishes one message of a topic, stamped now."""
    if topic == 'skeleton':
        body = rng.normal((0.0, 0.0, 3.0), size=(len(get_layout(LAYOUT).joints), 3))
        skeleton = node.create_publisher(PointCloud2, topic, 10)

        def send_skeleton() -> None:
            xyz = body + 0.05 * rng.normal(size=body.shape)
            skeleton.publish(joints_to_cloud(node_seconds(node), 'camera_optical_frame', xyz))

        return send_skeleton
    if topic == CAMERA:
        rgb = rng.integers(256, size=(*IMAGE_SIZE, 3), dtype=np.uint8)
        camera = node.create_publisher(Image, topic, 2)
        image = rgb_to_image(0.0, 'camera_optical_frame', rgb)

        def send_image() -> None:
            image.header.stamp = node.get_clock().now().to_msg()
            camera.publish(image)

        return send_image
    imu = node.create_publisher(Imu, topic, 10)
    rest = np.array([0.0, 0.0, STANDARD_GRAVITY, 0.0, 0.0, 0.0])

    def send_imu() -> None:
        imu.publish(sample_to_imu(node_seconds(node), rest + rng.normal(size=6), topic))

    return send_imu


def publish(rates: dict[str, float], ros_args: Sequence[str]) -> None:
    """Publish topics at their rates, Hz, until SIGTERM, or until the parent process is gone."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(args=list(ros_args), signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('sensors')
    rng = np.random.default_rng(0)
    sends = [_sender(node, topic, rng) for topic in rates]
    periods = [1.0 / rate for rate in rates.values()]
    parent, start = os.getppid(), time.monotonic()
    due = [start] * len(sends)
    while os.getppid() == parent:
        which = min(range(len(due)), key=due.__getitem__)
        if stop.wait(max(0.0, due[which] - time.monotonic())):
            break
        sends[which]()
        due[which] += periods[which]
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == '__main__':
    publish(json.loads(sys.argv[1]), sys.argv[2:])
