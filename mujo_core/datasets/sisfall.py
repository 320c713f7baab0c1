"""SisFall (Sucerquia, López and Vargas-Bonilla, Sensors 2017): 19 daily activities and 15 falls.

``SA01/D01_SA01_R01.txt`` (SA: young adults, SE: elderly people, who did not fall): rows at 200 Hz
of nine raw counts between commas, with or without ``;`` at their ends, no stamps: ADXL345
(32 g / 2^13), ITG3200 (4000 deg/s / 2^16), MMA8451Q (left out, it has half the range). One
device at the waist.

Samples are low-passed (zero phase) and kept at 50 Hz: what makes windows interpolates linearly,
and an impact above 25 Hz would come out as something else.

Specific force in right-handed axes, x to the right, y down, z forward: people who stand read
-1.0 g along y, those fallen forward -0.9 g along z and those on their backs +0.9 g. Gravity turns
as the gyroscope says: correlation 0.89 in activities without steps, 0.64 in all of them.
No onset is in the files: impacts and transitions are found from the motion. Who stumbles walks
before and after it: 3 s around the strongest motion are the stumble.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from mujo_core.datasets._falls import fall_segments
from mujo_core.datasets._motion import lying_down, motion, moving_part, there_and_back
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import si_sample
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

RAW_RATE, RATE = 200.0, 50.0
FALLS = (
    'fall_forward', 'fall_backward', 'fall_sideways', 'fall_forward', 'fall_forward', 'fall',
    'fall', 'fall_forward', 'fall_sideways', 'fall_forward', 'fall_backward', 'fall_sideways',
    'fall_forward', 'fall_backward', 'fall_sideways',
)  # fmt: skip
"""F01..F15; the two of 6 and 7 are faints that end anyhow."""
ACTIVITIES = (
    'walk', 'walk', 'jog', 'run_fast', 'stairs', 'stairs', 'sit_stand', 'sit_stand', 'sit_stand',
    'sit_stand', 'collapse_onto_chair', 'lie_down', 'lie_down', 'roll_over', 'squat', 'waist_bend',
    'get_into_car', 'stumble', 'jump',
)  # fmt: skip
"""D01..D19."""

_LASTING = ('walk', 'jog', 'run_fast', 'stairs')
_PLACEMENT = 'waist'
_COLUMNS = 9
_G, _DPS = 32 / 2**13, 4000 / 2**16
_LOW_PASS = butter(4, 20.0, fs=RAW_RATE, output='sos')
_NAME = re.compile(r'([DF])(\d\d)_(S[AE]\d\d)_R(\d\d)\.txt')
_LEAST = 0.5  # seconds
_STUMBLE = 1.5  # seconds around the strongest motion of a walk that are the stumble


def _label(kind: str, number: int) -> str | None:
    names = FALLS if kind == 'F' else ACTIVITIES
    return names[number - 1] if 1 <= number <= len(names) else None


def _read(path: Path) -> Stream:
    text = path.read_text(encoding='latin-1').replace(';', '')
    counts = read_numbers(text, str(path), _COLUMNS, ',')
    if len(counts) < _LEAST * RAW_RATE:
        raise ValueError(f'{path}: expected {_LEAST} s of rows or more, got {len(counts)} rows')
    smooth = sosfiltfilt(_LOW_PASS, counts[:, :6], axis=0)[:: round(RAW_RATE / RATE)]
    samples = si_sample(smooth[:, :3] * _G, smooth[:, 3:] * _DPS)
    return Stream(np.arange(len(samples)) / RATE, samples)


def _segments(label: str, stream: Stream) -> list[Segment]:
    stamps, samples = stream.stamps, stream.values
    if label.startswith('fall'):
        return fall_segments(stamps, samples, label)
    if label in _LASTING:
        return [Segment(label, float(stamps[0]), float(stamps[-1]))]
    if label == 'lie_down':
        return lying_down(stamps, samples)
    if label == 'stumble':
        times, strength = motion(stamps, samples)
        centre = float(times[strength.argmax()])
        span = max(centre - _STUMBLE, 0.0), min(centre + _STUMBLE, float(stamps[-1]))
        return [Segment(label, *span)]
    pair = there_and_back(stamps, samples)
    if label == 'sit_stand' and pair:
        (there, sits), (rises, back) = pair
        return [
            Segment('stand_to_sit', there, sits),
            Segment('sit', sits, rises),
            Segment('sit_to_stand', rises, back),
        ]
    if label == 'roll_over' and pair:
        return [Segment(label, *span) for span in pair]
    part = moving_part(stamps, samples)
    return [Segment(label, *part)] if part else []


def load_sisfall(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a trial, with one IMU at the waist, in order of person and activity.

    Args:
        root: the folder with ``SA01/D01_SA01_R01.txt`` and the like, one person's folder, or the
            folder above. A damaged file is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    found = {
        path.name: (match, path)
        for pattern in ('*/S*/*.txt', 'S*/*.txt', '*.txt')
        for path in Path(root).glob(pattern)
        if (match := _NAME.fullmatch(path.name))
    }
    if not found:
        raise FileNotFoundError(
            f'expected SA01/D01_SA01_R01.txt and the like under {root}, found none; '
            'give the folder that holds them'
        )
    for match, path in sorted(found.values(), key=lambda pair: (pair[0][3], pair[0][0])):
        label = _label(match[1], int(match[2]))
        if label is None:
            log.warning('%s: expected D01 to D19 or F01 to F15; left out', path)
            continue
        try:
            stream = _read(path)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        yield Recording(
            name=path.stem,
            dataset='sisfall',
            subject=match[3],
            streams={f'imu/{_PLACEMENT}': stream},
            segments=_segments(label, stream),
        )


_LABELS = (*ACTIVITIES, *FALLS, 'stand_to_sit', 'sit', 'sit_to_stand', 'lie')

DATASET = DataSet(
    name='sisfall',
    load=load_sisfall,
    title='19 daily activities and 15 falls, 38 people: one device at the waist',
    citation='Sucerquia, López and Vargas-Bonilla, Sensors 17(1), 2017; free for research, cite it',
    labels=tuple(dict.fromkeys(_LABELS)),
    splits={
        'young': tuple(f'SA{n:02d}' for n in range(1, 24)),
        'elderly': tuple(f'SE{n:02d}' for n in range(1, 16)),
    },
    rests=False,
)
