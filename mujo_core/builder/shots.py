"""Where a video is cut: nothing is followed from one shot to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from mujo_core.builder.pictures import Picture

_SIDE = 32  # pixels of the small picture that is compared
_CHANGE = 22.0  # of 255, mean difference of small pictures at a cut
_CONTRAST = 3.5  # times the usual change of the pictures before
_MEMORY = 12


def split_shots(pictures: Iterable[Picture]) -> Iterator[tuple[int, Picture]]:
    """Yield the number of the shot, from 0, with each picture.

    A cut is a change that is large in itself and beside the changes before, and that stays: a
    flash, after which the picture is as before, is none.
    """
    shot = 0
    usual: deque[float] = deque(maxlen=_MEMORY)
    before: np.ndarray | None = None
    held: tuple[Picture, np.ndarray] | None = None
    for picture in pictures:
        small = _small(picture.bgr)
        if held is not None:
            cut, before = _look(before, held[1], small, usual)
            shot += cut
            yield shot, held[0]
        held = picture, small
    if held is not None:
        cut, _ = _look(before, held[1], held[1], usual)
        yield shot + cut, held[0]


def _look(
    before: np.ndarray | None, here: np.ndarray, after: np.ndarray, usual: deque[float]
) -> tuple[bool, np.ndarray]:
    """Say whether a picture begins a shot, and which picture the next is compared with."""
    if before is None:
        return False, here
    change, lasting = _difference(before, here), _difference(before, after)
    level = max(_CHANGE, _CONTRAST * float(np.median(usual))) if usual else _CHANGE
    if change <= level:
        usual.append(change)
        return False, here
    if lasting <= level:
        return False, before
    usual.clear()
    return True, here


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def _small(bgr: np.ndarray) -> np.ndarray:
    """Return a picture's colours (32, 32, 3) float32, each the mean of some of its pixels."""
    height, width = bgr.shape[:2]
    rows = np.linspace(0, height - 1, 4 * _SIDE).astype(int)
    columns = np.linspace(0, width - 1, 4 * _SIDE).astype(int)
    some = bgr[rows[:, None], columns].astype(np.float32)
    return some.reshape(_SIDE, 4, _SIDE, 4, 3).mean(axis=(1, 3))
