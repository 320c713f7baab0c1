"""What of a bag goes to the recognizer: which topics, as which streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.bags.camera import OFF, choose_camera, read_images
from mujo_core.bags.reader import (
    CLOUD,
    IMU,
    STRING,
    BagSamples,
    first_skeleton,
    open_bag,
    read_samples,
    read_strings,
    stream_of,
    topics_of,
)
from mujo_core.inertial import check_placement
from mujo_core.layouts import LAYOUTS, guess_layout
from mujo_core.pose_estimator import LAYOUT as ESTIMATED


@dataclass(frozen=True)
class Bag:
    """What a bag holds for the recognizer.

    Attributes:
        path: the bag.
        streams: by name, ``'pose'`` and ``'imu/<placement>'``.
        layout: the skeleton's joint list; empty without one.
        texts: (arrival in s, text) of the truth topic.
        unused: topics that hold a stream twice or name no placement.
        images: of the camera that a skeleton is to be estimated from, where there is none; times
            and frames alone.
    """

    path: Path
    streams: dict[str, BagSamples]
    layout: str = ''
    texts: list[tuple[float, str]] = field(default_factory=list)
    unused: tuple[str, ...] = ()
    images: BagSamples | None = None

    @property
    def start(self) -> float:
        """The first header stamp, seconds: second 0 of the recording."""
        return min(float(samples.stamps.min()) for samples in self._all())

    @property
    def end(self) -> float:
        """The last header stamp, seconds."""
        return max(float(samples.stamps.max()) for samples in self._all())

    @property
    def last_arrival(self) -> float:
        """When the last message was recorded, seconds on the recorder's clock."""
        return max(float(samples.arrivals[-1]) for samples in self._all())

    def _all(self) -> list[BagSamples]:
        return [*self.streams.values(), *([self.images] if self.images is not None else [])]


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
    camera: str = OFF,
) -> Bag:
    """Read the streams of a bag that the recognizer takes (arguments: see `choose_topics`).

    Args:
        layout: the skeleton's joint list; empty for the known one of as many joints.
        truth_topic: read this topic's texts, where it is there.
        camera: whose images take a skeleton's place where there is none; see `choose_camera`.

    Raises:
        ValueError: the bag is damaged, has none of these topics, or a layout that is not known.
        OSError: it cannot be read.
    """
    with open_bag(path) as reader:
        topics = topics_of(reader)
        chosen, unused = choose_topics(topics, skeleton, imus)
        streams = {n: s for n, s in read_samples(reader, chosen).items() if len(s.stamps)}
        texts = read_strings(reader, truth_topic) if topics.get(truth_topic) == STRING else []
        seen = choose_camera(topics, camera)
        images = _times(reader, seen) if seen and 'pose' not in streams else None
    if not streams and images is None:
        raise ValueError(
            f'{path}: expected Imu or PointCloud2 messages, or images, with header stamps, '
            f'found {_listed(topics)}'
        )
    if 'pose' in streams:
        layout = layout or _known_layout(streams['pose'].values)
    return Bag(Path(path), streams, layout if 'pose' in streams else '', texts, unused, images)


def _times(reader: Any, camera: str) -> BagSamples | None:
    shots = [shot._replace(message=None) for shot in read_images(reader, camera)]
    arrivals, stamps = ([getattr(s, name) for s in shots] for name in ('arrival', 'stamp'))
    frames = [shot.frame for shot in shots]
    found = BagSamples(camera, np.array(arrivals), np.array(stamps), [], frames, 0)
    return found if shots else None


def describe_bag(
    path: str | Path,
    skeleton: str = '',
    imus: Mapping[str, str] | None = None,
    layout: str = '',
    camera: str = OFF,
) -> tuple[dict[str, str], str]:
    """Return topic to stream of a bag, and its skeleton's layout ('' without a skeleton).

    Where images take a skeleton's place their topic is the stream ``'camera'``. Only the first
    skeleton is read. Arguments and errors are those of `read_bag`.
    """
    with open_bag(path) as reader:
        topics = topics_of(reader)
        chosen, _ = choose_topics(topics, skeleton, imus)
        topic = next((topic for topic, stream in chosen.items() if stream == 'pose'), '')
        first = first_skeleton(reader, topic) if topic and not layout else None
        seen = choose_camera(topics, camera)
        if seen and not topic:
            chosen[seen], layout = 'camera', ESTIMATED
    if not chosen:
        raise ValueError(
            f'{path}: expected Imu, PointCloud2 or image topics, found {_listed(topics)}'
        )
    return chosen, _known_layout([first]) if first is not None else layout


def _listed(topics: Mapping[str, str]) -> str:
    return ', '.join(f'{topic} ({kind})' for topic, kind in topics.items()) or 'no topics'


def _known_layout(skeletons: list[np.ndarray]) -> str:
    layout = guess_layout(skeletons)
    if layout is None:
        known = ', '.join(f'{name} ({len(each.joints)})' for name, each in LAYOUTS.items())
        joints = ', '.join(map(str, sorted(set(map(len, skeletons)))))
        raise ValueError(f'expected a skeleton of a known layout, {joints} joints came: {known}')
    return layout.name
