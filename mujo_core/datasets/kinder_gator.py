"""Kinder-Gator (Aloba et al., Eurographics 2018): 58 actions, 10 adults and 10 children.

``Adults/`` and ``Children/`` hold ``POSE-p<ID>_<nn>-<What-was-asked>-<time>.csv``; the number is
the order in which a person did it, the words say what. A header, then a row a frame: `Timestamp`
(ms), 20 named joints of a first Kinect in metres (y up, x to the person's right, z away;
handedness agrees), the person and the words; 30 Hz, and 88 rows repeat a stamp: they are dropped.

People begin in a T pose, lower the arms, do what was asked and stand until the end. The segment is
the part that moves after the arms came down; a pose that is held lies between two movements.

The words of a swipe say ``from right to left`` or the other way, but do not tell which it was: 8
adults of 10 went the other way both times, and 12 of the children's 17 clear swipes go to the left,
whichever was asked. A swipe is labelled by where the hand goes while it is up, and has no label
where it goes to and fro (3).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.datasets._joints import KINECT_V1, advancing, files_under, in_layout
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets.dataset import DataSet
from mujo_core.layouts import get_layout
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

_SWIPE = 'swipe'
WORDS = {
    'raise-your-arm': 'raise_arm_sideways', 'raise-your': 'raise_hand', 'wave': 'wave',
    'bow': 'bow', 'bend-your': 'knee_raise', 'put-your-hands-on-your-hips-and-lean': 'side_bend',
    'put-your-hands-on-your-hips-and-twist': 'twist', 'touch-your-toes': 'waist_bend',
    'do-a-forward-lunge': 'lunge', 'lift-your': 'leg_raise_sideways', 'walk-in-place': 'walk',
    'run-in-place-as-fast': 'run_fast', 'run-in-place': 'jog', 'jump': 'jump',
    'do-two-jumping-jacks': 'jumping_jack', 'do-five-jumping-jacks': 'jumping_jack',
    'point-at': 'point', 'signal-someone-to-stop': 'stop',
    'signal-someone-to-come-here': 'come_here', 'draw-a-circle': 'draw_circle',
    'draw-a-square': 'draw_square', 'draw-a-triangle': 'draw_triangle',
    'draw-the-letter-x': 'draw_x', 'draw-the-letter': 'draw_letter',
    'make-the-letter': 'body_letter', 'push-an-imaginary-button': 'push_button',
    'swipe-across': _SWIPE, 'fly-like-a-bird': 'flap_arms', 'fly-like-an-airplane': 'arms_spread',
    'swim': 'swim', 'kick-a-ball': 'kick_ball', 'throw-a-ball': 'throw', 'punch': 'punch',
    'climb-an': 'climb_ladder',
}  # fmt: skip
"""How the words of a file name begin, the longer of two first, to its label."""

MARGIN = 0.3
"""Seconds kept before and after what moves."""
STILL = 0.3
"""m/s below which a body is at rest."""
_STROKE = 0.2  # m over which a hand goes in a swipe
_TO_AND_FRO = 2.2  # lengths of its way over its breadth from which a hand came back
_LOW = 0.2  # lengths of the torso above their lowest at which hands hang
_MOVED = (
    'head', 'hip_center', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_knee',
    'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
_JOINT = get_layout('kinect20').index
_COLUMNS = 1 + 3 * len(KINECT_V1)
_NAME = re.compile(r'POSE-p(\d+)_(\d+)-(.+?)-*-(\d+)\.csv')


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Return running means along the first axis, as many as there are values."""
    half = width // 2
    padded = np.pad(values, [(half, half)] + [(0, 0)] * (values.ndim - 1), mode='edge')
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=0).mean(axis=-1)


