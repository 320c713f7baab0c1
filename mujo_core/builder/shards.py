"""Results to WebDataset shards whose bytes depend on the samples and their order alone."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mujo_core.builder.clip import add_member, unpack
from mujo_core.builder.settings import ShardSettings

SPLITS = ('train', 'validation')
PATTERN = 'fimad-*.tar'


@dataclass(frozen=True)
class Shard:
    """A finished shard: its file's name, SHA-256, bytes and samples."""

    name: str
    sha256: str
    bytes: int
    samples: int
    split: str


@dataclass(frozen=True)
class Stored:
    """A sample as it stands in a shard: its facts, and its files by extension."""

    facts: dict[str, Any]
    files: dict[str, bytes]
    key: str


def read_result(content: bytes) -> tuple[list[Stored], list[dict[str, Any]]]:
    """Return the samples of a clip's result, and what was left out of it."""
    files = unpack(content)
    head = json.loads(files['result.json'])
    samples = []
    for key in head['samples']:
        own = {name[len(key) + 1 :]: files[name] for name in files if name.startswith(f'{key}.')}
        samples.append(Stored(json.loads(own['json']), own, key))
    return samples, head['left_out']


class ShardWriter:
    """Writes the samples of one split, in the order in which they are given.

    A shard appears under its name when it is whole.
    """

    def __init__(self, folder: Path, split: str, settings: ShardSettings) -> None:
        self._folder, self._split, self._settings = folder, split, settings
        self.shards: list[Shard] = []
        self._tar: tarfile.TarFile | None = None
        self._samples = 0
        self._bytes = 0

    def add(self, sample: Stored) -> None:
        """Append a sample."""
        size = sum(len(content) for content in sample.files.values())
        full = self._bytes + size > self._settings.megabytes << 20
        if self._samples and (full or self._samples >= self._settings.clips):
            self.close()
        if self._tar is None:
            self._tar = tarfile.TarFile(self._working, 'w', format=tarfile.USTAR_FORMAT)
        for extension in sorted(sample.files):
            add_member(self._tar, f'{sample.key}.{extension}', sample.files[extension])
        self._samples += 1
        self._bytes += size

    def close(self) -> None:
        """Finish the shard at hand."""
        if self._tar is None:
            return
        self._tar.close()
        with self._working.open('r+b') as file:
            os.fsync(file.fileno())
        name = f'fimad-{self._split}-{len(self.shards):06d}.tar'
        self.shards.append(
            Shard(name, sha256(self._working), self._working.stat().st_size, self._samples,
                  self._split)
        )  # fmt: skip
        os.replace(self._working, self._folder / name)
        self._tar, self._samples, self._bytes = None, 0, 0

    @property
    def _working(self) -> Path:
        return self._folder / f'.fimad-{self._split}.part'


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    found = hashlib.sha256()
    with path.open('rb') as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()
