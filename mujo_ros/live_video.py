"""The camera as the video modality of `har_node`: frames of the person, made beside the callbacks.

A callback checks an image and keeps it until its skeleton comes, or the next image; then one
thread makes the model's frame of the newest pair. What it could not take in time is dropped, so
that it is never more than one image behind.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from mujo_core.bags.images import check_image
from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.video.rgb import Box, skeleton_box
from mujo_ros.convert import MessageError, header_seconds
from mujo_ros.image_order import ImageOrder
from mujo_ros.images import image_to_depth, image_to_rgb
from mujo_ros.mailbox import Newest
from mujo_ros.pairing import Pairing, Skeleton
from mujo_ros.streams import Streams

IMAGE_GAP = 0.5  # s between stamps that /diagnostics counts as a gap
MAX_LINES = 100  # different failures that are said


class _Shot(NamedTuple):
    msg: Image | CompressedImage
    stamp: float
    now: float


def camera_topic(transport: str, source: str) -> tuple[type, str]:
    """Message type and topic of a camera ('raw', 'compressed') of colours ('rgb') or 'depth'."""
    if transport == 'raw':
        return Image, 'camera/image_raw'
    name = 'compressedDepth' if source == 'depth' else 'compressed'
    return CompressedImage, f'camera/image_raw/{name}'


def person_box(
    skeleton: Skeleton | None,
    frame_id: str,
    focal: float,
    center: tuple[float, float],
    size: tuple[int, int],
) -> Box | None:
    """Where a skeleton is in an image of `size` (width, height) px taken in `frame_id`, px.

    None where there is no skeleton, or it is not in the camera's optical frame.
    """
    if skeleton is None or skeleton.header.frame_id != frame_id:
        return None
    return skeleton_box(skeleton.xyz, focal, *size, centre=center)


class LiveVideo:
    """Subscribes the camera and stores its frames in a recognizer.

    Args:
        node: whose subscriptions and log these are.
        streams: that count the stream 'video'.
        recognizer: where frames go, as often as its `settings` ask.
        pairing: finds the skeleton of an image.
        transport: 'raw' or 'compressed'.
        field_of_view: gives the horizontal one in rad to assume while no `camera_info` comes.

    Attributes:
        source: of the images that the checkpoint sees, 'rgb' or 'depth'.
    """

    def __init__(
        self,
        node: Node,
        streams: Streams,
        recognizer: Any,
        pairing: Pairing,
        transport: str,
        field_of_view: Callable[[], float],
    ) -> None:
        self.intrinsics = Intrinsics()
        self._node, self._streams = node, streams
        self._recognizer, self._pairing = recognizer, pairing
        self._field_of_view = field_of_view
        self.source = recognizer.settings.video.source
        # Twice the rate of the grid, as recordings are thinned for training.
        self._period = 0.5 / recognizer.settings.video_rate
        self._order = ImageOrder()
        self._last = -1.0
        self._held: _Shot | None = None
        self._said: set[str] = set()
        self._newest = Newest()
        self._working = threading.Lock()
        kind, topic = camera_topic(transport, self.source)
        streams.add('video', kind, topic, self._image, 1, IMAGE_GAP)
        self._info = Streams(node, dict)
        self._info.add('info', CameraInfo, 'camera/camera_info', self._camera_info, 1, 1e9)
        self._thread = threading.Thread(target=self._work, name='video', daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Images that a newer one replaced before a frame was made of them."""
        return self._newest.dropped

    def restart(self) -> None:
        """Time has jumped: forget what waits, and wait for the frame that is being made."""
        self._newest.clear()
        with self._working:
            self._order.restart()
            self._held, self._last = None, -1.0

    def close(self, timeout: float = 2.0) -> bool:
        """Unsubscribe and end; False when the frame at hand takes longer than `timeout` s."""
        self._info.close()
        self._newest.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # Callbacks

    def _image(self, msg: Image | CompressedImage, now: float) -> tuple[float, bool, bool]:
        check_image(msg, self.source)
        stamp = self._order(msg.header, now)
        self._release()
        if not 0.0 <= stamp - self._last < self._period:
            self._last = stamp
            self._held = _Shot(msg, stamp, now)
            self._pairing.add_image(msg.header)
            if not self._pairing.is_awaited(stamp):
                self._release()
            else:
                self.on_skeleton()
        return stamp, True, False

    def on_skeleton(self) -> None:
        """A skeleton has come: let the image go that waits for it."""
        if self._held is not None and self._pairing.match(self._held.stamp) is not None:
            self._release()

    def _release(self) -> None:
        """Hand over the image that waits, with the best skeleton there is."""
        shot, self._held = self._held, None
        if shot is not None:
            match = self._pairing.match(shot.stamp) or self._pairing.nearest(shot.stamp)
            self._newest.put((shot, match))

    def _camera_info(self, msg: CameraInfo, now: float) -> tuple[float, bool, bool]:
        self.intrinsics = Intrinsics.from_message(msg)
        return header_seconds(msg.header), True, False

    # Worker

    def _work(self) -> None:
        while (pair := self._newest.take()) is not None:
            try:
                with self._working:
                    self._store(*pair)
            except MessageError as error:
                self._streams.refuse('video', error)
            except Exception as error:  # of the model or a backbone; the node goes on without
                self._fail(error)

    def _store(self, shot: _Shot, skeleton: Skeleton | None) -> None:
        convert = image_to_depth if self.source == 'depth' else image_to_rgb
        stamp, image = convert(shot.msg)
        height, width = image.shape[:2]
        focal, center = self.intrinsics.of_image(width, height, self._field_of_view())
        frame_id = shot.msg.header.frame_id
        box = person_box(skeleton, frame_id, focal, center, (width, height))
        known = focal if self.intrinsics.known else None
        if not self._recognizer.add_image(stamp, image, shot.now, box, known):
            self._streams.take_over_refusals('video')

    def _fail(self, error: Exception) -> None:
        line = traceback.format_exception_only(error)[-1].strip()
        if line not in self._said and len(self._said) < MAX_LINES:
            self._said.add(line)
            trace = ''.join(traceback.format_exception(error))
            self._node.get_logger().error(f'a frame failed (said once): {line}\n{trace}')
