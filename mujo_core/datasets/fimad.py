"""What `mujo build` wrote: shards of parallel pose, virtual IMU, frames and text.

    build.json               shards with their checksums, and how they were made
    labels.yaml              label: {description, synonyms, prompts}
    fimad-SPLIT-NNNNNN.tar   WebDataset: KEY.json, KEY.npz (arrays as in `folder`), KEY.jpg

A shard whose checksum is not that of the index, and a sample that does not fit the schema, is
named in the log and left out; the rest loads.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mujo_core.datasets._archive import read_arrays
from mujo_core.datasets._streams import streams_of
from mujo_core.datasets.dataset import DataSet, Splits
from mujo_core.labels import Label, load_labels
from mujo_core.recording import Recording, Segment

log = logging.getLogger(__name__)

INDEX = 'build.json'
FORMAT = 1
_BLOCK = 2**20
_TEXTS = ('group', 'split', 'label', 'words', 'description')


def load_fimad(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a sample, shard by shard.

    Raises:
        OSError: there is no finished build in the folder.
        ValueError: it is of another format.
    """
    root = Path(root)
    return _load(root, read_index(root))


def read_index(root: Path) -> dict[str, Any]:
    """Return what ``build.json`` holds (see `load_fimad` for what is raised)."""
    path = root / INDEX
    if not path.is_file():
        raise FileNotFoundError(
            f'expected {INDEX} in {root}, there is none; give the folder of a finished `mujo build`'
        )
    try:
        index = json.loads(path.read_bytes())
        shards = [(str(s['name']), str(s['sha256'])) for s in index['shards']]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f'{path}: expected the index of a build ({error!r})') from error
    if index.get('format') != FORMAT:
        raise ValueError(
            f'{path}: expected format {FORMAT}, {index.get("format")!r} came; build it again'
        )
    for name, _ in shards:
        if Path(name).name != name:
            raise ValueError(f'{path}: expected shards in this folder, {name!r} came')
    return dict(index)


def _load(root: Path, index: dict[str, Any]) -> Iterator[Recording]:
    for shard in index['shards']:
        path = root / shard['name']
        try:
            found = _checksum(path)
        except OSError as error:
            log.warning('%s: %s; left out', shard['name'], error.strerror or error)
            continue
        if found != shard['sha256']:
            log.warning(
                '%s: expected %d bytes with the checksum of %s, others came; left out, '
                'get the shard again', shard['name'], shard['bytes'], INDEX,
            )  # fmt: skip
            continue
        for key, files in _samples(path):
            if recording := _read(f'{path.name}, {key}', key, files):
                yield recording


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _samples(shard: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the key of every sample of a shard, and its files by what they hold."""
    key = ''
    files: dict[str, bytes] = {}
    with tarfile.open(shard, 'r:') as tar:
        for member in tar:
            # A tar keeps its members; of a large shard they are many.
            tar.members = []  # type: ignore[attr-defined]
            stem, _, extension = member.name.partition('.')
            if stem != key and files:
                yield key, files
                files = {}
            key = stem
            if extension in ('json', 'npz') and (content := tar.extractfile(member)):
                files[extension] = content.read()
    if files:
        yield key, files


def _read(where: str, key: str, files: dict[str, bytes]) -> Recording | None:
    try:
        facts = _facts(files)
        streams = streams_of(read_arrays(io.BytesIO(files['npz'])), where, {})
    except (KeyError, ValueError) as error:
        log.warning('%s: %s; left out', where, error)
        return None
    if not streams:
        return None
    recording = Recording(key, 'fimad', f'{facts["group"]}/{facts["person"]}', streams)
    if facts['label']:
        recording.segments.append(Segment(facts['label'], recording.start, recording.end))
    return recording


def _facts(files: dict[str, bytes]) -> dict[str, Any]:
    """Return a sample's facts; ValueError where they do not fit the schema."""
    if set(files) != {'json', 'npz'}:
        raise ValueError(f'expected a json and an npz, {", ".join(files)} came')
    facts = json.loads(files['json'])
    if not isinstance(facts, dict) or facts.get('format') != FORMAT:
        raise ValueError(f'expected facts of format {FORMAT}, {facts!r:.60} came')
    for name in _TEXTS:
        if not isinstance(facts.get(name), str):
            raise ValueError(f'expected {name} as text, {facts.get(name)!r:.60} came')
    if not isinstance(facts.get('person'), int):
        raise ValueError(f'expected the number of a person, {facts.get("person")!r:.60} came')
    return facts


def read_labels(root: str | Path) -> dict[str, Label]:
    """Return the labels of a build with what their titles and descriptions say."""
    path = Path(root) / 'labels.yaml'
    return load_labels(path) if path.is_file() and path.stat().st_size > 3 else {}


def read_splits(root: str | Path) -> Splits:
    """Return the splits of a build; a sample's name begins with that of its split."""
    index = read_index(Path(root))
    return {s: (f'{s}-*',) for s in dict.fromkeys(shard['split'] for shard in index['shards'])}


DATASET = DataSet(
    name='fimad',
    load=load_fimad,
    title='what `mujo build` made from videos and motion capture',
    citation='the terms of the sources it was built from',
    virtual_imu=True,
    read_labels=read_labels,
    read_splits=read_splits,
)
