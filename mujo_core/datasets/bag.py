"""Recorded ROS 2 bags (sqlite3 or mcap) with a file of labels beside each.

A bag gives a recording; time 0 is the first header stamp of the messages that are read:

- every `sensor_msgs/Imu` topic: the stream ``imu/<placement>``, named by what follows ``imu/`` in
  the topic, else by its last own word (``/right_wrist/imu/data`` is ``imu/right_wrist``);
- a `sensor_msgs/PointCloud2` with one point a joint: the stream ``pose``. Its layout is that of
  ``layout.yaml`` in the folder (see `_layouts.py`), else the known one of as many joints; up is -y
  in an optical frame (REP-103), else what the body shows.

``BAG.labels.csv`` beside ``BAG`` (or in it) has the columns ``start,end,label[,subject]``, in
seconds from time 0. Bags are read by the library rosbags, without ROS.
"""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.datasets._layouts import OwnLayout, read_layouts
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import check_placement, increasing
from mujo_core.labels import merge
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import LAYOUTS, estimate_up

log = logging.getLogger(__name__)

_IMU, _CLOUD = 'sensor_msgs/msg/Imu', 'sensor_msgs/msg/PointCloud2'
_SUFFIXES = ('.mcap', '.db3')
_FLOATS = {7: 'f4', 8: 'f8'}  # sensor_msgs/PointField
_NO_PLACE = {'imu', 'data', 'data_raw', 'raw'}
_SEEN = 0.5  # visibility below which a joint is not seen
_ABSENT = -1.0  # REP-145: a covariance that starts so says that nothing is measured


def bags_under(root: Path) -> list[Path]:
    """Return the bags: `root` itself, or those in it, folders and single files."""
    if root.suffix in _SUFFIXES or (root / 'metadata.yaml').is_file():
        return [root] if root.exists() else []
    inside = [path.parent for path in sorted(root.glob('*/metadata.yaml'))]
    return inside + [path for path in sorted(root.glob('*')) if path.suffix in _SUFFIXES]


