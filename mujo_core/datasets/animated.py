"""Movements that nobody recorded: key poses played by a jointed body (`mujo_core.animation`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mujo_core.animation.movements import animate, animated_labels
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording

EACH = 120
"""Recordings of a label."""


def load_animated(root: str | Path = '') -> Iterator[Recording]:
    """Yield recordings that are the same each time; no folder is read."""
    for label in animated_labels():
        for number in range(EACH):
            yield animate(label, f'{label}_{number:02}', number)


DATASET = DataSet(
    name='animated',
    load=load_animated,
    title='exercises, postures, gestures and falls by key poses: skeletons, no person',
    citation='part of mujo_ros (Apache-2.0)',
    devices=False,  # no foot strikes the ground in them
    needs_root=False,
    products=True,
)
