"""UMAFall (Casilari, Santoyo-Ramón and Cano-García, Procedia Computer Science 2017): 15 s trials.

``UMAFall_Subject_<NN>_<ADL|Fall>_<what>_<trial>_<date>.csv``: a header of lines with ``%``, which
names the place of every sensor (they differ by file), then rows
``ms;number;x;y;z;type;sensor`` of type 0 (acceleration, g), 1 (gyroscope, deg/s) and 2 (left out).
Four SensorTags at about 20 Hz; the phone in the pocket has no gyroscope and is left out. Which
wrist and ankle is not in the files: the right ones, as in the publication.

Traps: stamps are of arrival, and a trial starts with a burst that repeats its first sample. The
waist, and the ankle less often, is missing in some files. In files that passed through a spread
sheet numbers lost their point (``1.098.388.671.875``); they are left out.

Activities fill a trial or a third of it, by person: segments hold the moving part (the wrist's for
what arms do), none where nobody moves. From the bed people get up again within the trial.

Signs: at rest 1.0 g. Standing, x of chest and waist reads +0.97 g, fallen forward z reads -0.9 g,
on the back +1.05 g: specific force, x up, z forward. The two sensors of a tag have other axes: the
least-squares map from turns to how gravity turns is diag(-1.04, 0.98, -1.12) at the chest,
diag(-1.05, 0.93, -1.08) at the waist and has the same signs at wrist and ankle. Hence gyroscope x
and z change their sign here, and both are right-handed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._falls import fall_segments
from mujo_core.datasets._motion import lying_down, moving_part
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import join_sensors, si_sample
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

LABELS = {
    'Aplausing': 'clap', 'HandsUp': 'raise_both_arms', 'MakingACall': 'phone_call',
    'OpeningDoor': 'open_door', 'Sitting_GettingUpOnAChair': 'sit_stand', 'Walking': 'walk',
    'Bending': 'bend', 'Hopping': 'hop', 'Jogging': 'jog', 'LyingDown_OnABed': 'lie_down',
    'GoUpstairs': 'walk_upstairs', 'GoDownstairs': 'walk_downstairs',
    'forwardFall': 'fall_forward', 'backwardFall': 'fall_backward', 'lateralFall': 'fall_sideways',
}  # fmt: skip
"""By what the file name says."""

_PLACEMENTS = {
    'CHEST': 'chest', 'WAIST': 'waist', 'WRIST': 'right_wrist', 'ANKLE': 'right_ankle',
}  # fmt: skip
_BY_WRIST = ('clap', 'raise_both_arms', 'phone_call', 'open_door')
_MIDDLE = ('waist', 'chest', 'right_wrist', 'right_ankle')
_NAME = re.compile(r'UMAFall_(Subject_(\d+)_(?:ADL|Fall)_(\w+?)_\d+_[\d-]+_[\d-]+)\.csv')
_SENSOR = re.compile(r'^%\s*[0-9A-Fa-f:]{17};\s*(\d+);\s*([A-Z]+);', re.MULTILINE)
_GYRO_SIGNS = np.array([-1.0, 1.0, -1.0])
_MAX_GAP = 0.2  # seconds
_LEAST_RATE = 8.0  # Hz
_REPEAT = 0.025  # seconds: half a period


def _fresh(rows: np.ndarray) -> np.ndarray:
    """Return rows (N, 4) of stamp and values without the repeats that came in a burst."""
    steps = np.diff(rows, axis=0)
    repeated = (steps[:, 0] < _REPEAT) & (steps[:, 1:] == 0).all(axis=1)
    return rows[np.concatenate([[True], ~repeated])] if len(rows) else rows


def _read(path: Path) -> dict[str, Stream]:
    """Return the devices of a file by placement; its first stamp is 0."""
    text = path.read_text(encoding='latin-1')
    lines = [line.strip().rstrip(';') for line in text.splitlines()]
    body = '\n'.join(line for line in lines if line and not line.startswith('%'))
    table = read_numbers(body, str(path), 7, ';')
    table[:, 0] = (table[:, 0] - table[0, 0]) / 1000.0
    streams = {}
    for number, place in _SENSOR.findall(text):
        rows = table[table[:, 6] == int(number)]
        if place not in _PLACEMENTS or not len(rows):
            continue
        force, turn = (_fresh(rows[rows[:, 5] == kind][:, [0, 2, 3, 4]]) for kind in (0, 1))
        samples = [si_sample(force[:, 1:], force[:, 1:]), si_sample(turn[:, 1:], turn[:, 1:])]
        stamps, joined = join_sensors(
            force[:, 0], samples[0][:, :3], turn[:, 0], samples[1][:, 3:] * _GYRO_SIGNS, _MAX_GAP
        )
        rate = (len(stamps) - 1) / (stamps[-1] - stamps[0]) if len(stamps) > 1 else 0.0
        if rate < _LEAST_RATE:
            log.warning(
                '%s: expected %s at %g Hz or more, got %.1f Hz; left out',
                path, place, _LEAST_RATE, rate,
            )  # fmt: skip
            continue
        streams[f'imu/{_PLACEMENTS[place]}'] = Stream(stamps, joined)
    return streams


def _best(streams: dict[str, Stream], placements: tuple[str, ...] = ()) -> Stream:
    names = [f'imu/{p}' for p in (*placements, *_MIDDLE) if f'imu/{p}' in streams]
    return streams[names[0]]


def _segments(label: str, streams: dict[str, Stream]) -> list[Segment]:
    middle = _best(streams)
    if label.startswith('fall'):
        return fall_segments(middle.stamps, middle.values, label)
    if label == 'lie_down':
        return lying_down(middle.stamps, middle.values)
    shown = _best(streams, ('right_wrist',)) if label in _BY_WRIST else middle
    part = moving_part(shown.stamps, shown.values)
    return [Segment(label, *part)] if part else []


def load_umafall(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a trial, with IMUs at chest, waist, right wrist and right ankle.

    Args:
        root: the folder with the ``UMAFall_Subject_*.csv`` files, or the one above it. A damaged
            file or device is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    paths = {
        match: path
        for folder in (Path(root) / 'umafall', Path(root) / 'UMAFall_Dataset', Path(root))
        for path in (sorted(folder.glob('UMAFall_Subject_*.csv')) if folder.is_dir() else ())
        if (match := _NAME.fullmatch(path.name)) and match[3] in LABELS
    }
    if not paths:
        raise FileNotFoundError(
            'expected UMAFall_Subject_01_ADL_Walking_1_2017-04-14_23-25-52.csv and the like under '
            f'{root}, found none; give the folder that holds them'
        )
    for match, path in paths.items():
        try:
            streams = _read(path)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        if not streams:
            log.warning('%s: expected a device with both sensors, got none; left out', path)
            continue
        yield Recording(
            name=match[1],
            dataset='umafall',
            subject=str(int(match[2])),
            streams=streams,
            segments=_segments(LABELS[match[3]], streams),
        )


DATASET = DataSet(
    name='umafall',
    load=load_umafall,
    title='12 daily activities and 3 falls, 19 people: chest, waist, wrist and ankle',
    citation='Casilari, Santoyo-Ramón and Cano-García, Procedia Computer Science 110, 2017; '
    'CC BY 4.0',
    labels=(*LABELS.values(), 'lie'),
    rests=False,
    products=True,
)
