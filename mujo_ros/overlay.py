"""`~/overlay`: the camera's image with the skeleton and what was said, drawn while someone looks.

Nothing is subscribed, converted or drawn while nobody does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from mujo_core.bags.images import DEPTH_ENCODINGS
from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.layouts import get_layout
from mujo_core.skeleton import PARENTS, canonical_joints
from mujo_ros.convert import MessageError, header_seconds
from mujo_ros.images import image_to_depth, image_to_rgb, rgb_to_image
from mujo_ros.live_video import camera_topic
from mujo_ros.mailbox import Newest
from mujo_ros.markers import SENSOR_AXES
from mujo_ros.pairing import Pairing, Skeleton
from mujo_ros.streams import overridable, sensor_qos

LOOK = 0.5  # s between looks whether someone listens
WIDTH = 960  # px, wider images are made smaller
NEAR, FAR = 0.4, 6.0  # m, drawn bright and dark
STALE = 1.0  # s after which what was said is no longer shown
BONE, JOINT, TEXT = (25, 180, 255), (255, 255, 255), (255, 255, 255)


def picture_of(msg: Image | CompressedImage, source: str) -> tuple[NDArray[np.uint8], float]:
    """(H, W, 3) uint8 of one's own, colours or depth as grey, and how much smaller it was made
    to be no wider than `WIDTH`.

    Raises `MessageError` for what is no image of `source` ('rgb' or 'depth').
    """
    import cv2

    if source == 'depth':
        depth = image_to_depth(msg)[1]
        near = np.clip((FAR - depth) / (FAR - NEAR), 0.0, 1.0)
        grey = np.nan_to_num(30 + 225 * near, nan=0.0).astype(np.uint8)
        rgb = np.repeat(grey[..., None], 3, axis=2)
    else:
        rgb = image_to_rgb(msg)[1]
    height, width = rgb.shape[:2]
    if width > WIDTH:
        size = (WIDTH, max(1, round(height * WIDTH / width)))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), WIDTH / width
    return np.array(rgb, order='C'), 1.0


def bones_in_image(
    skeleton: Skeleton, focal: float, center: tuple[float, float], scale: float = 1.0
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Canonical joints (16, 2) px, NaN where unseen, and the pairs of them that are bones.

    A skeleton of two dimensions is in pixels of the image already, which was made smaller by
    `scale`.
    """
    joints = canonical_joints(skeleton.xyz, skeleton.layout, up=SENSOR_AXES).astype(np.float64)
    if get_layout(skeleton.layout).dimensions == 2:
        pixels = joints[:, :2] * scale
    else:
        with np.errstate(all='ignore'):
            pixels = focal * joints[:, :2] / joints[:, 2:] + center
        pixels[~(joints[:, 2] > 0.1)] = np.nan
    seen = np.asarray(np.isfinite(pixels).all(axis=1) & (np.abs(pixels) < 1e4).all(axis=1))
    pixels[~seen] = np.nan
    pairs = [(j, p) for j, p in enumerate(PARENTS) if j != p and seen[j] and seen[p]]
    return pixels, pairs


