"""Data at rest: one `Stream` a sensor, one `Recording` a take of one person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

MODALITIES = ('video', 'pose', 'imu', 'text')
"""Every modality, in the order in which names of subsets list them."""


def modality_of(stream: str) -> str:
    """Return the modality of a stream name, e.g. ``'imu/right_wrist'`` is ``'imu'``."""
    return stream.partition('/')[0]


def subset_name(modalities: Collection[str]) -> str:
    """Return the one name of a set of modalities, e.g. ``'pose+imu'``."""
    return '+'.join(m for m in MODALITIES if m in modalities)


@dataclass(frozen=True)
class Stream:
    """One sensor's samples.

    Attributes:
        stamps: (N,) float64, seconds, strictly increasing.
        values: (N, ...) float32. Pose: (N, J, 3) metres, NaN where a joint is not seen.
            IMU: (N, 6), specific force with gravity in m/s^2 and angular velocity in rad/s, both
            in the device's own axes (REP-145). Video: images, (N, H, W, 3) uint8 colours or
            (N, H, W) uint16 depth in mm, which may stay in their file until they are read
            (`mujo_core.video.stored`); or a model's frames (`mujo_core.video.prepare`).
        layout: the joint list of a pose stream (a name in `mujo_core.layouts.LAYOUTS`).
        up: the direction of up in the frame of a pose stream; None for the layout's usual one.
    """

    stamps: np.ndarray
    values: np.ndarray
    layout: str | None = None
    up: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if len(self.stamps) != len(self.values):
            raise ValueError(
                f'a stream needs one stamp a sample: {len(self.stamps)} stamps came with '
                f'{len(self.values)} samples; cut the longer one'
            )

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last sample."""
        return float(self.stamps[-1] - self.stamps[0]) if len(self) else 0.0

    def between(self, start: float, end: float) -> Stream:
        """Return the samples with ``start <= stamp <= end`` (views, not copies)."""
        first, last = np.searchsorted(self.stamps, [start, end + 1e-9])
        return replace(self, stamps=self.stamps[first:last], values=self.values[first:last])


@dataclass(frozen=True)
class Segment:
    """An activity from `start` to `end`, in seconds on the recording's clock."""

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """What the sensors saw of one person, and what that person did.

    Attributes:
        name: unique within the data set.
        dataset: the data set's name.
        subject: the person's identifier.
        streams: by name: ``'pose'``, ``'video'``, ``'imu/<placement>'``.
        segments: labelled stretches in order of time; empty when nothing is known.
    """

    name: str
    dataset: str
    subject: str
    streams: dict[str, Stream] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)

    @property
    def label(self) -> str | None:
        """The label of a recording that holds a single activity, else None."""
        labels = {segment.label for segment in self.segments}
        return labels.pop() if len(labels) == 1 else None

    @property
    def start(self) -> float:
        """The first stamp of all streams, seconds."""
        return min((float(s.stamps[0]) for s in self.streams.values() if len(s)), default=0.0)

    @property
    def end(self) -> float:
        """The last stamp of all streams, seconds."""
        return max((float(s.stamps[-1]) for s in self.streams.values() if len(s)), default=0.0)

    @property
    def modalities(self) -> list[str]:
        """The modalities present, in their fixed order."""
        present = {modality_of(name) for name, stream in self.streams.items() if len(stream)}
        return [m for m in MODALITIES if m in present]

    def only(self, modalities: Collection[str]) -> Recording:
        """Return the same recording with the streams of these modalities alone."""
        kept = {n: s for n, s in self.streams.items() if modality_of(n) in modalities}
        return replace(self, streams=kept)

    def cut(self, start: float, end: float, name: str | None = None) -> Recording:
        """Return the part from `start` to `end` (seconds on the recording's clock), as views.

        Stamps stay as they are. Segments are clipped to the part; streams with fewer than two
        samples in it are left out.
        """
        parts = {n: stream.between(start, end) for n, stream in self.streams.items()}
        segments = [
            replace(s, start=max(s.start, start), end=min(s.end, end))
            for s in self.segments
            if s.start < end and s.end > start
        ]
        return replace(
            self,
            name=name or self.name,
            streams={n: stream for n, stream in parts.items() if len(stream) > 1},
            segments=segments,
        )

    def activities(self) -> list[Recording]:
        """Return one recording a labelled segment: itself where its one segment is all of it.

        The parts are called ``<name>.1``, ``<name>.2`` ... in order of time; a segment in which
        no stream has two samples gives none.
        """
        if len(self.segments) == 1:
            only = self.segments[0]
            if only.start <= self.start + 1e-6 and only.end >= self.end - 1e-6:
                return [self]
        parts = []
        for number, segment in enumerate(self.segments, start=1):
            part = self.cut(segment.start, segment.end, f'{self.name}.{number}')
            if part.streams:
                parts.append(replace(part, segments=[segment]))
        return parts

    def imu_placements(self) -> Iterator[str]:
        """Yield the placements of the IMU streams."""
        for name in self.streams:
            if modality_of(name) == 'imu':
                yield name.partition('/')[2]
