"""A recording played through the timeline: the windows that live streams would have given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mujo_core.recording import Recording, modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.timeline import Timeline
from mujo_core.video.prepare import Preparer
from mujo_core.window import Window, WindowSpec

_OFFSET = 1000.0
"""Added to stamps, since a recording may begin at 0, which live means 'no stamp'."""


def windows_of(recording: Recording, spec: WindowSpec, stride: float) -> Iterator[Window]:
    """Yield the windows of a recording in order of time.

    A recording no longer than the window gives one, which ends where the recording ends. A
    longer one gives windows every `stride` seconds that lie inside it, the last at its end.
    Images are made to the frames that the windows carry.
    """
    streams = {}
    preparer = Preparer(spec.video, spec.video_rate)
    for name, stream in preparer.streams(recording.streams, recording.name).items():
        if modality_of(name) == 'pose' and stream.layout:
            streams[name] = (
                stream.stamps,
                canonical_joints(stream.values, stream.layout, stream.up),
            )
        else:
            streams[name] = (stream.stamps, stream.values)
    if not streams:
        return
    timeline = Timeline(spec, tuple(streams))
    start = min(float(stamps[0]) for stamps, _ in streams.values())
    end = max(float(stamps[-1]) for stamps, _ in streams.values())
    span = max(0.0, end - start - spec.seconds)
    count = 1 + int(np.ceil(span / stride - 1e-9))
    given = dict.fromkeys(streams, 0)
    for stop in end - span + np.linspace(0.0, span, count):
        for name, (stamps, values) in streams.items():
            upto = int(np.searchsorted(stamps, stop + 1e-9))
            part = slice(given[name], upto)
            timeline.insert(name, stamps[part] + _OFFSET, values[part])
            given[name] = upto
        window = timeline.cut(float(stop) + _OFFSET)
        if window is not None:
            yield window
