"""PRECOG 2016 (D. Jardim): punches and kicks in sequences, 12 people.

``Seq<Q>_<S>.csv``, sequence Q of person S: a header of joint names, then a row a frame, 20 joints
``x y z`` of a first Kinect with ``;`` between them, and a code at the end. Metres, y up, x to
the person's right, z away (handedness agrees); no stamps, taken as 30 fps.

Codes are not explained in the files; the five actions that the authors' slides list for each
sequence leave one meaning for each (which of the side kicks is which: the foot that moves), and the
limb of punches and kicks agrees: 1 right punch, 2 left punch, 3 front right kick, 4 front left
kick, 5 side right kick, 6 side left kick, 7 back fist, 8 elbow strike, 0 none. Seq2_10 and Seq4_10
hold zeros alone and are left out. Codes flicker for a frame now and then.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._joints import KINECT_V1, files_under, in_layout
from mujo_core.datasets._runs import segments_of_codes
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording, Stream

log = logging.getLogger(__name__)

RATE = 30.0
CODES = {
    1: 'punch', 2: 'punch', 3: 'kick_forward', 4: 'kick_forward', 5: 'kick_sideways',
    6: 'kick_sideways', 7: 'back_fist', 8: 'elbow_strike',
}  # fmt: skip
SHORTEST = 0.3
"""Seconds that a run of one code lasts at least."""

_COLUMNS = 3 * len(KINECT_V1) + 1
_NAME = re.compile(r'Seq(\d+)_(\d+)\.csv')


def _without_flicker(codes: np.ndarray) -> np.ndarray:
    """Return codes in which no single frame breaks a run."""
    steady = codes.copy()
    for i in range(1, len(codes) - 1):
        if steady[i - 1] == codes[i + 1] != codes[i]:
            steady[i] = steady[i - 1]
    return steady


def _by_person(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r'\d+', path.stem))


def load_precog16(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a sequence and person.

    Args:
        root: the folder with the ``Seq*_*.csv`` files, or one of the two above it. A damaged file
            is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'Dataset/CSV/Seq1_1.csv'
    folders = ('CSV', 'Dataset/CSV', 'precog16/Dataset/CSV')
    for path in sorted(files_under(root, 'Seq*_*.csv', example, *folders), key=_by_person):
        match = _NAME.fullmatch(path.name)
        if not match:
            log.warning('%s: expected a name such as Seq1_1.csv; left out', path)
            continue
        try:
            text = path.read_text(encoding='utf-8-sig').replace(';', ' ')
            table = read_numbers(text, str(path), _COLUMNS, skip=1)
            if len(table) < 2:
                raise ValueError(f'{path}: expected two rows or more, one came; get the file again')
            joints = table[:, :-1].reshape(len(table), len(KINECT_V1), 3)
            xyz = in_layout(joints, KINECT_V1, 'kinect20', str(path))
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        stamps = np.arange(len(table)) / RATE
        runs = segments_of_codes(
            stamps, _without_flicker(table[:, -1].astype(int)), CODES, max_gap=1.0
        )
        yield Recording(
            name=path.stem,
            dataset='precog16',
            subject=match[2],
            streams={'pose': Stream(stamps, xyz, layout='kinect20')},
            segments=[run for run in runs if run.end - run.start >= SHORTEST],
        )


DATASET = DataSet(
    name='precog16',
    load=load_precog16,
    title='punches and kicks in sequences, 12 people: Kinect skeleton',
    citation='D. Jardim, PRECOG dataset 2016; MIT',
    labels=tuple(dict.fromkeys(CODES.values())),
    products=True,
)
