"""Preprocessed frames on disk, by the content they were made from and how."""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return ``$MUJO_CACHE``, else ``mujo`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if os.environ.get('MUJO_CACHE'):
        return Path(os.environ['MUJO_CACHE'])
    base = os.environ.get('XDG_CACHE_HOME')
    return (Path(base) if base else Path.home() / '.cache') / 'mujo'


class FrameCache:
    """Arrays by key, one compressed file each; a file appears whole or not at all.

    What cannot be read is as if it were not there, and what cannot be written is said once: the
    cache saves time, nothing depends on it.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else cache_folder() / 'frames'
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
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=path.parent, suffix='.part')
            try:
                with os.fdopen(handle, 'wb') as file:
                    np.savez_compressed(file, frames=frames)
                os.replace(draft, path)
            except OSError:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            self._writable = False
            log.warning(
                '%s: cannot keep preprocessed frames there (%s), so they are made anew each time; '
                'set MUJO_CACHE to a folder that can be written',
                self.folder,
                error.strerror or error,
            )
