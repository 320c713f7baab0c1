"""What is in a folder, or in a manifest: videos and motion capture with what is said of them.

    NAME.mp4 (.mkv .webm .mov .avi .m4v)   a video, with beside it, all optional:
    NAME.info.json                         chapters and title as yt-dlp writes them
    NAME.chapters.csv                      start,end,title; goes before the info file
    NAME[.en].vtt or .srt                  captions
    NAME.bvh, NAME.amc + SKELETON.asf, NAME.c3d   motion capture
    labels.csv                             file,label[,subject] of motion capture
    sources.csv                            instead of looking: file[,title][,group][,split]

A file of which nothing is said is titled by its name.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mujo_core.builder.captions import Caption, read_captions
from mujo_core.builder.chapters import Chapter, read_chapters, read_info
from mujo_core.builder.clip import MOTION_CAPTURE, VIDEO

VIDEOS = ('.mp4', '.mkv', '.webm', '.mov', '.avi', '.m4v')
MOTIONS = ('.bvh', '.amc', '.c3d')
MANIFEST = 'sources.csv'
LABELS = 'labels.csv'
SPLITS = ('', 'train', 'validation')
_ENDS = 1 << 20  # bytes at each end of a file that its digest sees


@dataclass(frozen=True)
class Source:
    """A file and what is said of it.

    Attributes:
        path: of the file; name: relative to the folder that is built.
        group: clips of a group stay in one split.
        chapters: in order of time; captions: all of the file.
        split: where the manifest says one.
        reading: further facts that reading the file takes.
    """

    path: Path
    name: str
    kind: str
    group: str
    chapters: list[Chapter]
    captions: list[Caption] = field(default_factory=list)
    split: str = ''
    reading: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unusable:
    """A file that cannot be built from, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Spare:
    """A file that is passed over, and why."""

    name: str
    reason: str


def find_sources(where: str | Path) -> Iterator[Source | Unusable | Spare]:
    """Yield what a folder or a manifest holds, in the order of names.

    Raises:
        OSError: there is no such folder or file.
        ValueError: a manifest lacks a column.
    """
    where = Path(where)
    if where.is_file():
        root, rows = where.parent, _manifest(where)
    elif where.is_dir():
        root = where
        rows = _manifest(root / MANIFEST) if (root / MANIFEST).is_file() else _listing(root)
    else:
        raise FileNotFoundError(f'expected a folder of videos or a manifest, {where} is neither')
    labels = _Labels(root)
    taken: set[str] = set()
    for row in rows:
        name = row['file']
        if name in taken:
            yield Unusable(name, 'listed twice; the first is taken')
            continue
        taken.add(name)
        try:
            source = _source(root, row, labels)
        except (OSError, ValueError) as error:
            yield Unusable(name, str(error).splitlines()[0])
            continue
        yield source


def digest(path: Path) -> str:
    """Return a hash of a file's size and its first and last MiB."""
    size = path.stat().st_size
    found = hashlib.sha256(str(size).encode())
    with path.open('rb') as file:
        found.update(file.read(_ENDS))
        file.seek(max(size - _ENDS, 0))
        found.update(file.read(_ENDS))
    return found.hexdigest()


def _listing(root: Path) -> list[dict[str, str]]:
    names = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob('*')
        if path.suffix.lower() in (*VIDEOS, *MOTIONS) and path.is_file()
    )
    if not names:
        raise FileNotFoundError(
            f'expected videos ({", ".join(VIDEOS)}) or motion capture ({", ".join(MOTIONS)}) in '
            f'{root}, there are none'
        )
    return [{'file': name} for name in names]


def _manifest(path: Path) -> list[dict[str, str]]:
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        if 'file' not in (reader.fieldnames or ()):
            raise ValueError(
                f'{path}: expected the columns file[,title][,group][,split]; file is missing'
            )
        rows = [{k: (v or '').strip() for k, v in row.items() if k} for row in reader]
    return [row for row in rows if row['file']]


