"""A recording played through the timeline: the windows that live streams would have given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mujo_core.recording import Recording, Stream, modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.timeline import Timeline
from mujo_core.video.prepare import Preparer
from mujo_core.window import Window, WindowSpec

_OFFSET = 1000.0
"""Added to stamps, since a recording may begin at 0, which live means 'no stamp'."""


class _Play:
    """The streams of a recording on their way into a timeline, as time goes on."""

    def __init__(self, recording: Recording, spec: WindowSpec) -> None:
        streams = recording.streams
        if 'video' in streams:
            preparer = Preparer(spec.video, spec.video_rate)
            streams = preparer.streams(streams, recording.name)
        self.streams: dict[str, Stream] = {}
        for name, stream in streams.items():
            values = stream.values
            if modality_of(name) == 'pose' and stream.layout:
                values = canonical_joints(values, stream.layout, stream.up)
            self.streams[name] = replace(stream, values=values)
        self.timeline = Timeline(spec, tuple(self.streams))
        self._given = dict.fromkeys(self.streams, 0)

    def until(self, stop: float) -> None:
        """Give the timeline what is stamped up to `stop`."""
        for name, stream in self.streams.items():
            upto = int(np.searchsorted(stream.stamps, stop + 1e-9))
            part = slice(self._given[name], upto)
            self.timeline.insert(name, stream.stamps[part] + _OFFSET, stream.values[part])
            self._given[name] = upto


def stops_of(recording: Recording, spec: WindowSpec, stride: float) -> np.ndarray:
    """Return when windows of a recording end, seconds on its clock.

    A recording no longer than the window gives one, at its end. A longer one gives windows every
    `stride` seconds that lie inside it, the last at its end.
    """
    start, end = recording.start, recording.end
    span = max(0.0, end - start - spec.seconds)
    count = 1 + int(np.ceil(span / stride - 1e-9))
    return np.asarray(end - span + np.linspace(0.0, span, count))


def windows_of(recording: Recording, spec: WindowSpec, stride: float) -> Iterator[Window]:
    """Yield the windows of a recording in order of time, at `stops_of` it.

    Images are made to the frames that the windows carry.
    """
    play = _Play(recording, spec)
    for stop in stops_of(replace(recording, streams=play.streams), spec, stride):
        play.until(float(stop))
        window = play.timeline.cut(float(stop) + _OFFSET)
        if window is not None:
            yield window


def live_windows(
    recording: Recording, spec: WindowSpec, ticks: Sequence[float] | np.ndarray
) -> Iterator[tuple[float, Window | None]]:
    """Yield what a node would look at, tick by tick: samples arrive at their stamps.

    Args:
        ticks: in order of time, seconds on the recording's clock.

    Returns:
        For each tick the age of its newest sample (s) and the window, whose end the timeline
        chooses; inf and None before the first sample.
    """
    play = _Play(recording, spec)
    for tick in ticks:
        play.until(float(tick))
        window = play.timeline.cut()
        if window is None:
            yield np.inf, None
        else:
            yield float(tick) + _OFFSET - window.newest, window
