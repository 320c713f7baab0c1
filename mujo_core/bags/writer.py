"""Recordings written as a ROS 2 bag with its file of truth, such as a robot would have recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.bags.reader import CLOUD, IMU
from mujo_core.bags.truth import SUFFIX, TruthLog
from mujo_core.recording import Recording, modality_of

STORAGES = ('mcap', 'sqlite3')
_FLOAT32 = 7  # sensor_msgs/PointField


def write_bag(
    recording: Recording,
    path: str | Path,
    storage: str = 'mcap',
    start: float = 1_700_000_000.0,
    delay: float = 0.0,
    frame: str = 'sensor',
) -> None:
    """Write the skeleton and the IMUs of a recording, and its segments as ``BAG.labels.csv``.

    Topics are ``/skeleton`` (PointCloud2, one point a joint) and ``/imu/<placement>`` (Imu).

    Args:
        recording: its time 0 becomes `start`.
        path: the bag's folder, which must not be there.
        storage: ``'mcap'`` or ``'sqlite3'``.
        start: header time of the recording's second 0, seconds.
        delay: from a header stamp to the arrival at the recorder, seconds.
        frame: of the skeleton; one that ends in ``_optical_frame`` says that up is -y.

    Raises:
        FileExistsError: there is something at `path`.
        ImportError: rosbags is not installed.
        ValueError: `storage` is neither.
    """
    try:
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise ImportError("writing bags needs rosbags: pip install 'mujo_ros[bag]'") from error
    if storage not in STORAGES:
        raise ValueError(f'expected a storage out of {", ".join(STORAGES)}, {storage!r} came')
    path = Path(path)
    if path.exists():
        raise FileExistsError(f'{path} is there already; give a new name')
    path.parent.mkdir(parents=True, exist_ok=True)
    store = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connections: dict[str, Any] = {}
        for stamp, topic, kind, message in _messages(recording, store.types, start, frame):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            arrival = round((stamp + delay) * 1e9)
            writer.write(connections[topic], arrival, store.serialize_cdr(message, kind))
    if recording.segments:
        log = TruthLog()
        for segment in recording.segments:
            log.say(segment.label, start + segment.start)
            log.say('', start + segment.end)
        log.write(path.parent / f'{path.name}{SUFFIX}')


def _messages(
    recording: Recording, types: Any, start: float, frame: str
) -> Iterator[tuple[float, str, str, Any]]:
    """Yield (stamp in s, topic, type, message) in order of time."""
    streams = {n: s for n, s in recording.streams.items() if modality_of(n) in ('pose', 'imu')}
    order = sorted(
        (float(stamp), name, index)
        for name, stream in streams.items()
        for index, stamp in enumerate(stream.stamps)
    )
    for stamp, name, index in order:
        values = streams[name].values[index]
        if name == 'pose':
            header = _header(types, start + stamp, frame)
            yield start + stamp, '/skeleton', CLOUD, _cloud(types, header, values)
        else:
            header = _header(types, start + stamp, name.partition('/')[2])
            yield start + stamp, f'/{name}', IMU, _imu(types, header, values)


def _header(types: Any, stamp: float, frame: str) -> Any:
    nanoseconds = round(stamp * 1e9)
    time = types['builtin_interfaces/msg/Time'](nanoseconds // 10**9, nanoseconds % 10**9)
    return types['std_msgs/msg/Header'](time, frame)


def _imu(types: Any, header: Any, values: np.ndarray) -> Any:
    vector, quaternion = types['geometry_msgs/msg/Vector3'], types['geometry_msgs/msg/Quaternion']
    zeros, absent = np.zeros(9), np.array([-1.0, *[0.0] * 8])  # REP-145: no orientation
    force, turn = (vector(*map(float, part)) for part in (values[:3], values[3:]))
    return types[IMU](
        header, quaternion(0.0, 0.0, 0.0, 1.0), absent, turn, zeros, force, zeros
    )  # fmt: skip


def _cloud(types: Any, header: Any, joints: np.ndarray) -> Any:
    field = types['sensor_msgs/msg/PointField']
    fields = [field(axis, 4 * i, _FLOAT32, 1) for i, axis in enumerate('xyz')]
    data = np.frombuffer(np.asarray(joints, '<f4').tobytes(), np.uint8)
    count = len(joints)
    return types[CLOUD](header, 1, count, fields, False, 12, 12 * count, data, False)
