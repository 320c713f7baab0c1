"""What is shown when in a video: yt-dlp's info files, CSV files, or the file's name."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = ('start', 'end', 'title')


@dataclass(frozen=True)
class Chapter:
    """A titled stretch of a video, seconds; an infinite end is the video's."""

    start: float
    end: float
    title: str


def read_info(path: Path) -> tuple[list[Chapter], dict[str, Any]]:
    """Read yt-dlp's ``*.info.json``: its chapters, and all of it.

    A video without chapters is one chapter with the video's title.

    Raises:
        ValueError: no such file; the line names it.
    """
    try:
        info = json.loads(path.read_text(encoding='utf-8-sig'))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'{path.name}: expected JSON of yt-dlp, {error}') from error
    if not isinstance(info, dict):
        raise ValueError(f'{path.name}: expected a mapping as yt-dlp writes it, came {type(info)}')
    entries = info.get('chapters') or []
    if not isinstance(entries, list):
        raise ValueError(f'{path.name}: expected chapters as a list, {entries!r:.60} came')
    chapters = []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise ValueError(f'{path.name}, chapter {number}: expected a mapping, {entry!r:.60}')
        end = entry.get('end_time')
        chapters.append(
            _chapter(
                f'{path.name}, chapter {number}',
                entry.get('start_time'),
                math.inf if end is None else end,
                str(entry.get('title') or ''),
            )
        )
    if not chapters and info.get('title'):
        chapters = [Chapter(0.0, math.inf, str(info['title']))]
    return chapters, info


def read_chapters(path: Path) -> list[Chapter]:
    """Read a CSV file with the columns start, end, title; an empty end is the next start.

    Times are seconds, or ``[h:]m:s``.

    Raises:
        ValueError: a column is missing or a row makes no sense; the line names file and row.
    """
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f'{path.name}: expected the columns {",".join(COLUMNS)}; '
                f'{", ".join(missing)} is missing'
            )
        rows = [(reader.line_num, row) for row in reader]
    starts = [(row['start'] or '').strip() for _, row in rows] + ['']
    chapters = []
    for (number, row), following in zip(rows, starts[1:], strict=True):
        end = (row['end'] or '').strip() or following or 'inf'
        chapters.append(
            _chapter(f'{path.name}, row {number}', row['start'], end, row['title'] or '')
        )
    return chapters


def seconds(text: object) -> float:
    """Return seconds of a number or of ``[h:]m:s``; ValueError where it is neither."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    parts = str(text).strip().replace(',', '.').split(':')
    if not 1 <= len(parts) <= 3:
        raise ValueError(f'expected seconds or h:m:s, {text!r} came')
    try:
        return sum(float(part) * 60.0**place for place, part in enumerate(reversed(parts)))
    except ValueError as error:
        raise ValueError(f'expected seconds or h:m:s, {text!r} came') from error


def _chapter(where: str, start: object, end: object, title: str) -> Chapter:
    try:
        chapter = Chapter(seconds(start), seconds(end), title.strip())
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    if not 0.0 <= chapter.start < chapter.end or not chapter.title:
        raise ValueError(
            f'{where}: expected 0 <= start < end and a title, {start!r}, {end!r}, {title!r} came'
        )
    return chapter
