"""MotionSense (Malekzadeh, Clegg, Cavallaro and Haddadi, IoTDI 2019): 6 activities, 24 people.

A phone in a front trouser pocket (which of the two is not published), 50 Hz without stamps:
``A_DeviceMotion_data/<act>_<trial>/sub_<n>.csv`` with attitude, gravity and userAcceleration (g)
and rotationRate (rad/s), as a zip or unpacked, with any of the 15 trials.

Core Motion reports gravity as it pulls, so that a phone that lies on its back reads -1 g along z
(the files hold this to the attitude beside it: gravity is ``(cos p sin r, -sin p, -cos p cos r)``
of pitch p and roll r), and its total acceleration is their sum. A device at rest reads upward
(REP-145), hence the specific force is minus that sum. Its axes and turns are right-handed: the
gravity of the files turns as the gyroscope says.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet, Windows
from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.labels import merge
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

RATE = 50.0
PLACEMENT = 'right_pocket'
"""Stands for the front pocket: the side is not published."""

_FOLDER = 'A_DeviceMotion_data'
_NAME = re.compile(rf'(?:{_FOLDER}/)*([a-z]{{3}})_(\d+)/sub_(\d+)\.csv')
_COLUMNS = (
    '', 'attitude.roll', 'attitude.pitch', 'attitude.yaw', 'gravity.x', 'gravity.y', 'gravity.z',
    'rotationRate.x', 'rotationRate.y', 'rotationRate.z',
    'userAcceleration.x', 'userAcceleration.y', 'userAcceleration.z',
)  # fmt: skip
_WORDS = ('dws', 'ups', 'wlk', 'jog', 'sit', 'std')

_Key = tuple[str, int, int]  # activity, trial, subject


def specific_force(gravity: np.ndarray, user_acceleration: np.ndarray) -> np.ndarray:
    """Return m/s^2 as REP-145 has it from Core Motion's gravity and userAcceleration, in g."""
    return -(gravity + user_acceleration) * STANDARD_GRAVITY


def _files(root: Path) -> dict[_Key, tuple[str, Callable[[], bytes]]]:
    """Return each trial's file name and what reads it; unpacked files stand before the zip's."""
    found: dict[_Key, tuple[str, Callable[[], bytes]]] = {}
    archives = [root] if root.is_file() else sorted(root.glob(f'{_FOLDER}*.zip'))
    for path in archives:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            log.warning('%s: not readable as a zip (%s); left out', path, error)
            continue
        for name in archive.namelist():
            if match := _NAME.fullmatch(name):
                key = (match[1], int(match[2]), int(match[3]))
                found[key] = (f'{path}:{name}', partial(archive.read, name))
    for folder in (root, root / _FOLDER, root / _FOLDER / _FOLDER):
        for path in folder.glob('*/sub_*.csv') if folder.is_dir() else ():
            if match := _NAME.fullmatch(f'{path.parent.name}/{path.name}'):
                found[match[1], int(match[2]), int(match[3])] = (str(path), path.read_bytes)
    return found


def _read(source: str, content: bytes) -> np.ndarray:
    """Return (N, 12): attitude, gravity, rotationRate, userAcceleration."""
    text = content.decode('utf-8-sig', errors='replace')
    header = text.partition('\n')[0].strip()
    if tuple(header.split(',')) != _COLUMNS:
        raise ValueError(
            f'{source}: expected the columns {",".join(_COLUMNS)}; {header[:80]!r} came'
        )
    return read_numbers(text, source, len(_COLUMNS), ',', skip=1)[:, 1:]


def load_motionsense(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a trial, with one IMU at `PLACEMENT`, in order of activity and trial.

    Args:
        root: the folder with ``A_DeviceMotion_data.zip`` or ``A_DeviceMotion_data/`` (or that
            zip, or that folder itself). A damaged file is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    files = _files(Path(root))
    if not files:
        raise FileNotFoundError(
            f'expected {_FOLDER}.zip or {_FOLDER}/wlk_7/sub_1.csv and the like under {root}, '
            'found none; give the folder that holds them'
        )
    for (word, trial, subject), (source, read) in sorted(files.items()):
        if word not in _WORDS:
            log.warning('%s: activities are %s; left out', source, ', '.join(_WORDS))
            continue
        try:
            table = _read(source, read())
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            log.warning('%s; left out', error)
            continue
        force = specific_force(table[:, 3:6], table[:, 9:12])
        samples = np.concatenate([force, table[:, 6:9]], axis=1).astype(np.float32)
        stamps = np.arange(len(samples)) / RATE
        yield Recording(
            name=f'{word}_{trial}_sub_{subject}',
            dataset='motionsense',
            subject=str(subject),
            streams={f'imu/{PLACEMENT}': Stream(stamps, samples)},
            segments=[Segment(merge(word), 0.0, float(stamps[-1]))],
        )


_TEST = ('1', '6', '14', '19', '23')

DATASET = DataSet(
    name='motionsense',
    load=load_motionsense,
    title='6 everyday activities, 24 people: a phone in the trouser pocket',
    citation='Malekzadeh et al., IoTDI 2019; MIT. Splits train and test: Tang et al., 2020 '
    '(arXiv 2011.11542); long_trials and short_trials: as published',
    labels=('jog', 'walk', 'sit', 'stand', 'walk_upstairs', 'walk_downstairs'),
    splits={
        'train': tuple(str(n) for n in range(1, 25) if str(n) not in _TEST),
        'test': _TEST,
    },
    recording_splits={
        'long_trials': tuple(f'*_{trial}_sub_*' for trial in range(1, 10)),
        'short_trials': tuple(f'*_{trial}_sub_*' for trial in range(11, 17)),
    },
    windows=Windows(8.0, 4.0),
    products=True,
)
