"""A bag played through the recognizer as fast as it goes: the answers that a node would give.

Samples come in the order in which they were recorded, ticks lie on whole multiples of the period
on the recorder's clock (as a node's do that is up before `/clock` starts), and windows come out of
the same timeline. Only the model sees many windows at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from mujo_core.datasets.bag_reader import (
    CLOUD,
    IMU,
    STRING,
    BagSamples,
    open_bag,
    read_samples,
    read_strings,
    stream_of,
    topics_of,
)
from mujo_core.inertial import check_placement
from mujo_core.recognition.activity import Activity
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.recording import modality_of
from mujo_core.skeleton import LAYOUTS, canonical_joints
from mujo_core.timeline import SILENT_AFTER
from mujo_core.upright import UpDirection
from mujo_core.window import Window

BATCH = 32
"""Windows that the model sees at once; more are no faster."""


@dataclass(frozen=True)
class Bag:
    """What a bag holds for the recognizer.

    Attributes:
        path: the bag.
        streams: by name, ``'pose'`` and ``'imu/<placement>'``.
        layout: the skeleton's joint list; empty without one.
        texts: (arrival in s, text) of the truth topic.
        unused: topics that hold a stream twice or name no placement.
    """

    path: Path
    streams: dict[str, BagSamples]
    layout: str = ''
    texts: list[tuple[float, str]] = field(default_factory=list)
    unused: tuple[str, ...] = ()

    @property
    def start(self) -> float:
        """The first header stamp, seconds: second 0 of the recording."""
        return min(float(samples.stamps.min()) for samples in self.streams.values())

    @property
    def end(self) -> float:
        """The last header stamp, seconds."""
        return max(float(samples.stamps.max()) for samples in self.streams.values())


def choose_topics(
    topics: Mapping[str, str], skeleton: str = '', imus: Mapping[str, str] | None = None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return topic to stream, and the topics that hold a stream twice or name no placement.

    Args:
        topics: topic to type, of a bag.
        skeleton: topic of the skeleton; empty for the first PointCloud2.
        imus: placement to topic; empty for every Imu topic, by its name.

    Raises:
        ValueError: a topic that is not there, or of another type.
    """
    chosen: dict[str, str] = {}
    wanted = [(skeleton, CLOUD, 'pose')] if skeleton else []
    wanted += [(t, IMU, f'imu/{check_placement(p)}') for p, t in (imus or {}).items()]
    for topic, kind, stream in wanted:
        if topics.get(topic) != kind:
            there = ', '.join(t for t, k in topics.items() if k == kind) or 'none'
            came = f'{topic} is {topics[topic]}' if topic in topics else f'there is no {topic}'
            raise ValueError(f'expected a topic of {kind} in the bag ({there}), {came}')
        chosen[topic] = stream
    unused = []
    for topic, kind in topics.items():
        found = (skeleton and kind == CLOUD) or (imus and kind == IMU)
        if found or kind not in (CLOUD, IMU):
            continue
        try:
            name = stream_of(topic, kind)
        except ValueError:
            name = None
        if name is None or name in chosen.values():
            unused.append(topic)
        else:
            chosen[topic] = name
    return chosen, tuple(unused)


def read_bag(
    path: str | Path,
    skeleton: str = '',
    imus: Mapping[str, str] | None = None,
    layout: str = '',
    truth_topic: str = '',
) -> Bag:
    """Read the streams of a bag that the recognizer takes (arguments: see `choose_topics`).

    Args:
        layout: the skeleton's joint list; empty for the known one of as many joints.
        truth_topic: read this topic's texts, where it is there.

    Raises:
        ValueError: the bag is damaged, has none of these topics, or a layout that is not known.
        OSError: it cannot be read.
    """
    with open_bag(path) as reader:
        topics = topics_of(reader)
        chosen, unused = choose_topics(topics, skeleton, imus)
        streams = {n: s for n, s in read_samples(reader, chosen).items() if len(s.stamps)}
        texts = read_strings(reader, truth_topic) if topics.get(truth_topic) == STRING else []
    if not streams:
        there = ', '.join(f'{topic} ({kind})' for topic, kind in topics.items()) or 'no topics'
        raise ValueError(
            f'{path}: expected Imu or PointCloud2 messages with header stamps, found {there}'
        )
    if 'pose' in streams:
        layout = layout or guess_layout(streams['pose'].values)
    return Bag(Path(path), streams, layout if 'pose' in streams else '', texts, unused)


