"""Images that stay in their file until they are asked for, since a data set's fill no memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class StoredFrames:
    """(N, H, W) or (N, H, W, C) images in a file; an array to those who read it.

    A slice stays in the file too.

    Args:
        path: the file.
        shape: of the whole array.
        read: path to that array; it may raise OSError or ValueError for a damaged file.
        part: which of the images.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        read: Callable[[Path], np.ndarray],
        part: range | None = None,
    ) -> None:
        self.path = path
        self._whole = shape
        self._read = read
        self._part = range(shape[0]) if part is None else part

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return (len(self._part), *self._whole[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._whole)

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return StoredFrames(self.path, self._whole, self._read, self._part[index])
        return np.asarray(self)[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._read(self.path)
        if array.shape != self._whole:
            raise ValueError(f'{self.path}: expected images {self._whole}, {array.shape} came')
        if self._part != range(len(array)):
            array = array[list(self._part)]
        return array if dtype is None else array.astype(dtype)

    def digest(self) -> str:
        """Name the content without decoding it."""
        content = hashlib.sha256(self.path.read_bytes())
        content.update(repr(self._part).encode())
        return content.hexdigest()


def digest(images: np.ndarray | StoredFrames) -> str:
    """Return a name of the images' content: equal images, equal names."""
    if isinstance(images, StoredFrames):
        return images.digest()
    array = np.ascontiguousarray(images)
    shape = f'{array.shape} {array.dtype.str} '.encode()
    return hashlib.sha256(shape + array.tobytes()).hexdigest()
