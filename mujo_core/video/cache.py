"""Preprocessed frames on disk, by the content they were made from and how."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from pathlib import Path

import numpy as np

from mujo_core.cache import cache_dir, write_atomically

log = logging.getLogger(__name__)


class FrameCache:
    """Arrays by key, one compressed file each; a file appears whole or not at all.

    What cannot be read is as if it were not there, and what cannot be written is said once: the
    cache saves time, nothing depends on it.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else cache_dir() / 'frames'
        self._writable = True

    def path(self, key: str) -> Path:
        """Return where the array of a key lies."""
        return self.folder / key[:2] / f'{key}.npz'

    def get(self, key: str) -> np.ndarray | None:
        """Return the array of a key, or None."""
        try:
            with np.load(self.path(key), allow_pickle=False) as file:
                return np.asarray(file['frames'])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log.warning('%s: not readable (%s); made again', self.path(key), error)
            return None

    def put(self, key: str, frames: np.ndarray) -> None:
        """Store an array under its key."""
        if not self._writable:
            return
        path = self.path(key)
        try:
            held = io.BytesIO()
            np.savez_compressed(held, frames=frames)
            write_atomically(path, held.getvalue())
        except OSError as error:
            self._writable = False
            log.warning(
                '%s: cannot keep preprocessed frames there (%s), so they are made anew each time; '
                'set MUJO_CACHE to a folder that can be written',
                self.folder,
                error.strerror or error,
            )
