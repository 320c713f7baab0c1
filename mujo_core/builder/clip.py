"""What a build is made of: clips to work on, and what came of each."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

VIDEO, MOTION_CAPTURE = 'video', 'motion_capture'


@dataclass(frozen=True)
class Clip:
    """A stretch of one file that shows one activity; everything the work on it depends on.

    Attributes:
        name: unique within the build; letters, digits, ``_`` and ``-``.
        kind: `VIDEO` or `MOTION_CAPTURE`.
        path: of the file; digest: of its content.
        start, end: seconds in the file; an infinite end is the file's.
        group: clips of one group (a video, a person) stay in one split.
        title: as its source gives it; label, words: what became of it.
        description, captions: sentences about it.
        split: ``'train'`` or ``'validation'``.
        reading: further facts that reading the file takes (of motion capture).
    """

    name: str
    kind: str
    path: str
    digest: str
    start: float
    end: float
    group: str
    title: str
    label: str
    words: str
    description: str = ''
    captions: tuple[str, ...] = ()
    split: str = 'train'
    reading: Mapping[str, str] = field(default_factory=dict)

    def key(self, how: Mapping[str, Any]) -> str:
        """Return what tells this work from any other: a hash of the clip and the settings."""
        facts = {**asdict(self), 'path': self.path.rpartition('/')[2], 'end': repr(self.end)}
        text = json.dumps([facts, how], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Sample:
    """One person in one uncut stretch of a clip.

    Attributes:
        key: unique within the build.
        facts: what its JSON holds.
        arrays: by name, as in a folder of one's own (`mujo_core.datasets.folder`).
        picture: JPEG, or nothing.
    """

    key: str
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    picture: bytes = b''

    def members(self) -> dict[str, bytes]:
        """Return the files that stand for it in a shard, by name."""
        held = io.BytesIO()
        np.savez_compressed(held, **self.arrays)  # type: ignore[arg-type]
        files = {f'{self.key}.json': dump_json(self.facts), f'{self.key}.npz': held.getvalue()}
        if self.picture:
            files[f'{self.key}.jpg'] = self.picture
        return files


@dataclass(frozen=True)
class LeftOut:
    """A stretch that did not become a sample, and why; an end below 0 is that of the file."""

    clip: str
    start: float
    end: float
    reason: str


@dataclass(frozen=True)
class ClipResult:
    """What came of a clip: samples, and stretches that were left out."""

    samples: list[Sample]
    left_out: list[LeftOut]

    def to_bytes(self) -> bytes:
        """Return a tar: ``result.json`` (keys, left out), then the samples' members."""
        head = {
            'samples': [sample.key for sample in self.samples],
            'left_out': [asdict(one) for one in self.left_out],
        }
        files = {'result.json': dump_json(head)}
        for sample in self.samples:
            files.update(sample.members())
        return pack(files)


def dump_json(data: Any) -> bytes:
    """Return JSON whose bytes depend on the data alone."""
    return (json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1) + '\n').encode()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a tar whose bytes depend on names and contents alone."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            add_member(tar, name, content)
    return held.getvalue()


def add_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without owner or time."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(content))


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the files of a tar by name."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
