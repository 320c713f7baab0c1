"""MAT files: their variables, and one line where a file is damaged."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import scipy.io

_DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    # scipy's for a file of MATLAB 7.3, which is HDF5.
    NotImplementedError,
    zlib.error,
    scipy.io.matlab.MatReadError,
)


def read_variables(path: Path, *names: str) -> list[np.ndarray]:
    """Return variables of a MAT file; ValueError names the file and what is wrong with it."""
    try:
        content = scipy.io.loadmat(path, variable_names=names)
    except _DAMAGED as error:
        raise ValueError(f'{path}: not readable as a MAT file ({error})') from error
    missing = [name for name in names if name not in content]
    if missing:
        raise ValueError(f'{path}: expected the variable {", ".join(missing)}, it is not there')
    return [np.asarray(content[name]) for name in names]


def variable_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a MAT file's variables, unread; ValueError names a damaged file."""
    try:
        return {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    except _DAMAGED as error:
        raise ValueError(f'{path}: not readable as a MAT file ({error})') from error
