"""What is in a recorded ROS 2 bag (sqlite3 or mcap): topics, and samples as they arrived.

Bags are read by the library rosbags, without ROS. Nothing that a bag holds is executed, and no
path in it is opened other than its own files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.bags.definitions import check_definition
from mujo_core.inertial import SAMPLE_LIMIT, SAMPLE_RANGE, check_placement
from mujo_core.skeleton import MAX_DISTANCE

IMU, CLOUD, STRING = 'sensor_msgs/msg/Imu', 'sensor_msgs/msg/PointCloud2', 'std_msgs/msg/String'
SUFFIXES = ('.mcap', '.db3')
_FLOATS = {7: 'f4', 8: 'f8'}  # sensor_msgs/PointField
_NO_PLACE = {'imu', 'data', 'data_raw', 'raw'}
_SEEN = 0.5  # visibility below which a joint is not seen
_ABSENT = -1.0  # REP-145: a covariance that starts so says that nothing is measured


@dataclass(frozen=True)
class BagSamples:
    """One topic's samples in the order of their arrival.

    Attributes:
        topic: as it was recorded.
        arrivals: (N,) when each was recorded, seconds on the recorder's clock.
        stamps: (N,) header time, seconds.
        values: N arrays: (6,) m/s^2 and rad/s, or (J, 3) m with NaN where a joint is not seen.
        frames: N names of frames.
        refused: how many messages had no stamp or no data.
    """

    topic: str
    arrivals: np.ndarray
    stamps: np.ndarray
    values: list[np.ndarray]
    frames: list[str]
    refused: int


@contextlib.contextmanager
def open_bag(path: str | Path) -> Iterator[Any]:
    """Open a bag (a folder with ``metadata.yaml``, or one file) as rosbags' `AnyReader`.

    Raises:
        ValueError: it is damaged.
        OSError: it is not there or not readable.
        ImportError: rosbags is not installed.
    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise ImportError("reading bags needs rosbags: pip install 'mujo_ros[bag]'") from error
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f'expected a bag (a folder with metadata.yaml, a .mcap or .db3 file), '
            f'{path} is not there'
        )
    with contextlib.ExitStack() as stack:
        with _damage_in_one_line(path):
            reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
            stack.enter_context(reader)
        yield reader


@contextlib.contextmanager
def _damage_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Whatever rosbags and its decoders raise for a damaged file.
        line = (str(error).splitlines() or [''])[0] or type(error).__name__
        raise ValueError(f'{path}: not readable as a bag ({line[:200]})') from error


def topics_of(reader: Any) -> dict[str, str]:
    """Return topic to type of an open bag, sorted by topic."""
    return dict(sorted({(c.topic, c.msgtype) for c in reader.connections}))


def stream_of(topic: str, kind: str) -> str | None:
    """Return the stream that a topic holds by its type and name; None where it holds none.

    An Imu's placement is what follows ``imu/`` in the topic, else its last own word:
    ``/right_wrist/imu/data`` is ``imu/right_wrist``.

    Raises:
        ValueError: an Imu topic that names no placement.
    """
    if kind == CLOUD:
        return 'pose'
    if kind != IMU:
        return None
    words = topic.strip('/').split('/')
    after = words[words.index('imu') + 1 :] if 'imu' in words else []
    own = [word for word in after if word not in _NO_PLACE][:1]
    own = own or [word for word in words if word not in _NO_PLACE][-1:]
    if not own:
        raise ValueError(f'{topic} names no placement')
    return f'imu/{check_placement(own[0])}'


