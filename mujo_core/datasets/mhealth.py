"""MHEALTH (Banos et al., IWAAL 2014; UCI): 12 activities, 10 people.

``mHealth_subject<n>.log``: 24 columns separated by tabs, 50 Hz, no stamps. 1-3 chest
acceleration, 4-5 ECG, 6-14 left ankle (acceleration, gyroscope, magnetometer), 15-23 right wrist
(the same), 24 the label, 0 for none of the activities. Acceleration is in m/s^2 with gravity.

The gyroscope is published as deg/s and converted as such, though it already reads about 1 on some
axes while people stand still: its offset and scale are in doubt, and it says little. The chest
has no gyroscope and is left out. What is labelled 0 has no segment: it is everything else, not
rest, and the published protocol leaves it out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._runs import segments_of_codes
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording, Stream

log = logging.getLogger(__name__)

RATE = 50.0
LABELS = (
    'stand', 'sit', 'lie', 'walk', 'walk_upstairs', 'waist_bend', 'front_raise', 'squat', 'cycle',
    'jog', 'run_fast', 'jump',
)  # fmt: skip
"""Labels 1..12: standing still, sitting and relaxing, lying down, walking, climbing stairs, waist
bends forward, frontal elevation of arms, knees bending, cycling, jogging, running, jump front and
back."""

_COLUMNS = 24
_DEVICES = {'left_ankle': 5, 'right_wrist': 14}  # the first of six columns, counted from 0
_NAME = re.compile(r'mHealth_subject(\d+)\.log')


def load_mhealth(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a person, with IMUs at the left ankle and right wrist.

    Args:
        root: the folder with the ``mHealth_subject*.log`` files, or the one above it. A damaged
            file is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    paths = {
        int(match[1]): path
        for folder in (Path(root) / 'MHEALTHDATASET', Path(root))
        for path in (folder.glob('mHealth_subject*.log') if folder.is_dir() else ())
        if (match := _NAME.fullmatch(path.name))
    }
    if not paths:
        raise FileNotFoundError(
            f'expected mHealth_subject1.log and the like under {root}, found none; '
            'give the folder that holds them'
        )
    for subject, path in sorted(paths.items()):
        try:
            table = read_numbers(path.read_text(encoding='latin-1'), str(path), _COLUMNS)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        stamps = np.arange(len(table)) / RATE
        yield Recording(
            name=f'subject{subject}',
            dataset='mhealth',
            subject=str(subject),
            streams={
                f'imu/{placement}': Stream(stamps, _samples(table[:, first : first + 6]))
                for placement, first in _DEVICES.items()
            },
            segments=segments_of_codes(
                stamps, table[:, -1].astype(int), dict(enumerate(LABELS, start=1)), max_gap=1.0
            ),
        )


def _samples(columns: np.ndarray) -> np.ndarray:
    return np.concatenate([columns[:, :3], np.deg2rad(columns[:, 3:])], axis=1).astype(np.float32)


DATASET = DataSet(
    name='mhealth',
    load=load_mhealth,
    title='12 everyday activities and exercises, 10 people: ankle and wrist',
    citation='Banos et al., IWAAL 2014; UCI Machine Learning Repository, CC BY 4.0',
    labels=LABELS,
)
