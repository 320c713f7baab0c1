"""The camera in a recorded bag: which topic it is, its images in order, its calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.bags.message_error import MessageError
from mujo_core.bags.reader import messages_of

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
OFF = 'off'
_BACK = 2.0  # s back between stamps, from which on time has jumped


class Shot(NamedTuple):
    """An image as it lies in a bag: recorder's clock and header time in s, frame, message."""

    arrival: float
    stamp: float
    frame: str
    message: Any


def choose_camera(topics: Mapping[str, str], camera: str = '', source: str = 'rgb') -> str:
    """Return the topic of a camera, '' where there is none.

    Args:
        topics: topic to type, of a bag.
        camera: a topic, ``'off'`` for none; empty: the first whose name speaks of depth or not, as
            `source` says, raw before compressed.
        source: ``'rgb'`` or ``'depth'``.

    Raises:
        ValueError: `camera` is not there, or no topic of images.
    """
    images = [topic for kind in (IMAGE, COMPRESSED) for topic in topics if topics[topic] == kind]
    if camera == OFF:
        return ''
    if camera:
        if camera not in images:
            came = f'{camera} is {topics[camera]}' if camera in topics else f'there is no {camera}'
            raise ValueError(
                f'expected a topic of images in the bag ({", ".join(images) or "none"}), {came}'
            )
        return camera
    fitting = [topic for topic in images if ('depth' in topic.lower()) == (source == 'depth')]
    return next(iter(fitting), '')


def is_compressed_topic(topics: Mapping[str, str], camera: str) -> bool:
    """Whether a topic holds compressed images."""
    return topics[camera] == COMPRESSED


def info_topic(topics: Mapping[str, str], camera: str) -> str:
    """Return the ``camera_info`` that lies nearest beside a topic of images, '' without one."""
    words = camera.split('/')
    beside = ['/'.join([*words[:end], 'camera_info']) for end in range(len(words) - 1, 0, -1)]
    return next((topic for topic in beside if topics.get(topic) == CAMERA_INFO), '')


def read_images(reader: Any, topic: str) -> Iterator[Shot]:
    """Yield the images of a topic of an open bag; one without a stamp, or that comes after a newer
    one, is left out, as by a node."""
    last = 0.0
    for _, arrival, message in messages_of(reader, [topic], (IMAGE, COMPRESSED)):
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        if stamp > 0.0 and not 0.0 <= last - stamp <= _BACK:
            last = stamp
            yield Shot(arrival, stamp, message.header.frame_id, message)


def read_intrinsics(reader: Any, topics: Mapping[str, str], camera: str) -> Intrinsics:
    """Return the calibration of a topic of images: the first usable one."""
    for _, _, message in messages_of(reader, [info_topic(topics, camera)], (CAMERA_INFO,)):
        try:
            return Intrinsics.from_message(message)
        except MessageError:
            continue
    return Intrinsics()