def read_samples(reader: Any, streams: Mapping[str, str]) -> dict[str, BagSamples]:
    """Read the Imu and PointCloud2 topics of an open bag.

    Args:
        reader: from `open_bag`.
        streams: topic to stream.

    Returns:
        Stream to its samples, those without any left in.
    """
    taken: dict[str, list[tuple[float, float, np.ndarray, str]]] = {t: [] for t in streams}
    refused = dict.fromkeys(streams, 0)
    for connection, arrival, message in messages_of(reader, streams, (IMU, CLOUD)):
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        values = _imu(message) if connection.msgtype == IMU else _joints(message)
        if stamp <= 0 or values is None:
            refused[connection.topic] += 1
        else:
            taken[connection.topic].append((arrival, stamp, values, message.header.frame_id))
    return {
        streams[topic]: BagSamples(
            topic,
            np.array([arrival for arrival, *_ in samples]),
            np.array([stamp for _, stamp, *_ in samples]),
            [values for _, _, values, _ in samples],
            [frame for *_, frame in samples],
            refused[topic],
        )
        for topic, samples in taken.items()
    }


def first_skeleton(reader: Any, topic: str) -> np.ndarray | None:
    """Return the first skeleton (J, 3) on a PointCloud2 topic of an open bag, m."""
    found = (_joints(message) for _, _, message in messages_of(reader, [topic], (CLOUD,)))
    return next((xyz for xyz in found if xyz is not None), None)


def read_strings(reader: Any, topic: str) -> list[tuple[float, str]]:
    """Return (arrival in s, text) of a std_msgs/String topic of an open bag."""
    found = messages_of(reader, [topic], (STRING,))
    return [(arrival, message.data) for _, arrival, message in found]


def messages_of(
    reader: Any, topics: Collection[str], kinds: Collection[str]
) -> Iterator[tuple[Any, float, Any]]:
    """Yield (connection, arrival in s, message) of these topics where they are of these types."""
    chosen = [c for c in reader.connections if c.topic in topics and c.msgtype in kinds]
    # Without a choice rosbags would read them all.
    with _damage_in_one_line(reader.paths[0]):
        for kind in sorted({c.msgtype for c in chosen}):
            check_definition(kind, reader.typestore.fielddefs)
        for connection, nanoseconds, raw in reader.messages(connections=chosen) if chosen else ():
            yield connection, nanoseconds * 1e-9, reader.deserialize(raw, connection.msgtype)


def _imu(message: Any) -> np.ndarray | None:
    """Return (6,) m/s^2 and rad/s held to the range that is used, as a node does.

    None where something is absent or not finite, or where no sensor worn reads so.
    """
    if _ABSENT in (
        message.linear_acceleration_covariance[0],
        message.angular_velocity_covariance[0],
    ):
        return None
    force, turn = message.linear_acceleration, message.angular_velocity
    sample = np.array([force.x, force.y, force.z, turn.x, turn.y, turn.z])
    if not (np.abs(sample) <= SAMPLE_LIMIT).all():
        return None
    return np.clip(sample, -SAMPLE_RANGE, SAMPLE_RANGE)


def _joints(message: Any) -> np.ndarray | None:
    """Return (J, 3) m, NaN where not seen; None where the cloud has no x, y, z or lacks data, and
    where a joint is infinitely or impossibly far away."""
    fields = {f.name: f for f in message.fields if f.datatype in _FLOATS}
    count = message.width * message.height
    if not {'x', 'y', 'z'} <= set(fields) or len(message.data) < count * message.point_step:
        return None
    names = [name for name in ('x', 'y', 'z', 'visibility') if name in fields]
    order = '>' if message.is_bigendian else '<'
    dtype = np.dtype(
        {
            'names': names,
            'formats': [order + _FLOATS[fields[name].datatype] for name in names],
            'offsets': [fields[name].offset for name in names],
            'itemsize': message.point_step,
        }
    )
    points = np.frombuffer(bytes(message.data), dtype, count)
    xyz = np.stack([points[axis] for axis in 'xyz'], axis=1).astype(np.float32)
    if (np.abs(xyz) > MAX_DISTANCE).any():
        return None
    if 'visibility' in names:
        xyz[points['visibility'] < _SEEN] = np.nan
    return xyz
