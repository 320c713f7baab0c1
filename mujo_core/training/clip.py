"""A recording of one action, ready to draw training windows from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mujo_core.recording import Recording, Stream, modality_of
from mujo_core.skeleton import canonical_joints

OUTLIER = '(none of the labels)'
"""Stands for the label of a clip whose activity is none of them; no label is spelled so."""


@dataclass(frozen=True)
class Clip:
    """A recording of one action, ready to draw windows from.

    Attributes:
        label: its label; streams: by name, pose as canonical joints with z up, video as frames.
        virtual: IMU streams computed from its skeleton, by name.
        rests: whether the person stands or sits still at its start and end.
        dataset: where it is from.
        active: when its activity begins and ends, where streams show what was before and after.
    """

    label: str
    subject: str
    streams: dict[str, Stream]
    virtual: dict[str, Stream] = field(default_factory=dict)
    rests: bool = True
    dataset: str = ''
    active: tuple[float, float] | None = None

    @property
    def outline(self) -> Clip:
        """A clip with the same label and names of streams; of a packed one they are empty."""
        return self

    @property
    def digest(self) -> str:
        """What tells it from a clip of other samples, but for images: those stay in their file."""
        found = hashlib.sha256()
        for stream in (*self.streams.values(), *self.virtual.values()):
            found.update(f'{stream.values.shape}'.encode())
            if isinstance(stream.values, np.ndarray):
                found.update(np.ascontiguousarray(stream.stamps).tobytes())
                found.update(np.ascontiguousarray(stream.values).tobytes())
        return found.hexdigest()[:16]

    def load(self) -> Clip:
        """Return the clip with its samples."""
        return self

    def changed(self, change: Callable[[Clip], Clip]) -> Clip:
        """Return the clip after a change of its streams."""
        return change(self)

    @property
    def span(self) -> tuple[float, float]:
        """When its activity begins and ends: the first and last stamp, or what `active` says."""
        if self.active:
            return self.active
        streams = (self.streams or self.virtual).values()
        starts = [s.stamps[0] for s in streams]
        ends = [s.stamps[-1] for s in streams]
        return float(min(starts)), float(max(ends))


def make_clip(recording: Recording, label: str, rests: bool) -> Clip:
    """Return a recording as a clip; its skeleton becomes canonical joints with z up."""
    streams = {}
    for name, stream in recording.streams.items():
        if modality_of(name) == 'pose' and stream.layout:
            joints = canonical_joints(stream.values, stream.layout, stream.up)
            stream = Stream(stream.stamps, joints)
        if modality_of(name) in ('video', 'pose', 'imu'):
            streams[name] = stream
    return Clip(label, recording.subject, streams, rests=rests, dataset=recording.dataset)
