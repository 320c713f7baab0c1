"""A motion done with the other arm: clips and their labels as seen in a mirror."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mujo_core.inertial import MIRRORED
from mujo_core.recording import Stream, modality_of
from mujo_core.skeleton import MIRRORED_JOINTS
from mujo_core.training.clip import Clip

_PAIRS = (
    ('swipe_left', 'swipe_right'),
    ('draw_circle_clockwise', 'draw_circle_counter_clockwise'),
)
MIRRORED_LABELS = {**dict(_PAIRS), **{other: one for one, other in _PAIRS}}
"""Labels that have a side or a turn in them; all others mean the same in a mirror."""
_ACROSS = np.array([1.0, -1.0, 1.0], np.float32)
_DEVICE = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], np.float32)
"""A device worn as in a mirror (as `mujo_core.virtual_imu` has it): x and z are mirrored with the
body, y is turned over so that the axes stay right-handed. A turn goes the other way in a mirror."""


def mirrored_label(label: str) -> str:
    """Return what a label's motion is called when it is done the other way around."""
    return MIRRORED_LABELS.get(label, label)


def mirrored(clip: Clip) -> Clip:
    """Return a clip with left and right swapped: skeleton, devices, placements and label.

    One with video stays as it is.
    """
    if any(modality_of(name) == 'video' for name in clip.streams):
        return clip
    return replace(
        clip,
        label=mirrored_label(clip.label),
        streams=dict(_mirrored(n, s) for n, s in clip.streams.items()),
        virtual=dict(_mirrored(n, s) for n, s in clip.virtual.items()),
    )


def _mirrored(name: str, stream: Stream) -> tuple[str, Stream]:
    modality, _, placement = name.partition('/')
    if modality == 'pose':
        values = stream.values[:, MIRRORED_JOINTS, :] * _ACROSS
        return name, replace(stream, values=values)
    if modality == 'imu':
        return f'imu/{MIRRORED.get(placement, placement)}', replace(
            stream, values=stream.values * _DEVICE
        )
    return name, stream
