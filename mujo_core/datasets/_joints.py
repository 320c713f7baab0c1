"""Skeletons in text files: the folder they lie in, their joints in a layout's order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mujo_core.datasets._table import read_numbers
from mujo_core.layouts import get_layout


def _limb(side: str, *names: str) -> tuple[str, ...]:
    return tuple(f'{side}_{name}' for name in names)


_ARM = ('shoulder', 'elbow', 'wrist', 'hand')
_LEG = ('hip', 'knee', 'ankle', 'foot')
KINECT_V1 = (
    'hip_center', 'spine', 'shoulder_center', 'head', *_limb('left', *_ARM),
    *_limb('right', *_ARM), *_limb('left', *_LEG), *_limb('right', *_LEG),
)  # fmt: skip
"""NuiSkeletonPositionIndex as the first Kinect's SDK counts; `kinect20` begins at the head."""


def files_under(root: str | Path, pattern: str, example: str, *children: str) -> list[Path]:
    """Return the files that match in `root` or else in the first of its folders that has any.

    Raises:
        FileNotFoundError: none there.
    """
    for folder in (Path(root), *(Path(root) / child for child in children)):
        if found := sorted(folder.glob(pattern)):
            return found
    raise FileNotFoundError(
        f'expected {example} and the like under {root}, found none; give the folder that holds them'
    )


def in_layout(xyz: np.ndarray, published: Sequence[str], layout: str, source: str) -> np.ndarray:
    """Return (N, J, 3) float32 in a layout's order; a joint at exactly (0, 0, 0) is NaN.

    Args:
        xyz: (N, J, 3) metres; published: the names of its joints.
        source: how messages call the file.

    Raises:
        ValueError: nobody is seen in any frame.
    """
    places = [published.index(joint) for joint in get_layout(layout).joints]
    ordered = xyz[:, places].astype(np.float32)
    ordered[(ordered == 0).all(axis=-1)] = np.nan
    if not np.isfinite(ordered).any():
        raise ValueError(
            f'{source}: expected a person, every joint is at (0, 0, 0); get the file again'
        )
    return ordered


def advancing(table: np.ndarray, source: str) -> np.ndarray:
    """Return the rows whose time, the first column, is later than that of all before them.

    Raises:
        ValueError: fewer than two of them.
    """
    newest = np.concatenate([[-np.inf], np.maximum.accumulate(table[:-1, 0])])
    table = table[table[:, 0] > newest]
    if len(table) < 2:
        raise ValueError(
            f'{source}: expected two rows or more whose time advances; get the file again'
        )
    return table


def read_openni(path: Path, published: Sequence[str]) -> np.ndarray:
    """Return (N, 15, 3) metres in the order of `openni15`, of a file of a joint ``x y z`` a line.

    A last frame that is cut off is not in it.

    Raises:
        ValueError: a damaged row, or fewer than two frames; OSError: not readable.
    """
    table = read_numbers(path.read_text(encoding='latin-1'), str(path), 3)
    frames = len(table) // len(published)
    if frames < 2:
        raise ValueError(
            f'{path}: expected two frames of {len(published)} joints or more, {len(table)} rows '
            'came; get the file again'
        )
    xyz = table[: frames * len(published)].reshape(frames, len(published), 3)
    return in_layout(xyz / 1000, published, 'openni15', str(path))
