"""Images with their stamps to numpy arrays, and back. Pure, as `convert` is."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from mujo_core.bags.images import depth_of, rgb_of
from mujo_ros.convert import header_seconds, to_header


def image_to_rgb(msg: Image | CompressedImage) -> tuple[float, NDArray[np.uint8]]:
    """Stamp in s and pixels as `rgb_of`; also raises `MessageError` 'bad_stamp'."""
    return header_seconds(msg.header), rgb_of(msg)


def image_to_depth(msg: Image | CompressedImage) -> tuple[float, NDArray[np.float32]]:
    """Stamp in s and metres as `depth_of`; also raises `MessageError` 'bad_stamp'."""
    return header_seconds(msg.header), depth_of(msg)


def rgb_to_image(stamp: float | Time, frame_id: str, rgb: NDArray[np.uint8]) -> Image:
    """`Image` rgb8 of (H, W, 3) uint8."""
    height, width, channels = rgb.shape
    if channels != 3 or rgb.dtype != np.uint8:
        raise ValueError(f'expected (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}')
    return Image(
        header=to_header(stamp, frame_id),
        height=height,
        width=width,
        encoding='rgb8',
        is_bigendian=0,
        step=3 * width,
        data=rgb.tobytes(),
    )
