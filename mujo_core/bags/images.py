"""Images of messages to numpy arrays: raw and compressed, colours and depth, of a bag or a topic.

A message is anything with the fields of `sensor_msgs/Image` or `CompressedImage`. Sizes are
checked before any data is read, so that a message costs no more memory than it brought.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mujo_core.bags.message_error import MessageError

MAX_IMAGE_SIDE = 8192  # pixels
MAX_IMAGE_PIXELS = 1 << 25  # of an image: 8192 x 4096
MAX_IMAGE_BYTES = 1 << 28  # 256 MiB, more than any image of so many pixels needs
MAX_COMPRESSED_BYTES = 1 << 25  # 32 MiB
_SIZES = f'1..{MAX_IMAGE_SIDE} pixels a side and at most {MAX_IMAGE_PIXELS} in all'
_CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
_DEPTHS = {'16UC1': 'u2', 'mono16': 'u2', '32FC1': 'f4'}
DEPTH_ENCODINGS = tuple(_DEPTHS)
_PNG = b'\x89PNG\r\n\x1a\n'
_COMPRESSED_DEPTH = struct.Struct('<iff')
"""What compressedDepth puts before its PNG: a format, and the A and B of inverse depth."""


def is_compressed(msg: Any) -> bool:
    """Whether a message is a `CompressedImage`."""
    return hasattr(msg, 'format')


def rgb_of(msg: Any) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB; a view of the message for rgb8, do not write into it.

    Takes rgb8, bgr8, rgba8, bgra8, mono8, and `CompressedImage` as JPEG or PNG. Raises
    `MessageError`: 'wrong_encoding', 'wrong_size'.
    """
    if is_compressed(msg):
        return _decode(msg)
    pixels = _color_pixels(msg)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif msg.encoding.startswith('bgr'):
        pixels = pixels[..., 2::-1]
    else:
        pixels = pixels[..., :3]
    return pixels


def depth_of(msg: Any) -> NDArray[np.float32]:
    """(H, W) float32 depth in m, NaN for none; from 16UC1 (mm) or 32FC1 (m), or
    from a `CompressedImage` of image_transport's compressedDepth or a PNG of 16 bits.

    Raises `MessageError`: 'wrong_encoding', 'wrong_size'.
    """
    if is_compressed(msg):
        depth = _decode_depth(msg)
    else:
        raw = _depth_pixels(msg)
        depth = raw.astype(np.float32)
        if raw.dtype.kind == 'u':
            depth *= 0.001
    depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    return depth


def check_image(msg: Any, source: str) -> None:
    """Raise what `rgb_of` (source 'rgb') or `depth_of` ('depth') would, for all but
    damaged compressed data; nothing is copied or decoded."""
    if is_compressed(msg) and source == 'depth':
        _split_depth(msg)
    elif is_compressed(msg):
        _check_compressed(memoryview(msg.data), msg.format)
    elif source == 'depth':
        _depth_pixels(msg)
    else:
        _color_pixels(msg)


def _check_compressed(data: memoryview, form: str) -> None:
    """Raise `MessageError` unless these are the bytes of a JPEG or PNG image of a usable size."""
    if not 0 < len(data) <= MAX_COMPRESSED_BYTES:
        raise MessageError(
            'wrong_size',
            f'expected 1..{MAX_COMPRESSED_BYTES} bytes, got {len(data)}: fix the driver',
        )
    sides = encoded_size(bytes(data[: 1 << 18]))
    if sides is None:
        raise MessageError(
            'wrong_encoding',
            f'expected a JPEG or PNG image, got format {form[:32]!r}: '
            'set the compression of the camera driver (image_transport)',
        )
    if not _is_usable_size(*sides):
        raise MessageError(
            'wrong_size',
            f'expected {_SIZES}, got {sides[0]} x {sides[1]}: use a lower resolution',
        )


def _is_usable_size(width: int, height: int) -> bool:
    fits = 0 < width <= MAX_IMAGE_SIDE and 0 < height <= MAX_IMAGE_SIDE
    return fits and width * height <= MAX_IMAGE_PIXELS