def _source(root: Path, row: Mapping[str, str], labels: _Labels) -> Source | Spare:
    name = row['file']
    path = root / name
    if not path.is_file():
        raise FileNotFoundError('no such file')
    if (split := row.get('split', '')) not in SPLITS:
        raise ValueError(f'expected a split out of train, validation or none, {split!r} came')
    suffix = path.suffix.lower()
    if suffix in VIDEOS:
        source = _video(path, name)
    elif suffix in MOTIONS:
        found = _motion(path, name, labels)
        if isinstance(found, Spare):
            return found
        source = found
    else:
        raise ValueError(f'expected one of {", ".join((*VIDEOS, *MOTIONS))}, {suffix!r} came')
    if row.get('title'):
        source = replace(source, chapters=[Chapter(0.0, math.inf, row['title'])])
    return replace(source, split=split, group=row.get('group') or source.group)


def _video(path: Path, name: str) -> Source:
    stem = path.with_suffix('')
    chapters: list[Chapter] = []
    group = name
    info = stem.with_name(f'{stem.name}.info.json')
    if info.is_file():
        chapters, facts = read_info(info)
        # One video, downloaded twice, stays in one split.
        group = str(facts.get('id') or name)
    table = stem.with_name(f'{stem.name}.chapters.csv')
    if table.is_file():
        chapters = read_chapters(table)
    if not chapters:
        chapters = [Chapter(0.0, math.inf, _title(path.stem))]
    captions: list[Caption] = []
    for suffix in ('vtt', 'srt'):
        exact = stem.with_name(f'{stem.name}.{suffix}')
        spoken = [p for p in sorted(path.parent.glob(f'*.{suffix}'))
                  if p.name.startswith(f'{stem.name}.') and p != exact]  # fmt: skip
        for file in ([exact] if exact.is_file() else []) + spoken:
            captions = captions or read_captions(file)
    return Source(path, name, VIDEO, group, sorted(chapters, key=lambda c: c.start), captions)


def _motion(path: Path, name: str, labels: _Labels) -> Source | Spare:
    known = labels.of(path)
    if known is None:
        chapters = [Chapter(0.0, math.inf, _title(path.stem))]
        return Source(path, name, MOTION_CAPTURE, name, chapters)
    if known.instead:
        return Spare(name, f'the same trial as {known.instead}, in another format')
    chapters = [Chapter(0.0, math.inf, known.label)]
    group = f'{Path(name).parent.as_posix()}/{known.subject}' if known.subject else name
    return Source(path, name, MOTION_CAPTURE, group, chapters, reading=known.reading)


def _title(stem: str) -> str:
    return stem.replace('_', ' ').replace('.', ' ')


@dataclass(frozen=True)
class _Known:
    label: str
    subject: str
    reading: Mapping[str, str] = field(default_factory=dict)
    instead: str = ''


class _Labels:
    """The ``labels.csv`` beside motion capture; CMU's has a trial's formats in several rows."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tables: dict[Path, dict[str, _Known]] = {}

    def of(self, path: Path) -> _Known | None:
        folder = path.parent
        if folder not in self._tables:
            self._tables[folder] = self._read(folder / LABELS)
        return self._tables[folder].get(path.name)

    def _read(self, path: Path) -> dict[str, _Known]:
        if not path.is_file():
            return {}
        with path.open(newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            if missing := sorted({'file', 'label'} - columns):
                raise ValueError(
                    f'{path}: expected the columns file,label[,subject]; '
                    f'{", ".join(missing)} is missing'
                )
            rows = [{k: (v or '').strip() for k, v in row.items() if k} for row in reader]
        if {'step', 'tpose_first_frame'} <= columns:
            return _cmu_trials(rows)
        return {r['file']: _Known(r['label'], r.get('subject', '')) for r in rows}


def _cmu_trials(rows: list[dict[str, str]]) -> dict[str, _Known]:
    from mujo_core.datasets.cmu_mocap import trial_label, trials_of

    table = {}
    for formats in trials_of(rows).values():
        first, subject = formats[0], formats[0]['subject'] or formats[0]['file'].split('_')[0]
        reading = {r['file']: f'{r["step"]} {r["tpose_first_frame"]}' for r in formats}
        table[first['file']] = _Known(trial_label(first['label']), subject, reading)
        for other in formats[1:]:
            table[other['file']] = _Known('', subject, instead=first['file'])
    return table