def active_part(stamps: np.ndarray, xyz: np.ndarray) -> tuple[float, float] | None:
    """Return from when to when somebody moves after the T pose at the beginning; None for never.

    Args:
        stamps: (N,) seconds; xyz: (N, 20, 3) metres of `kinect20`, y up.
    """
    pelvis = xyz[:, [_JOINT['hip_center']]]
    body = xyz - pelvis
    body[:, _JOINT['hip_center']] = pelvis[:, 0]
    paths = _smooth(body[:, [_JOINT[joint] for joint in _MOVED]], 5)
    speed = _smooth(np.linalg.norm(np.gradient(paths, stamps, axis=0), axis=-1).max(axis=1), 7)
    shoulders = body[:, _JOINT['shoulder_center']]
    torso = float(np.median(np.linalg.norm(shoulders, axis=-1)))
    wrists = body[:, [_JOINT['left_wrist'], _JOINT['right_wrist']], 1]
    height = (wrists - shoulders[:, 1:2]) / torso
    hang = (height < np.percentile(height, 5, axis=0) + _LOW).all(axis=1)
    first = int(np.argmax(hang))
    # Who goes from the T pose on into the action never lets the arms hang.
    if not hang.any() or first > len(stamps) // 2:
        first = 0
    while 0 < first < len(speed) - 1 and speed[first] > STILL and speed[first + 1] <= speed[first]:
        first += 1
    moves = first + np.flatnonzero(speed[first:] > STILL)
    if not len(moves):
        return None
    start, end = stamps[moves[0]] - MARGIN, stamps[moves[-1]] + MARGIN
    return float(max(start, stamps[first])), float(min(end, stamps[-1]))


def swipe_label(xyz: np.ndarray) -> str | None:
    """Return `swipe_left` or `swipe_right` by where the lifted hand goes; None if neither."""
    right = np.nanmean(xyz[:, _JOINT['right_hip']] - xyz[:, _JOINT['left_hip']], axis=0)
    right /= np.linalg.norm(right)
    hands = [xyz[:, _JOINT[f'{side}_hand']] - xyz[:, _JOINT['spine']] for side in ('left', 'right')]
    hand = max(hands, key=lambda path: float(np.ptp(path[:, 1])))
    height = hand[:, 1] - hand[:, 1].min()
    across = hand[height > 0.6 * height.max()] @ right
    breadth = float(np.ptp(across))
    if breadth < _STROKE or np.abs(np.diff(_smooth(across, 3))).sum() > _TO_AND_FRO * breadth:
        return None
    return 'swipe_right' if across.argmax() > across.argmin() else 'swipe_left'


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps from 0 on and joints; ValueError where the file is damaged."""
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    # The person and the words end a row.
    text = '\n'.join(line.rsplit(',', 3)[0] for line in lines)
    table = read_numbers(text, str(path), _COLUMNS, ',', skip=1)
    table = advancing(table, str(path))
    joints = table[:, 1:].reshape(len(table), len(KINECT_V1), 3)
    xyz = in_layout(joints, KINECT_V1, 'kinect20', str(path))
    return (table[:, 0] - table[0, 0]) / 1e3, xyz


def load_kinder_gator(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a file, adults first.

    Args:
        root: the folder with `Adults` and `Children`, one of them, or the one above. A damaged
            file is named in the log and left out.

    Raises:
        FileNotFoundError: no such file under `root`.
    """
    example = 'Adults/POSE-p565_03-Wave-your-hand-1469182439786.csv'
    pattern = 'POSE-p*.csv'
    if Path(root).is_dir() and not any(Path(root).glob(pattern)):
        pattern = '[AC]*/POSE-p*.csv'
    for path in files_under(root, pattern, example, 'kinder_gator', 'Kinder-Gator'):
        match = _NAME.fullmatch(path.name)
        words = match[3].lower() if match else ''
        label = next((WORDS[begin] for begin in WORDS if words.startswith(begin)), None)
        if not match or label is None:
            log.warning('%s: expected a name such as %s; left out', path, example)
            continue
        try:
            stamps, xyz = _read(path)
        except (OSError, ValueError) as error:
            log.warning('%s; left out', error)
            continue
        part = active_part(stamps, xyz)
        if label == _SWIPE and part:
            label = swipe_label(xyz[(stamps >= part[0]) & (stamps <= part[1])])
        yield Recording(
            name=path.stem.removeprefix('POSE-'),
            dataset='kinder_gator',
            subject=match[1],
            streams={'pose': Stream(stamps, xyz, layout='kinect20')},
            segments=[Segment(label, *part)] if label and part else [],
        )


DATASET = DataSet(
    name='kinder_gator',
    load=load_kinder_gator,
    title='58 everyday, sport and signalling actions, 10 adults and 10 children: Kinect skeleton',
    citation='Aloba et al., Eurographics 2018; terms: none stated',
    labels=tuple(
        dict.fromkeys(
            name
            for label in WORDS.values()
            for name in (('swipe_left', 'swipe_right') if label == _SWIPE else (label,))
        )
    ),
    splits={
        'adults': ('565', '577', '604', '734', '876', '888', '921', '934', '970', '976'),
        'children': ('103', '106', '169', '290', '337', '342', '474', '595', '644', '723'),
    },
)