def draw(
    rgb: NDArray[np.uint8],
    bones: tuple[NDArray[np.float64], list[tuple[int, int]]] | None,
    text: str,
) -> None:
    """Draw bones, and text above the highest joint or in the corner, in place."""
    import cv2

    height, width = rgb.shape[:2]
    thick = max(1, height // 160)
    top = np.array([8.0, 8.0])
    if bones is not None:
        pixels, pairs = bones
        for joint, parent in pairs:
            ends = [tuple(np.round(pixels[i]).astype(int).tolist()) for i in (joint, parent)]
            cv2.line(rgb, ends[0], ends[1], BONE, 2 * thick, cv2.LINE_AA)
            cv2.circle(rgb, ends[0], 2 * thick, JOINT, -1, cv2.LINE_AA)
        if pairs:
            top = pixels[int(np.nanargmin(pixels[:, 1]))]
    if not text:
        return
    scale = max(0.4, height / 600)
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    left = int(np.clip(top[0] - wide / 2, 0, max(0, width - wide)))
    base = int(np.clip(top[1] - 3 * high, high + below, max(high + below, height - below)))
    cv2.rectangle(rgb, (left, base - high - below), (left + wide, base + below), (0, 0, 0), -1)
    cv2.putText(rgb, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, TEXT, thick, cv2.LINE_AA)


class Overlay:
    """Publishes `~/overlay`; call `close` to end.

    Args:
        node: whose publisher and subscriptions these are.
        pairing: has the last skeletons.
        transport: of the camera, 'raw' or 'compressed'.
        source: 'rgb' or 'depth', for compressed images; raw ones say it themselves.
        field_of_view: gives the horizontal one in rad to assume while no `camera_info` comes.
    """

    def __init__(
        self,
        node: Node,
        pairing: Pairing,
        transport: str,
        source: str,
        field_of_view: Callable[[], float],
    ) -> None:
        self._node, self._pairing = node, pairing
        self._source, self._field_of_view = source, field_of_view
        self._topic = camera_topic(transport, source)
        self._intrinsics = Intrinsics()
        self._said: tuple[float, str] = (-1.0, '')
        self._subscriptions: list[Any] = []
        self._newest = Newest()
        self._thread: threading.Thread | None = None
        self._troubles: set[str] = set()
        self._publisher = node.create_publisher(
            Image, '~/overlay', 1, qos_overriding_options=overridable()
        )
        self._timer = node.create_timer(
            LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def watched(self) -> bool:
        """Whether the camera is subscribed, since someone listens."""
        return bool(self._subscriptions)

    def say(self, stamp: float, text: str) -> None:
        """What to write from now on; `stamp` in s is the end of the window it is about."""
        self._said = (stamp, text)

    def close(self) -> None:
        """Unsubscribe and end."""
        self._node.destroy_timer(self._timer)
        self._unsubscribe()
        self._newest.close()
        if self._thread is not None:
            self._thread.join(2.0)
        self._node.destroy_publisher(self._publisher)

    # Callbacks

    def _look(self) -> None:
        if bool(self._publisher.get_subscription_count()) == self.watched:
            return
        if self.watched:
            self._unsubscribe()
            return
        kind, topic = self._topic
        self._subscriptions = [
            self._node.create_subscription(
                msg_type, name, callback, sensor_qos(1), qos_overriding_options=overridable()
            )
            for msg_type, name, callback in (
                (kind, topic, self._newest.put),
                (CameraInfo, 'camera/camera_info', self._camera_info),
            )
        ]
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name='overlay', daemon=True)
            self._thread.start()

    def _unsubscribe(self) -> None:
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())
        self._newest.clear()

    def _camera_info(self, msg: CameraInfo) -> None:
        try:
            self._intrinsics = Intrinsics.from_message(msg)
        except MessageError as error:
            self._trouble(error.kind, str(error))

    # Worker

    def _work(self) -> None:
        while (msg := self._newest.take()) is not None:
            try:
                self._publish(msg)
            except MessageError as error:
                self._trouble(error.kind, str(error))
            except ImportError as error:
                self._trouble(
                    'import', f"{error}: drawing needs OpenCV, pip install 'mujo_ros[pose]'"
                )

    def _publish(self, msg: Image | CompressedImage) -> None:
        stamp = header_seconds(msg.header)
        source = self._source
        if isinstance(msg, Image):
            source = 'depth' if msg.encoding in DEPTH_ENCODINGS else 'rgb'
        rgb, scale = picture_of(msg, source)
        height, width = rgb.shape[:2]
        skeleton, bones = self._pairing.nearest(stamp), None
        if skeleton is not None and skeleton.header.frame_id == msg.header.frame_id:
            focal, center = self._intrinsics.of_image(width, height, self._field_of_view())
            bones = bones_in_image(skeleton, focal, center, scale)
        said, text = self._said
        draw(rgb, bones, text if abs(stamp - said) <= STALE else '')
        self._publisher.publish(rgb_to_image(msg.header.stamp, msg.header.frame_id, rgb))

    def _trouble(self, kind: str, line: str) -> None:
        if kind not in self._troubles:
            self._troubles.add(kind)
            self._node.get_logger().warning(f'~/overlay: {kind}: {line} (said once)')
