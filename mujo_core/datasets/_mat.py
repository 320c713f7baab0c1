"""MAT files: their variables, and one line where a file is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io


def read_variables(path: Path, *names: str) -> list[np.ndarray]:
    """Return variables of a MAT file; ValueError names the file and what is wrong with it."""
    try:
        content = scipy.io.loadmat(path, variable_names=names)
    except Exception as error:  # Whatever scipy raises for a damaged file.
        raise ValueError(f'{path}: not readable as a MAT file ({_reason(error)})') from error
    missing = [name for name in names if name not in content]
    if missing:
        raise ValueError(f'{path}: expected the variable {", ".join(missing)}, it is not there')
    return [np.asarray(content[name]) for name in names]


def variable_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a MAT file's variables, unread; ValueError names a damaged file."""
    try:
        return {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    except Exception as error:  # Whatever scipy raises for a damaged file.
        raise ValueError(f'{path}: not readable as a MAT file ({_reason(error)})') from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [''])[0][:200] or type(error).__name__
