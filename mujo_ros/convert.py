"""Messages to numpy arrays and back. Pure: no node, no clock, nothing kept between calls.

Whatever does not fit is refused with a `MessageError`, whose `kind` is counted and whose line says
what was expected, what came and what to do. Sizes are checked before any data is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import Imu, PointCloud2, PointField
from std_msgs.msg import Header

from mujo_core.bags.message_error import MessageError
from mujo_core.inertial import (
    MAX_ACCELERATION,
    MAX_ANGULAR_VELOCITY,
    SAMPLE_LIMIT,
    SAMPLE_RANGE,
)
from mujo_core.skeleton import MAX_DISTANCE

MAX_FRAME_ID = 255  # characters
MAX_POINT_STEP = 4096  # bytes a joint may take in a cloud

_FULL = SAMPLE_RANGE.astype(np.float32)
_FLOATS = {PointField.FLOAT32: 'f4', PointField.FLOAT64: 'f8'}


def stamp_to_seconds(stamp: Time) -> float:
    """Seconds of a header stamp; raises `MessageError` 'bad_stamp' when it is no valid time."""
    if stamp.sec < 0 or stamp.nanosec >= 1_000_000_000:
        raise MessageError(
            'bad_stamp',
            f'expected a stamp with sec >= 0 and nanosec < 1e9, got sec={stamp.sec} '
            f'nanosec={stamp.nanosec}: let the driver stamp with its clock',
        )
    return float(stamp.sec + stamp.nanosec * 1e-9)


def header_seconds(header: Header) -> float:
    """Seconds of a header's stamp; raises `MessageError` 'bad_stamp' or 'bad_frame_id' (so long
    that keeping it would cost memory)."""
    if len(header.frame_id) > MAX_FRAME_ID:
        raise MessageError(
            'bad_frame_id',
            f'expected a frame_id of at most {MAX_FRAME_ID} characters, got '
            f'{len(header.frame_id)}, {header.frame_id[:16]!r}...: fix the publisher',
        )
    return stamp_to_seconds(header.stamp)


def seconds_to_stamp(seconds: float) -> Time:
    """A stamp to the nanosecond that float64 allows (about 0.24 us for today's dates)."""
    if not (math.isfinite(seconds) and 0.0 <= seconds < 2**31 - 1):
        raise ValueError(f'expected seconds in 0..2^31, got {seconds}')
    whole = math.floor(seconds)
    nanoseconds = round((seconds - whole) * 1e9)
    return Time(sec=whole + nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def to_header(stamp: float | Time, frame_id: str) -> Header:
    return Header(
        stamp=stamp if isinstance(stamp, Time) else seconds_to_stamp(stamp), frame_id=frame_id
    )


def imu_to_sample(msg: Imu) -> tuple[float, NDArray[np.float32]]:
    """Stamp in s and (6,) = acceleration in m/s^2 with gravity, angular velocity in rad/s.

    REP-145: a covariance that starts with -1 says that its quantity is not measured; such a
    message is refused ('no_acceleration', 'no_angular_velocity'). Finite values that no worn
    sensor reads are 'out_of_range'. NaN and infinity pass: the timeline refuses 'not_finite'.
    """
    if msg.linear_acceleration_covariance[0] == -1.0:
        raise MessageError(
            'no_acceleration',
            'expected linear_acceleration, got linear_acceleration_covariance[0] = -1 (absent): '
            'publish the raw data topic of the driver, not one with orientation only',
        )
    if msg.angular_velocity_covariance[0] == -1.0:
        raise MessageError(
            'no_angular_velocity',
            'expected angular_velocity, got angular_velocity_covariance[0] = -1 (absent): '
            'use a device with a gyroscope, or switch it on in the driver',
        )
    acceleration, angular = msg.linear_acceleration, msg.angular_velocity
    sample = np.array(
        (acceleration.x, acceleration.y, acceleration.z, angular.x, angular.y, angular.z)
    )
    size = np.abs(sample)
    if ((size > SAMPLE_LIMIT) & np.isfinite(size)).any():
        raise MessageError(
            'out_of_range',
            f'expected m/s^2 within +-{MAX_ACCELERATION:g} and rad/s within '
            f'+-{MAX_ANGULAR_VELOCITY:g}, got up to {size[:3].max():g} and {size[3:].max():g}: '
            'check the units of the driver (REP-103)',
        )
    return header_seconds(msg.header), sample.astype(np.float32)


def imus_to_samples(
    msgs: Sequence[Imu],
) -> tuple[NDArray[np.float64], NDArray[np.float32]] | None:
    """Stamps (N,) in s and samples (N, 6) of messages, as `imu_to_sample` gives them one by one.

    None where one of them is refused or saturated, and so needs a look of its own.
    """
    stamps, rows = [], []
    for msg in msgs:
        stamp, acceleration, angular = (
            msg.header.stamp,
            msg.linear_acceleration,
            msg.angular_velocity,
        )
        if (
            msg.linear_acceleration_covariance[0] == -1.0
            or msg.angular_velocity_covariance[0] == -1.0
            or len(msg.header.frame_id) > MAX_FRAME_ID
            or stamp.sec < 0
            or stamp.nanosec >= 1_000_000_000
        ):
            return None
        stamps.append(stamp.sec + stamp.nanosec * 1e-9)
        rows.append(
            (acceleration.x, acceleration.y, acceleration.z, angular.x, angular.y, angular.z)
        )
    samples = np.array(rows)
    if not (np.abs(samples) <= _FULL).all():
        return None
    return np.array(stamps), samples.astype(np.float32)


def clip_sample(sample: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """(6,) held to +-400 m/s^2 and +-70 rad/s, and whether anything was beyond (saturated).

    Such a sample is real, strong motion: it is used at the end of the range, and counted.
    """
    saturated = bool((np.abs(sample) > _FULL).any())
    return (np.clip(sample, -_FULL, _FULL) if saturated else sample), saturated


def sample_to_imu(stamp: float | Time, sample: NDArray[np.floating], frame_id: str) -> Imu:
    """`Imu` of (6,) m/s^2 and rad/s, no orientation (REP-145: its covariance starts with -1)."""
    values = [float(value) for value in np.asarray(sample).reshape(6)]
    msg = Imu(header=to_header(stamp, frame_id))
    msg.orientation_covariance[0] = -1.0
    acceleration, angular = msg.linear_acceleration, msg.angular_velocity
    acceleration.x, acceleration.y, acceleration.z = values[:3]
    angular.x, angular.y, angular.z = values[3:]
    return msg


def cloud_to_joints(
    msg: PointCloud2, n_joints: int
) -> tuple[float, NDArray[np.float32], NDArray[np.float32] | None]:
    """Stamp in s, joints (n_joints, 3) in m in the cloud's frame, visibility (n_joints,) or None.

    A joint with any NaN coordinate is NaN as a whole (unseen). Fields may come in any order, at any
    offset, as FLOAT32 or FLOAT64, in either byte order. Raises `MessageError`: 'wrong_joint_count',
    'wrong_fields', 'wrong_size', 'not_finite' (infinity), 'out_of_range', 'bad_stamp'.
    """
    if msg.width * msg.height != n_joints:
        raise MessageError(
            'wrong_joint_count',
            f'expected {n_joints} points (one a joint), got {msg.width} x {msg.height}: '
            'set the parameter layout to the layout of the publisher',
        )
    dtype = _point_dtype(msg)
    row_bytes, rows = msg.width * msg.point_step, msg.height
    if msg.row_step < row_bytes or len(msg.data) < msg.row_step * (rows - 1) + row_bytes:
        raise MessageError(
            'wrong_size',
            f'expected row_step >= {row_bytes} bytes and {rows} of them, got '
            f'row_step={msg.row_step} and {len(msg.data)} bytes of data: fix the publisher',
        )
    points = np.ndarray(
        (rows, msg.width), dtype, memoryview(msg.data), 0, (msg.row_step, msg.point_step)
    ).reshape(-1)
    wide = np.stack([points[axis] for axis in 'xyz'], axis=-1).astype(np.float64)
    if np.isinf(wide).any():
        raise MessageError(
            'not_finite', 'expected metres or NaN (unseen), got infinity: fix the publisher'
        )
    if (np.abs(wide) > MAX_DISTANCE).any():
        raise MessageError(
            'out_of_range',
            f'expected metres within +-{MAX_DISTANCE:g}, got {np.nanmax(np.abs(wide)):g}: '
            'check units and frame of the publisher',
        )
    xyz = wide.astype(np.float32)
    xyz[np.isnan(xyz).any(axis=-1)] = np.nan
    visibility = None
    if 'visibility' in (dtype.names or ()):
        with np.errstate(over='ignore'):
            visibility = points['visibility'].astype(np.float32)
    return header_seconds(msg.header), xyz, visibility


def _point_dtype(msg: PointCloud2) -> np.dtype[np.void]:
    order = '>' if msg.is_bigendian else '<'
    formats: dict[str, tuple[str, int]] = {}
    if 0 < msg.point_step <= MAX_POINT_STEP and len(msg.fields) <= MAX_POINT_STEP:
        for field in msg.fields:
            if field.name not in ('x', 'y', 'z', 'visibility'):
                continue
            kind = _FLOATS.get(field.datatype)
            fits = kind and field.offset + int(kind[1]) <= msg.point_step
            if kind and fits and field.count in (0, 1) and field.name not in formats:
                formats[field.name] = (order + kind, field.offset)
            else:
                formats.clear()
                break
    if not {'x', 'y', 'z'} <= formats.keys():
        came = ' '.join(f'{f.name[:16]}:{f.datatype}@{f.offset}x{f.count}' for f in msg.fields[:8])
        raise MessageError(
            'wrong_fields',
            'expected fields x y z (FLOAT32 = 7, optional visibility) inside point_step, got '
            f'{came or "none"} in point_step={msg.point_step}: fix the publisher',
        )
    return np.dtype(
        {
            'names': list(formats),
            'formats': [kind for kind, _ in formats.values()],
            'offsets': [offset for _, offset in formats.values()],
            'itemsize': msg.point_step,
        }
    )


def joints_to_cloud(
    stamp: float | Time,
    frame_id: str,
    xyz: NDArray[np.floating],
    visibility: NDArray[np.floating] | None = None,
) -> PointCloud2:
    """Cloud of one point a joint: xyz (J, 3) in m, NaN = unseen, optional visibility (J,) in 0..1.

    `stamp` may be the `Time` of another message, which is then kept to the nanosecond.
    """
    columns = [np.asarray(xyz, '<f4').reshape(-1, 3)]
    names = ['x', 'y', 'z']
    if visibility is not None:
        columns.append(np.asarray(visibility, '<f4').reshape(-1, 1))
        names.append('visibility')
    data = np.concatenate(columns, axis=1)
    step = 4 * len(names)
    return PointCloud2(
        header=to_header(stamp, frame_id),
        height=1,
        width=len(data),
        fields=[
            PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
            for i, name in enumerate(names)
        ],
        is_bigendian=False,
        point_step=step,
        row_step=step * len(data),
        data=data.tobytes(),
        is_dense=bool(np.isfinite(data).all()),
    )


def activity_to_json(activity: Any, age: float, latency: float, person: str = '') -> str:
    """The JSON of `/activity` (`config/activity.schema.json`) of a `mujo_core` `Activity`.

    `age` and `latency` in s; `person` replaces the activity's own where it is given.
    """
    fields = activity.to_dict(age, latency)
    if person:
        fields['person'] = person
    return json.dumps(fields, allow_nan=False)


def activity_to_classification(activity: Any, frame_id: str) -> Any:
    """`vision_msgs/Classification`: scores and 'unknown', best first; header = end of the window.

    Raises ImportError where vision_msgs is not installed.
    """
    from vision_msgs.msg import Classification, ObjectHypothesis

    scores = [*activity.scores, ('unknown', activity.unknown)]
    return Classification(
        header=to_header(activity.stamp, frame_id),
        results=[
            ObjectHypothesis(class_id=str(label), score=float(score))
            for label, score in sorted(scores, key=lambda pair: -pair[1])
        ],
    )
