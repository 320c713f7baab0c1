"""Arrays of an npz file, which may hold no more than it says and no more than fits."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAX_BYTES = 1 << 32
"""Of all arrays of a file unpacked: 4 GiB, an hour and more of depth images."""

_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    # zipfile's for a compression or a version that it does not know.
    NotImplementedError,
    RuntimeError,
    # numpy's for a header that is no Python literal.
    SyntaxError,
    TypeError,
    MemoryError,
    OverflowError,
    zlib.error,
    zipfile.BadZipFile,
)


def read_arrays(path: Path | BinaryIO) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file by name; nothing pickled is taken.

    Raises:
        ValueError: the file is damaged, or claims to hold more than `MAX_BYTES` or than it does.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = [one for one in file.infolist() if one.filename.endswith('.npy')]
            if sum(one.file_size for one in members) > MAX_BYTES:
                raise ValueError(f'more than {MAX_BYTES >> 30} GiB of arrays')
            return {
                one.filename.removesuffix('.npy'): _array(file, one.filename, one.file_size)
                for one in members
            }
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [''])[0] or type(error).__name__
        raise ValueError(f'not readable as npz ({reason[:200]})') from error


def _array(file: zipfile.ZipFile, name: str, size: int) -> np.ndarray:
    with file.open(name) as content:
        # Not numpy.load, which makes room for what the header claims before it reads.
        version = np.lib.format.read_magic(content)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f'{name}: format version {version}, expected 1.0 or 2.0')
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, by_columns, dtype = read(content)
        if dtype.hasobject:
            raise ValueError(f'{name}: pickled objects are not taken')
        count = 1
        for length in shape:
            count *= length
        if min(shape, default=0) < 0 or count * dtype.itemsize > size:
            raise ValueError(f'{name}: shape {shape} of {dtype} claims more than the file holds')
        data = content.read(count * dtype.itemsize)
    flat = np.frombuffer(bytearray(data), dtype, count)
    return flat.reshape(shape, order='F' if by_columns else 'C')
