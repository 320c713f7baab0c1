"""Clips that stay on disk until a window is drawn from them, and a bounded number in memory.

A stored clip stands where a clip does: its label and the names of its streams are known, its
samples are read when they are asked for. What is read does not depend on what is kept, so that a
run that is killed, or has another cache, draws the same windows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mujo_core.recording import Recording, Stream
from mujo_core.training.clip import Clip

Cut = Callable[[Recording], Clip]
"""Makes one of a recording's clips."""


class ClipCache:
    """The clips that were used last, up to a number of bytes; each process has its own.

    Attributes:
        read: clips that were read from disk.
        held: bytes in memory; most: the most there ever were.
    """

    def __init__(self, megabytes: float) -> None:
        if not megabytes > 0:
            raise ValueError(f'expected --data.cache_megabytes above 0, {megabytes:g} came')
        self.limit = int(megabytes * 2**20)
        self.read = 0
        self.held = self.most = 0
        self._clips: OrderedDict[str, tuple[Clip, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clips)

    def get(self, key: str, read: Callable[[], Clip]) -> Clip:
        """Return a clip, read where it is not kept."""
        if key in self._clips:
            self._clips.move_to_end(key)
            return self._clips[key][0]
        clip = read()
        self.read += 1
        size = sum(s.values.nbytes + s.stamps.nbytes for s in _streams(clip))
        # Room first, so that the bound holds also while the clip comes in.
        while self._clips and self.held + size > self.limit:
            self.held -= self._clips.popitem(last=False)[1][1]
        if size <= self.limit:
            self._clips[key] = clip, size
            self.held += size
            self.most = max(self.most, self.held)
        return clip


@dataclass(frozen=True)
class StoredClip:
    """A clip whose samples are on disk (see `Clip` for what is the same).

    Attributes:
        digest: of the recording, and which of its clips.
        outline: the clip with empty streams, after all changes.
        again: reads the recording; cut: makes the clip of it; changes: made to it then, in order.
        cache: where it is kept a while.
    """

    digest: str
    outline: Clip
    again: Callable[[], Recording]
    cut: Cut
    cache: ClipCache
    changes: tuple[Callable[[Clip], Clip], ...] = ()

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
            OSError: the file is gone, or another by now.
        """
        return self.cache.get(f'{self.digest} {len(self.changes)}', self._read)

    def _read(self) -> Clip:
        clip = _own(self.cut(self.again()))
        for change in self.changes:
            clip = change(clip)
        return clip

    def changed(self, change: Callable[[Clip], Clip]) -> StoredClip:
        """Return the clip that is changed each time it is read."""
        outline = _shared(change(self.outline))
        return replace(self, outline=outline, changes=(*self.changes, change))


AnyClip = Clip | StoredClip


def store(
    clip: Clip, digest: str, again: Callable[[], Recording], cut: Cut, cache: ClipCache
) -> StoredClip:
    """Return a clip without its samples, which `cut` makes of what `again` reads."""
    return StoredClip(digest, _shared(clip), again, cut, cache)


def _streams(clip: Clip) -> list[Stream]:
    return [*clip.streams.values(), *clip.virtual.values()]


def _own(clip: Clip) -> Clip:
    """Return a clip that does not hold on to the recording that it is a part of."""
    copied = [
        {name: replace(s, stamps=np.array(s.stamps), values=np.array(s.values))
         for name, s in streams.items()}
        for streams in (clip.streams, clip.virtual)
    ]  # fmt: skip
    return replace(clip, streams=copied[0], virtual=copied[1])


def _shared(clip: Clip) -> Clip:
    """Return a clip's outline, the same object for all that are alike: there may be millions."""
    names = tuple(clip.streams), tuple(clip.virtual)
    return _outline(clip.label, clip.subject, clip.rests, clip.dataset, *names)


@cache
def _outline(
    label: str,
    subject: str,
    rests: bool,
    dataset: str,
    streams: tuple[str, ...],
    virtual: tuple[str, ...],
) -> Clip:
    empty = Stream(np.zeros(0), np.zeros((0, 6), np.float32))
    named, made = dict.fromkeys(streams, empty), dict.fromkeys(virtual, empty)
    return Clip(label, subject, named, made, rests, dataset)
