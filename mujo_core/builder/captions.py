"""Captions of a video: WebVTT and SubRip."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from mujo_core.builder.chapters import seconds

_TIMES = re.compile(r'([\d:.,]+)\s*-->\s*([\d:.,]+)')
_TAG = re.compile(r'<[^>]*>|\{\\[^}]*\}')


@dataclass(frozen=True)
class Caption:
    """A line that is said from `start` to `end`, seconds."""

    start: float
    end: float
    text: str


def read_captions(path: Path) -> list[Caption]:
    """Read a .vtt or .srt file; markup is taken out, and lines that roll on are kept once.

    Raises:
        ValueError: it holds no caption.
    """
    lines = path.read_text(encoding='utf-8-sig', errors='replace').splitlines()
    captions: list[Caption] = []
    said: list[str] = []
    at: tuple[float, float] | None = None
    held: list[str] = []

    def close() -> None:
        if at is None:
            return
        # Automatic captions show each line twice: once as it is said, once above the next.
        fresh = [line for line in held if line not in said]
        said[:] = held or said
        if fresh:
            captions.append(Caption(*at, ' '.join(fresh)))

    for number, line in enumerate(lines):
        found = _TIMES.search(line)
        if found:
            close()
            try:
                at, held = (seconds(found[1]), seconds(found[2])), []
            except ValueError as error:
                raise ValueError(f'{path.name}, row {number + 1}: {error}') from error
        elif at is not None and (text := _plain(line)) and not _is_number(lines, number):
            held.append(text)
    close()
    if not captions:
        raise ValueError(f'{path.name}: expected captions (00:01.000 --> 00:02.000), found none')
    return captions


def between(captions: list[Caption], start: float, end: float) -> tuple[str, ...]:
    """Return what is said in a stretch: captions whose middle lies in it."""
    return tuple(c.text for c in captions if start <= (c.start + c.end) / 2 < end)


def _plain(line: str) -> str:
    return ' '.join(html.unescape(_TAG.sub('', line)).split())


def _is_number(lines: list[str], place: int) -> bool:
    """Is this SubRip's counter, which stands before the times?"""
    following = lines[place + 1] if place + 1 < len(lines) else ''
    return lines[place].strip().isdigit() and bool(_TIMES.search(following))