def _color_pixels(msg: Any) -> NDArray[np.uint8]:
    channels = _CHANNELS.get(msg.encoding)
    if channels is None:
        raise MessageError(
            'wrong_encoding',
            f'expected {", ".join(_CHANNELS)}, got {msg.encoding[:32]!r}: '
            'set the encoding of the camera driver',
        )
    return _pixels(msg, np.dtype('u1'), channels)


def _depth_pixels(msg: Any) -> NDArray[Any]:
    kind = _DEPTHS.get(msg.encoding)
    if kind is None:
        raise MessageError(
            'wrong_encoding',
            f'expected {", ".join(_DEPTHS)}, got {msg.encoding[:32]!r}: use the depth topic',
        )
    return _pixels(msg, np.dtype(('>' if msg.is_bigendian else '<') + kind), 1)[..., 0]


def _pixels(msg: Any, dtype: np.dtype[Any], channels: int) -> NDArray[Any]:
    row = msg.width * channels * dtype.itemsize
    fits = _is_usable_size(msg.width, msg.height) and len(msg.data) <= MAX_IMAGE_BYTES
    if not fits or msg.step < row or len(msg.data) < msg.step * (msg.height - 1) + row:
        raise MessageError(
            'wrong_size',
            f'expected {_SIZES} and height x step bytes, got '
            f'{msg.width} x {msg.height}, step={msg.step}, {len(msg.data)} bytes: fix the driver',
        )
    strides = (msg.step, channels * dtype.itemsize, dtype.itemsize)
    shape = (msg.height, msg.width, channels)
    return np.ndarray(shape, dtype, memoryview(msg.data), 0, strides)


def _decode(msg: Any) -> NDArray[np.uint8]:
    import cv2

    _check_compressed(memoryview(msg.data), msg.format)
    data = np.frombuffer(msg.data, np.uint8)
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise MessageError(
            'wrong_encoding', 'expected a JPEG or PNG image, got damaged data: check the link'
        )
    return np.ascontiguousarray(bgr[..., ::-1], np.uint8)


def _split_depth(msg: Any) -> tuple[memoryview, tuple[float, float] | None]:
    """The PNG, and A and B where the image is of inverse metres."""
    data = memoryview(msg.data)
    parameters = None
    before, after = data[: _COMPRESSED_DEPTH.size], data[_COMPRESSED_DEPTH.size :]
    if bytes(data[:8]) != _PNG and bytes(after[:8]) == _PNG:
        _, a, b = _COMPRESSED_DEPTH.unpack(before)
        if msg.format[:16].strip().startswith('32FC1'):
            parameters = (a, b)
        data = after
    _check_compressed(data, msg.format)
    if bytes(data[:8]) != _PNG:
        raise MessageError(
            'wrong_encoding',
            f'expected depth as a PNG image of 16 bits, got format {msg.format[:32]!r}: set the '
            'compression of the depth camera to png (compressedDepth)',
        )
    return data, parameters


def _decode_depth(msg: Any) -> NDArray[np.float32]:
    """(H, W) float32 depth in m, 0 or not finite for none.

    A 32FC1 image is stored as its inverse: a value v stands for A / (v - B) metres, 0 for none.
    """
    import cv2

    data, parameters = _split_depth(msg)
    raw: NDArray[Any] | None
    try:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        raw = None
    if raw is None or raw.dtype != np.uint16 or raw.ndim != 2:
        came = 'damaged data' if raw is None else f'{raw.dtype} of shape {raw.shape}'
        raise MessageError(
            'wrong_encoding', f'expected a depth image of 16 bits, got {came}: use the depth topic'
        )
    if parameters is None:
        return np.asarray(raw * np.float32(0.001))
    a, b = map(np.float32, parameters)
    with np.errstate(all='ignore'):
        metres = a / (raw.astype(np.float32) - b)
    return np.where(raw > 0, metres, np.float32(0.0)).astype(np.float32)


def encoded_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that a PNG or JPEG header states, nothing being decoded; None if neither."""
    if data[:8] == _PNG and len(data) >= 24:
        return int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big')
    at = 2 if data[:2] == b'\xff\xd8' else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of a frame
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, 'big'), int.from_bytes(height, 'big')
        stands_alone = marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8
        at += 1 if marker == 0xFF else 2
        if not stands_alone:
            at += max(int.from_bytes(data[at : at + 2], 'big'), 2)
    return None
