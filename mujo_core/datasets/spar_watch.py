"""SPAR (Burns et al., 2018, arXiv 1802.01489): 7 shoulder exercises, 10 people, both sides.

A smartwatch at the wrist of the arm that moves, 50 Hz without stamps, as seglearn's package brings
it (`seglearn.datasets.load_watch`): acceleration in g and angular velocity in rad/s. Apple's
watches report gravity as it pulls, and so do these files: an arm that hangs reads +1 g along x on
the left and -1 g on the right, where that axis points to the hand and to the elbow. A device at
rest reads upward (REP-145), hence the sign is turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.recording import Recording, Segment, Stream

RATE = 50.0
EXERCISES = {
    'PEN': 'shoulder_pendulum',
    'ABD': 'lateral_raise',
    'FEL': 'front_raise',
    'IR': 'shoulder_internal_rotation',
    'ER': 'shoulder_external_rotation',
    'TRAP': 'trapezius_extension',
    'ROW': 'upright_row',
}
"""Exercise to label: pendulum, abduction, forward elevation, internal and external rotation,
trapezius extension, upright row."""


def load_spar_watch(root: str | Path = '') -> Iterator[Recording]:
    """Yield a recording a person, side and exercise, with one IMU at that side's wrist.

    Args:
        root: not needed; the data come with the package.

    Raises:
        ImportError: seglearn is not installed.
    """
    try:
        from seglearn.datasets import load_watch
    except ImportError as error:
        raise ImportError(
            "spar_watch comes with the package seglearn: pip install 'mujo_ros[datasets]'"
        ) from error
    data = load_watch()
    rows = zip(data['X'], data['y'], data['subject'], data['side'], strict=True)
    for series, exercise, subject, right in rows:
        word = data['y_labels'][int(exercise)]
        side = 'right' if right else 'left'
        force = -np.asarray(series[:, :3]) * STANDARD_GRAVITY
        samples = np.concatenate([force, series[:, 3:6]], axis=1).astype(np.float32)
        stamps = np.arange(len(samples)) / RATE
        yield Recording(
            name=f'{word}_{side}_{int(subject)}',
            dataset='spar_watch',
            subject=str(int(subject)),
            streams={f'imu/{side}_wrist': Stream(stamps, samples)},
            segments=[Segment(EXERCISES[word], 0.0, float(stamps[-1]))],
        )


DATASET = DataSet(
    name='spar_watch',
    load=load_spar_watch,
    title='7 shoulder exercises, 10 people: a watch at the wrist',
    citation='Burns, Leung, Hardisty, Whyne, Henry and McLachlin, Physiological Measurement 2018',
    labels=tuple(EXERCISES.values()),
    products=True,
    needs_root=False,
)
