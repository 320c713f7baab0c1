"""The demo's camera: a video file or a webcam as `camera/image_raw` and `camera/camera_info`.

A file plays at its own rate in real time. Frame i is stamped with the start plus i / rate, as a
camera's clock would stamp it; a webcam's frames are stamped as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo, Image

from mujo_core.pose_estimator import focal_from_field_of_view
from mujo_ros.convert import seconds_to_stamp
from mujo_ros.demo.source import VideoSource
from mujo_ros.demo.video import VideoWriter
from mujo_ros.images import rgb_to_image

FRAME = 'camera_optical_frame'
FIELD_OF_VIEW = 1.15  # rad, of a phone's camera held wide; a video does not say its own
LISTENERS = 2  # of camera_info: pose_node, and the watcher once all else is ready
MATCH_WITHIN = 120.0  # s
QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE)


def camera_info(source: VideoSource) -> CameraInfo:
    """Of a camera without distortion; what was cut off the frame moves its principal point."""
    width, height = source.size
    focal = focal_from_field_of_view(width, FIELD_OF_VIEW)
    center = (width / 2, source.full_height / 2 - source.cut_above)
    return CameraInfo(
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=[focal, 0.0, center[0], 0.0, focal, center[1], 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, center[0], 0.0, 0.0, focal, center[1], 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def play(node: Node, source: VideoSource, stamps: Path, record: Path | None, seconds: float) -> int:
    """Publish the frames, once somebody listens; write one stamp a line to `stamps`.

    A webcam plays for `seconds` and its frames are written to `record`. Returns the frames played.
    """
    images = node.create_publisher(Image, 'camera/image_raw', QOS)
    infos = node.create_publisher(CameraInfo, 'camera/camera_info', QOS)
    deadline = time.monotonic() + MATCH_WITHIN
    while not images.get_subscription_count() or infos.get_subscription_count() < LISTENERS:
        if time.monotonic() > deadline:
            raise TimeoutError(f'expected {LISTENERS} listeners within {MATCH_WITHIN:g} s')
        rclpy.spin_once(node, timeout_sec=0.05)
    info, count = camera_info(source), 0
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(stamps.open('w', buffering=1))
        writer = None
        if record:
            writer = stack.enter_context(VideoWriter(record, source.rate, 'ultrafast'))
        start, started = node.get_clock().now().nanoseconds * 1e-9, time.monotonic()
        for rgb in source.frames():
            at = time.monotonic() - started if source.live else count / source.rate
            if source.live and at > seconds:
                break
            time.sleep(max(0.0, started + at - time.monotonic()))
            info.header.stamp = seconds_to_stamp(start + at)
            info.header.frame_id = FRAME
            infos.publish(info)
            images.publish(rgb_to_image(info.header.stamp, FRAME, rgb))
            lines.write(f'{start + at:.6f}\n')
            if writer:
                writer.write(rgb)
            count += 1
    images.wait_for_all_acked(Duration(seconds=2))
    return count


def main(args: Sequence[str] | None = None) -> int:
    """Play once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', default='', help="file, index of a camera, '' for the example")
    parser.add_argument('--stamps', type=Path, required=True, help='file for one stamp a line')
    parser.add_argument('--record', type=Path, help="file for a webcam's frames")
    parser.add_argument('--seconds', type=float, default=30.0, help='how long a webcam plays')
    given = parser.parse_args(remove_ros_args(args or sys.argv)[1:])
    try:
        source = VideoSource(given.source)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    # Not rclpy's handlers, which would end the context in the middle of a frame.
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    node = rclpy.create_node('player')
    try:
        count = play(node, source, given.stamps, given.record, given.seconds)
        print(f'{count} frames played')
    except KeyboardInterrupt:
        print('stopped')
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        source.close()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