def guess_layout(skeletons: list[np.ndarray]) -> str:
    """Return the known layout with as many joints as most skeletons (J, 3) have.

    Raises:
        ValueError: there is none.
    """
    joints = Counter(map(len, skeletons)).most_common(1)[0][0]
    sizes = {n: len(layout.joints) for n, layout in LAYOUTS.items() if layout.dimensions == 3}
    known = [name for name, size in sizes.items() if size == joints]
    if not known:
        each = ', '.join(f'{name} ({size})' for name, size in sizes.items())
        raise ValueError(f'expected a skeleton of a known layout, {joints} joints came: {each}')
    return known[0]


def play(
    bag: Bag,
    recognizer: Recognizer,
    rate: float = 10.0,
    up: str = 'auto',
    camera_pitch: float = 0.0,
) -> Iterator[Activity]:
    """Yield what is recognized, tick by tick.

    Args:
        recognizer: a fresh one.
        rate: ticks a second on the recorder's clock.
        up, camera_pitch: see `UpDirection`.
    """
    feeds = [
        _Feed(name, samples, _values(name, samples, bag.layout, up, camera_pitch))
        for name, samples in bag.streams.items()
    ]
    first = min(float(feed.samples.arrivals[0]) for feed in feeds)
    last = max(float(feed.samples.arrivals[-1]) for feed in feeds) + SILENT_AFTER
    windows: list[Window] = []
    for tick in range(int(np.ceil(first * rate)), int(last * rate) + 1):
        now, jumps = tick / rate, recognizer.jumps
        for feed in feeds:
            feed.advance(recognizer, now)
        if windows and (len(windows) == BATCH or recognizer.jumps != jumps):
            yield from recognizer.answers(windows)
            windows = []
        if max(feed.accepted_at for feed in feeds) >= now - SILENT_AFTER:
            window = recognizer.next_window()
            windows += [window] if window is not None else []
    if windows:
        yield from recognizer.answers(windows)


class _Feed:
    """Gives one stream's samples to a recognizer as the clock goes on."""

    def __init__(self, name: str, samples: BagSamples, values: np.ndarray) -> None:
        self.samples = samples
        self.accepted_at = -np.inf
        self._name = name
        self._values = values
        self._given = 0

    def advance(self, recognizer: Recognizer, now: float) -> None:
        """Store what has arrived until `now`."""
        arrivals, first = self.samples.arrivals, self._given
        self._given = last = int(np.searchsorted(arrivals, now, side='right'))
        if last == first:
            return
        stamps, values = self.samples.stamps[first:last], self._values[first:last]
        if recognizer.timeline.insert(self._name, stamps, values, now):
            self.accepted_at = float(arrivals[last - 1])


def _values(
    name: str, samples: BagSamples, layout: str, up: str, camera_pitch: float
) -> np.ndarray:
    """Return (N, 6) of an IMU, or (N, 16, 3) canonical joints with z up as a node finds up."""
    if modality_of(name) == 'imu':
        return np.stack(samples.values).astype(np.float32)
    joints = len(LAYOUTS[layout].joints)
    # A skeleton of another layout is refused by a node; here it is one with nobody in it.
    nobody = np.full((joints, 3), np.nan, dtype=np.float32)
    skeletons = [xyz if len(xyz) == joints else nobody for xyz in samples.values]
    find_up = UpDirection(up, camera_pitch, layout)
    ups = [find_up(frame, xyz) for frame, xyz in zip(samples.frames, skeletons, strict=True)]
    done = 0
    parts = []
    for direction, same in groupby(ups):
        count = len(list(same))
        parts.append(canonical_joints(np.stack(skeletons[done : done + count]), layout, direction))
        done += count
    return np.concatenate(parts)
