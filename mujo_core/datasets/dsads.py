"""Daily and Sports Activities (Altun, Barshan and Tunçel, Pattern Recognition 2010; UCI).

``data/a<NN>/p<N>/s<NN>.txt``: 19 activities, 8 people, 60 segments of 5 s each; 125 rows at 25 Hz
of 45 numbers between commas, no stamps. Five units, each with acceleration (m/s^2, with gravity),
gyroscope (rad/s) and magnetometer (left out): chest, right and left wrist, right and left knee.

The knee units sit above the joint: their long axis reads -9.7 while people stand and -3.5 while
they sit, as a thigh turns. Segments follow each other without a step and are joined to one
recording; where a number is missing, a new one starts.

Trap: of stairs (a05, a06) of p1 and p6 the last second of every segment is zeros. These rows are
left out. Whether a second is missing there or the segments are just shorter does not show; the
stamps say that it is.

A chest at rest reads 9.8, upward along x in people who stand, along z in those on their backs and
along -y in those on their right sides: specific force, in right-handed axes. Its direction turns
as the gyroscope says: correlation 0.86 at the chest and 0.76 at the wrists while rowing, where the
thighs (0.56) move too fast to tell more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

RATE = 25.0
ACTIVITIES = (
    'sit', 'stand', 'lie', 'lie', 'walk_upstairs', 'walk_downstairs', 'stand', 'move_in_lift',
    'walk', 'walk', 'walk', 'jog', 'stepper', 'cross_trainer', 'cycle', 'cycle', 'row', 'jump',
    'play_basketball',
)  # fmt: skip
"""a01..a19; 3 and 4 lie on the back and on the side, 7 is still in a lift, 10 and 11 walk on a
treadmill (flat, inclined), 12 runs on it, 15 and 16 cycle lying back and upright."""

PLACEMENTS = ('chest', 'right_wrist', 'left_wrist', 'right_thigh', 'left_thigh')
"""Of the five units, in the order of their nine columns."""

_COLUMNS = 45
_PATH = re.compile(r'a(\d\d)/p(\d+)/s(\d\d)\.txt')


def _files(root: Path) -> dict[tuple[int, int], dict[int, Path]]:
    """Return the files of each activity and person by the number of their segment."""
    found: dict[tuple[int, int], dict[int, Path]] = {}
    for folder in (root / 'dsads' / 'data', root / 'data', root):
        for path in sorted(folder.glob('a*/p*/s*.txt')) if folder.is_dir() else ():
            if match := _PATH.fullmatch('/'.join(path.parts[-3:])):
                found.setdefault((int(match[1]), int(match[2])), {})[int(match[3])] = path
    return found


def _tables(paths: dict[int, Path]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of the first and the rows of all segments that follow each other."""
    run: list[np.ndarray] = []
    first = 0
    for number, path in sorted(paths.items()):
        try:
            text = path.read_text(encoding='latin-1')
            table = read_numbers(text, str(path), _COLUMNS, ',')
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        if run and number != first + len(run):
            yield first, np.concatenate(run)
            run = []
        first = first if run else number
        run.append(table)
    if run:
        yield first, np.concatenate(run)


def load_dsads(root: str | Path) -> Iterator[Recording]:
    """Yield a recording for the segments of a person and activity that follow each other.

    Args:
        root: the folder with ``a01/p1/s01.txt`` and the like, or one above it. A damaged file is
            named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    files = _files(Path(root))
    if not files:
        raise FileNotFoundError(
            f'expected data/a01/p1/s01.txt and the like under {root}, found none; '
            'give the folder that holds them'
        )
    for (activity, person), paths in sorted(files.items()):
        if not 1 <= activity <= len(ACTIVITIES):
            log.warning(
                '%s: expected activities 1 to 19, got %d; left out',
                min(paths.values()).parent, activity,
            )  # fmt: skip
            continue
        for first, table in _tables(paths):
            stamps = np.arange(len(table)) / RATE
            there = np.any(table != 0.0, axis=1)
            if not there.all():
                log.warning(
                    '%s: expected samples, got %d of %d rows of zeros; left out',
                    paths[first].parent, len(table) - there.sum(), len(table),
                )  # fmt: skip
                if there.sum() < 2:
                    continue
                stamps, table = stamps[there], table[there]
            yield Recording(
                name=f'a{activity:02d}_p{person}_s{first:02d}',
                dataset='dsads',
                subject=str(person),
                streams={
                    f'imu/{placement}': Stream(
                        stamps, table[:, 9 * unit : 9 * unit + 6].astype(np.float32)
                    )
                    for unit, placement in enumerate(PLACEMENTS)
                },
                segments=[Segment(ACTIVITIES[activity - 1], float(stamps[0]), float(stamps[-1]))],
            )


DATASET = DataSet(
    name='dsads',
    load=load_dsads,
    title='19 daily and sports activities, 8 people: chest, wrists and thighs',
    citation='Altun, Barshan and Tunçel, Pattern Recognition 43, 2010; UCI, CC BY 4.0',
    labels=tuple(dict.fromkeys(ACTIVITIES)),
    rests=False,
    products=True,
)
