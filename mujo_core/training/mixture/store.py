"""Clips whose samples lie in one flat file, mapped wherever a window is drawn.

The file is written once, clip after clip; neither the process that trains nor those that load hold
its samples, and a clip is handed from one to the other as a path and a place in it. It lies in a
temporary folder (TMPDIR) and goes with the process that wrote it; of one that was killed the next
one removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mujo_core.recording import Stream
from mujo_core.training.clip import Clip

_PREFIX = 'mujo-packed-'
_ALIGN = 8
"""Bytes: every array begins at a multiple, so that it can be read as it lies."""


class Samples:
    """A file of arrays, mapped in each process when it is first read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes: np.ndarray | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _samples, (self.path,)

    def at(self, offset: int, like: np.ndarray, count: int) -> tuple[np.ndarray, int]:
        """Return `count` rows of the dtype and shape of `like`, read only, and where they end.

        Raises:
            OSError: the file is gone.
        """
        if self._bytes is None:
            self._bytes = np.memmap(self.path, np.uint8, 'r').view(np.ndarray)
        size = count * like.dtype.itemsize * int(np.prod(like.shape[1:], dtype=int))
        rows = self._bytes[offset : offset + size].view(like.dtype)
        return rows.reshape(count, *like.shape[1:]), _aligned(offset + size)


@cache
def _samples(path: Path) -> Samples:
    return Samples(path)


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


@dataclass(frozen=True, slots=True)
class PackedClip:
    """A clip whose samples are in a file (see `Clip` for what is the same).

    Attributes:
        samples: the file; offset: bytes, where those of this clip begin.
        counts: of the samples of each of its streams, and then of the simulated ones.
        packed: the clip as it lies there, with empty streams; outline: after all changes.
        digest: of the samples.
        kept: streams of images, which stay in files of their own.
        changes: made to the clip when it is read, in order.
        active: as the clip has it.
    """

    samples: Samples
    offset: int
    counts: tuple[int, ...]
    packed: Clip
    outline: Clip
    digest: str
    kept: tuple[tuple[str, Stream], ...] = ()
    changes: tuple[Callable[[Clip], Clip], ...] = ()
    active: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """Its label."""
        return self.outline.label

    @property
    def subject(self) -> str:
        """Who it is of."""
        return self.outline.subject

    @property
    def dataset(self) -> str:
        """Where it is from."""
        return self.outline.dataset

    @property
    def rests(self) -> bool:
        """Whether the person is still at its start and end."""
        return self.outline.rests

    def load(self) -> Clip:
        """Return the clip with its samples.

        Raises:
            OSError: the file is gone.
        """
        found: list[dict[str, Stream]] = []
        offset, counts = self.offset, iter(self.counts)
        for streams in (self.packed.streams, self.packed.virtual):
            found.append({})
            for name, stream in streams.items():
                count = next(counts)
                stamps, offset = self.samples.at(offset, stream.stamps, count)
                values, offset = self.samples.at(offset, stream.values, count)
                found[-1][name] = replace(stream, stamps=stamps, values=values)
        clip = replace(
            self.packed, streams={**found[0], **dict(self.kept)}, virtual=found[1],
            active=self.active,
        )  # fmt: skip
        for change in self.changes:
            clip = change(clip)
        return clip

    def changed(self, change: Callable[[Clip], Clip]) -> PackedClip:
        """Return the clip that is changed each time it is read."""
        outline = _outline(change(self.outline))
        return replace(self, outline=outline, changes=(*self.changes, change))


AnyClip = Clip | PackedClip


class Packer:
    """Writes clips to a file of its own.

    Attributes:
        size: bytes written.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._samples = Samples(folder / 'samples')
        self._file = _locked(folder / 'begun')
        # Only what is locked has this name, so that nobody takes it for abandoned.
        (folder / 'begun').rename(self._samples.path)
        weakref.finalize(self._samples, _remove, folder, self._file, os.getpid())
        self.size = 0

    def __enter__(self) -> Packer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()

    def add(self, clip: Clip) -> PackedClip:
        """Write a clip's samples; it can be read when the packer is closed."""
        kept = tuple(
            (name, s) for name, s in clip.streams.items() if not isinstance(s.values, np.ndarray)
        )
        apart = dict(kept)
        packed = replace(clip, streams={n: s for n, s in clip.streams.items() if n not in apart})
        start = self.size
        streams = [*packed.streams.values(), *packed.virtual.values()]
        for stream in streams:
            for array in (stream.stamps, stream.values):
                content = np.ascontiguousarray(array).tobytes()
                content += bytes(_aligned(len(content)) - len(content))
                self.size += self._file.write(content)
        counts = tuple(len(stream) for stream in streams)
        return PackedClip(
            self._samples, start, counts, _outline(packed), _outline(clip), clip.digest, kept,
            active=clip.active,
        )  # fmt: skip


def _locked(path: Path) -> BinaryIO:
    """Open a file that stays locked while it is open; BlockingIOError where another has it."""
    file = path.open('ab')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _remove(folder: Path, file: BinaryIO, writer: int) -> None:
    """Remove a packer's folder, in the process that made it and not in one forked from it."""
    if os.getpid() == writer:
        shutil.rmtree(folder, ignore_errors=True)
        file.close()


def _remove_abandoned() -> None:
    """Remove what processes that were killed have left, which is what nobody has locked."""
    for samples in Path(tempfile.gettempdir()).glob(f'{_PREFIX}*/samples'):
        try:
            _locked(samples).close()
        except OSError:
            continue
        shutil.rmtree(samples.parent, ignore_errors=True)


def _outline(clip: Clip) -> Clip:
    """Return a clip without its samples, the same object for all that are alike."""
    kinds = tuple(
        tuple((name, *_kind(s)) for name, s in streams.items())
        for streams in (clip.streams, clip.virtual)
    )
    return _empty(clip.label, clip.subject, clip.rests, clip.dataset, *kinds)


_Kind = tuple[str, str, str, tuple[int, ...], str | None, tuple[float, float, float] | None]


def _kind(stream: Stream) -> tuple[Any, ...]:
    values = stream.values if isinstance(stream.values, np.ndarray) else np.zeros((0, 1))
    up = None if stream.up is None else tuple(stream.up)
    return stream.stamps.dtype.str, values.dtype.str, values.shape[1:], stream.layout, up


@cache
def _empty(
    label: str,
    subject: str,
    rests: bool,
    dataset: str,
    streams: tuple[_Kind, ...],
    virtual: tuple[_Kind, ...],
) -> Clip:
    made = [
        {
            name: Stream(np.zeros(0, stamps), np.zeros((0, *shape), values), layout, up)
            for name, stamps, values, shape, layout, up in kinds
        }
        for kinds in (streams, virtual)
    ]
    return Clip(label, subject, made[0], made[1], rests, dataset)
