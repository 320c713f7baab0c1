"""Message converters to be fuzzed: messages of any content from a string of bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, PointCloud2, PointField
from std_msgs.msg import Header

from mujo_core.bags.images import check_image
from mujo_core.bags.intrinsics import Intrinsics
from mujo_ros.convert import MessageError, cloud_to_joints, imu_to_sample
from mujo_ros.hri import body_ids, skeleton2d_to_joints
from mujo_ros.images import image_to_depth, image_to_rgb

ENCODINGS = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', '16UC1', 'mono16', '32FC1', 'yuv422', '')
FORMATS = ('', 'jpeg', '16UC1; png compressed', '16UC1; compressedDepth', '32FC1; compressedDepth')
STARTS = (b'', b'\xff\xd8', b'\xff\xd8\xff\xc0\x00\x11\x08', b'\x89PNG\r\n\x1a\n')


class Bytes:
    """Values taken from a string of bytes, zeros when it is used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, layout: str) -> tuple[Any, ...]:
        size = struct.calcsize(layout)
        head, self._data = self._data[:size], self._data[size:]
        return struct.unpack(layout, head.ljust(size, b'\0'))

    def number(self) -> int:
        """Small or of 32 bits."""
        kind, value = self.take('<BI')
        return int(value if kind % 4 == 0 else value % 64)

    def rest(self) -> bytes:
        return self._data


def _header(data: Bytes) -> Header:
    sec, nanosec = data.take('<iI')
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id='f' * (data.number() % 4096))


def _imu(data: Bytes) -> None:
    msg = Imu(header=_header(data))
    msg.linear_acceleration_covariance[0], msg.angular_velocity_covariance[0] = data.take('<2d')
    force, turn = msg.linear_acceleration, msg.angular_velocity
    force.x, force.y, force.z, turn.x, turn.y, turn.z = data.take('<6d')
    _, sample = imu_to_sample(msg)
    assert sample.shape == (6,)


def _cloud(data: Bytes) -> None:
    joints, fields = 1 + data.number() % 40, []
    for name in ('x', 'y', 'z', 'visibility', 'rgb')[: data.number() % 6]:
        kind = (7, 8, 1, data.number() % 256)[data.number() % 4]
        fields.append(PointField(name=name, offset=data.number(), datatype=kind, count=1))
    msg = PointCloud2(header=_header(data), fields=fields, is_bigendian=bool(data.number() % 2))
    msg.height, msg.width = (1, joints) if data.number() % 4 else (data.number(), data.number())
    msg.point_step = data.number()
    msg.row_step = min(msg.width * msg.point_step, 2**32 - 1) if data.number() % 4 else 7
    msg.data = data.rest()
    _, xyz, _ = cloud_to_joints(msg, joints)
    assert xyz.shape == (joints, 3) and not np.isinf(xyz).any()


def _image(data: Bytes) -> None:
    msg = Image(header=_header(data), height=data.number(), width=data.number())
    msg.encoding = ENCODINGS[data.number() % len(ENCODINGS)]
    msg.step = data.number() if data.number() % 4 == 0 else min(msg.width * 4, 2**32 - 1)
    msg.is_bigendian, msg.data = data.number() % 2, data.rest()
    _both(msg)


def _compressed(data: Bytes) -> None:
    msg = CompressedImage(header=_header(data), format=FORMATS[data.number() % len(FORMATS)])
    before = bytes(12 * (data.number() % 2))
    msg.data = before + STARTS[data.number() % len(STARTS)] + data.rest()
    _both(msg)


def _both(msg: Image | CompressedImage) -> None:
    for source, convert, axes in (('rgb', image_to_rgb, 3), ('depth', image_to_depth, 2)):
        try:
            check_image(msg, source)
        except MessageError:
            fits = False
        else:
            fits = True
        try:
            assert convert(msg)[1].ndim == axes and fits
        except MessageError:
            continue


def _camera_info(data: Bytes) -> None:
    msg = CameraInfo(header=_header(data), height=data.number(), width=data.number())
    msg.k = list(data.take('<9d'))
    msg.roi.width, msg.roi.height = data.number(), data.number()
    Intrinsics.from_message(msg).of_image(640, 480, 1.0)


def _skeleton2d(data: Bytes) -> None:
    count = data.number() if data.number() % 4 == 0 else 18
    points = [SimpleNamespace(**dict(zip('xyc', data.take('<3f'), strict=True)))] * (count % 4096)
    _, joints, seen = skeleton2d_to_joints(
        SimpleNamespace(header=_header(data), skeleton=points), 4 / 3
    )
    assert joints.shape == (18, 3) and seen.shape == (18,)


def _ids(data: Bytes) -> None:
    ids = data.rest().decode('latin-1').split(',')
    assert all(one.isascii() and one.isidentifier() for one in body_ids(ids))


CONVERTERS: dict[str, Callable[[Bytes], None]] = {
    'imu': _imu,
    'cloud': _cloud,
    'image': _image,
    'compressed': _compressed,
    'camera_info': _camera_info,
    'skeleton2d': _skeleton2d,
    'ids': _ids,
}


def attempt(name: str, data: bytes) -> str:
    """Convert a message made of `data`: 'converted', or the kind by which it was refused.

    Any other exception than `MessageError` goes through.
    """
    try:
        CONVERTERS[name](Bytes(data))
    except MessageError as error:
        assert error.kind and '\n' not in str(error) and len(str(error)) < 2000
        return error.kind
    return 'converted'
