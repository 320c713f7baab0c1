"""Recorded ROS 2 bags (sqlite3 or mcap) with a file of labels beside each.

A bag gives a recording; time 0 is the first header stamp of the messages that are read:

- every `sensor_msgs/Imu` topic: the stream ``imu/<placement>``, named by what follows ``imu/`` in
  the topic, else by its last own word (``/right_wrist/imu/data`` is ``imu/right_wrist``);
- a `sensor_msgs/PointCloud2` with one point a joint: the stream ``pose``. Its layout is that of
  ``layout.yaml`` in the folder (see `_layouts.py`), else the known one of as many joints; up is -y
  in an optical frame (REP-103), else what the body shows.

``BAG.labels.csv`` beside ``BAG`` (or in it) has the columns ``start,end,label[,subject]``, in
seconds from time 0, or ``start_stamp,end_stamp,label[,subject]``, in header time (see `truth.py`).
A bag whose labels name no subject is a person of its own. Bags are read by the library rosbags,
without ROS.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.bags.reader import SUFFIXES, open_bag, read_samples, stream_of, topics_of
from mujo_core.bags.truth import SUFFIX, read_rows, truth_file
from mujo_core.datasets._layouts import OwnLayout, read_layouts
from mujo_core.datasets._segments import checked_segments
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import increasing
from mujo_core.layouts import guess_layout
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.upright import estimate_up

log = logging.getLogger(__name__)


def bags_under(root: Path) -> list[Path]:
    """Return the bags: `root` itself, or those in it, folders and single files."""
    if root.suffix in SUFFIXES or (root / 'metadata.yaml').is_file():
        return [root] if root.exists() else []
    inside = [path.parent for path in sorted(root.glob('*/metadata.yaml'))]
    return inside + [path for path in sorted(root.glob('*')) if path.suffix in SUFFIXES]


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
    name = path.stem if path.is_file() else path.name
    try:
        with open_bag(path) as reader:
            streams, start = _streams(reader, name, layouts)
    except (OSError, ValueError) as error:
        log.warning('%s; left out', str(error).splitlines()[0])
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
    unlabelled = Recording(name, 'bag', name, streams)
    labelled, subject = _labels(path, name, start)
    segments = checked_segments(labelled, name, unlabelled.start, unlabelled.end)
    return replace(unlabelled, subject=subject or name, segments=segments)


def _streams(
    reader: Any, name: str, layouts: dict[str, OwnLayout]
) -> tuple[dict[str, Stream], float]:
    """Return the streams of an open bag in header time, and the first stamp."""
    streams = {}
    for key, samples in read_samples(reader, _keys(topics_of(reader), name)).items():
        if samples.refused:
            log.warning(
                '%s: %s: %d messages without stamp or data; left out',
                name, samples.topic, samples.refused,
            )  # fmt: skip
        shapes = Counter(values.shape for values in samples.values)
        usual = max(shapes, key=shapes.__getitem__, default=())
        fitting = [i for i, values in enumerate(samples.values) if values.shape == usual]
        if len(fitting) < 2:
            continue
        stamps = samples.stamps[fitting]
        kept = increasing(stamps)
        values = np.stack([samples.values[i] for i in fitting])[kept].astype(np.float32)
        stream: Stream | None = Stream(stamps[kept], values)
        if key == 'pose' and stream is not None:
            stream = _pose(stream, samples.frames[-1], name, layouts)
        if stream is not None and len(stream) > 1:
            streams[key] = stream
    return streams, min((float(s.stamps[0]) for s in streams.values()), default=0.0)


def _keys(topics: dict[str, str], name: str) -> dict[str, str]:
    """Return topic to stream; a second topic of a stream is named and left out."""
    keys: dict[str, str] = {}
    for topic, kind in topics.items():
        try:
            key = stream_of(topic, kind)
        except ValueError:
            log.warning('%s: %s names no placement; left out', name, topic)
            continue
        if key in keys.values():
            log.warning('%s: %s is a second %s; left out', name, topic, key)
        elif key is not None:
            keys[topic] = key
    return keys


def _pose(stream: Stream, frame: str, name: str, layouts: dict[str, OwnLayout]) -> Stream | None:
    joints = stream.values.shape[1]
    up = (0.0, -1.0, 0.0) if 'optical' in frame else None
    own = next((layout for layout in layouts.values() if len(layout.joints) == joints), None)
    if own is not None:
        return Stream(
            stream.stamps, own.to_canonical(stream.values), 'canonical16', (0.0, 0.0, 1.0)
        )
    known = guess_layout(stream.values)
    if known is None:
        log.warning(
            '%s: no layout of %d joints is known; left out, describe it in layout.yaml',
            name, joints,
        )  # fmt: skip
        return None
    up = up or estimate_up(stream.values, known)
    return Stream(stream.stamps, stream.values, known.name, up)


def _labels(path: Path, name: str, start: float) -> tuple[list[tuple[str, Segment]], str]:
    """Return the segments of a bag's label file, each with its row, and its subject."""
    file = truth_file(path)
    if file is None:
        log.warning('%s: no %s%s beside it; it has no labels', path, name, SUFFIX)
        return [], ''
    labelled, subject = [], ''
    try:
        for row in read_rows(file, start):
            if row.segment is None:
                log.warning('%s, row %d: %s; left out', file, row.line, row.problem)
                continue
            labelled.append((f'{file}, row {row.line}', row.segment))
            subject = subject or row.subject
    except ValueError as error:
        log.warning('%s; left out', error)
    return labelled, subject


DATASET = DataSet(name='bag', load=load_bag, title='recorded bags with a label file each')