def load_bag(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a bag.

    Args:
        root: a bag (a folder with ``metadata.yaml``, or a ``.mcap`` or ``.db3`` file), or a folder
            of bags. A bag that cannot be read is named in the log and left out.

    Raises:
        FileNotFoundError: no bag under `root`.
        ImportError: rosbags is not installed.
        ValueError: ``layout.yaml`` is wrong.
    """
    root = Path(root)
    bags = bags_under(root)
    if not bags:
        raise FileNotFoundError(
            f'expected a bag (a folder with metadata.yaml, a .mcap or .db3 file) under {root}, '
            'found none; give a bag or the folder that holds bags'
        )
    layouts = read_layouts((root.parent if bags == [root] else root) / 'layout.yaml')
    for path in bags:
        recording = _recording(path, layouts)
        if recording is not None:
            yield recording


def _recording(path: Path, layouts: dict[str, OwnLayout]) -> Recording | None:
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise ImportError("reading bags needs rosbags: pip install 'mujo_ros[bag]'") from error
    name = path.stem if path.is_file() else path.name
    try:
        store = get_typestore(Stores.ROS2_HUMBLE)
        with AnyReader([path], default_typestore=store) as reader:
            streams, start = _streams(reader, name, layouts)
    except Exception as error:  # Whatever rosbags and its decoders raise for a damaged file.
        reason = (str(error).splitlines() or [''])[0] or type(error).__name__
        log.warning('%s: not readable as a bag (%s); left out', path, reason[:200])
        return None
    if not streams:
        log.warning(
            '%s: expected Imu or PointCloud2 messages with stamps, none came; left out', path
        )
        return None
    streams = {
        key: Stream(stream.stamps - start, stream.values, stream.layout, stream.up)
        for key, stream in streams.items()
    }
    segments, subject = _labels(path, name)
    return Recording(name, 'bag', subject or name, streams, segments)


def _streams(
    reader: Any, name: str, layouts: dict[str, OwnLayout]
) -> tuple[dict[str, Stream], float]:
    """Return the streams of an open bag in header time, and the first stamp."""
    connections = [c for c in reader.connections if c.msgtype in (_IMU, _CLOUD)]
    keys = _keys(connections, name)
    samples: dict[str, list[tuple[float, np.ndarray]]] = {key: [] for key in keys.values()}
    frames: dict[str, str] = {}
    refused: Counter[str] = Counter()
    for connection, _, raw in reader.messages(
        connections=[c for c in connections if c.topic in keys]
    ):
        message = reader.deserialize(raw, connection.msgtype)
        key = keys[connection.topic]
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        values = _imu(message) if connection.msgtype == _IMU else _joints(message)
        if stamp <= 0 or values is None:
            refused[connection.topic] += 1
        else:
            samples[key].append((stamp, values))
            frames[key] = message.header.frame_id
    for topic, count in refused.items():
        log.warning('%s: %s: %d messages without stamp or data; left out', name, topic, count)
    streams = {}
    for key, taken in samples.items():
        shapes = Counter(values.shape for _, values in taken)
        usual = max(shapes, key=shapes.__getitem__, default=())
        taken = [(stamp, values) for stamp, values in taken if values.shape == usual]
        if len(taken) < 2:
            continue
        stamps = np.array([stamp for stamp, _ in taken])
        kept = increasing(stamps)
        values = np.stack([values for _, values in taken])[kept].astype(np.float32)
        stream: Stream | None = Stream(stamps[kept], values)
        if key == 'pose' and stream is not None:
            stream = _pose(stream, frames[key], name, layouts)
        if stream is not None and len(stream) > 1:
            streams[key] = stream
    return streams, min((float(s.stamps[0]) for s in streams.values()), default=0.0)


def _keys(connections: list[Any], name: str) -> dict[str, str]:
    """Return topic to stream; a second topic of a stream is named and left out."""
    keys: dict[str, str] = {}
    for topic, kind in sorted({(c.topic, c.msgtype) for c in connections}):
        words = topic.strip('/').split('/')
        if kind == _CLOUD:
            key = 'pose'
        else:
            after = words[words.index('imu') + 1 :] if 'imu' in words else []
            own = [word for word in after if word not in _NO_PLACE][:1]
            own = own or [word for word in words if word not in _NO_PLACE][-1:]
            try:
                key = f'imu/{check_placement(own[0])}'
            except (IndexError, ValueError):
                log.warning('%s: %s names no placement; left out', name, topic)
                continue
        if key in keys.values():
            log.warning('%s: %s is a second %s; left out', name, topic, key)
        else:
            keys[topic] = key
    return keys


def _imu(message: Any) -> np.ndarray | None:
    """Return (6,) m/s^2 and rad/s, None where something is absent or not finite."""
    if _ABSENT in (
        message.linear_acceleration_covariance[0],
        message.angular_velocity_covariance[0],
    ):
        return None
    force, turn = message.linear_acceleration, message.angular_velocity
    sample = np.array([force.x, force.y, force.z, turn.x, turn.y, turn.z])
    return sample if np.isfinite(sample).all() else None


def _joints(message: Any) -> np.ndarray | None:
    """Return (J, 3) m, NaN where not seen; None where the cloud has no x, y, z or lacks data."""
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
    if 'visibility' in names:
        xyz[points['visibility'] < _SEEN] = np.nan
    return xyz


def _pose(stream: Stream, frame: str, name: str, layouts: dict[str, OwnLayout]) -> Stream | None:
    joints = stream.values.shape[1]
    up = (0.0, -1.0, 0.0) if 'optical' in frame else None
    own = next((layout for layout in layouts.values() if len(layout.joints) == joints), None)
    if own is not None:
        return Stream(
            stream.stamps, own.to_canonical(stream.values), 'canonical16', (0.0, 0.0, 1.0)
        )
    known = [
        layout.name
        for layout in LAYOUTS.values()
        if len(layout.joints) == joints and layout.dimensions == 3
    ]
    if not known:
        log.warning(
            '%s: no layout of %d joints is known; left out, describe it in layout.yaml',
            name, joints,
        )  # fmt: skip
        return None
    up = up or estimate_up(stream.values, known[0])
    return Stream(stream.stamps, stream.values, known[0], up)


def _labels(path: Path, name: str) -> tuple[list[Segment], str]:
    """Return the segments of a bag's label file in order, and its subject."""
    places = [path.parent / f'{name}.labels.csv', path / f'{name}.labels.csv']
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        log.warning('%s: no %s.labels.csv beside it; it has no labels', path, name)
        return [], ''
    segments, subject = [], ''
    with file.open(newline='', encoding='utf-8-sig') as lines:
        reader = csv.DictReader(lines)
        if not {'start', 'end', 'label'} <= set(reader.fieldnames or ()):
            log.warning('%s: expected the columns start,end,label[,subject]; left out', file)
            return [], ''
        for row in reader:
            try:
                start, end = float(row['start']), float(row['end'])
                if not (start < end and row['label']):
                    raise ValueError('start lies before end, and the label is not empty')
            except (TypeError, ValueError) as error:
                log.warning('%s, row %d: %s; left out', file, reader.line_num, error)
                continue
            segments.append(Segment(merge(row['label']), start, end))
            subject = subject or (row.get('subject') or '').strip()
    return sorted(segments, key=lambda segment: segment.start), subject


DATASET = DataSet(name='bag', load=load_bag, title='recorded bags with a label file each')
