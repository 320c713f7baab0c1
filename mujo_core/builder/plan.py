"""Sources to clips: cut, named, labelled, and given to a split."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from mujo_core.builder.captions import between
from mujo_core.builder.chapters import Chapter
from mujo_core.builder.clip import MOTION_CAPTURE, VIDEO, Clip, LeftOut
from mujo_core.builder.settings import CutSettings
from mujo_core.builder.sources import Source, Spare, Unusable, digest
from mujo_core.builder.titles import describe, label_of, words_of
from mujo_core.labels import identifier


@dataclass(frozen=True)
class Plan:
    """What is to be built.

    Attributes:
        clips: in the order in which they stand in the shards.
        left_out: stretches that are not worked on; failures: files that cannot be.
    """

    clips: list[Clip]
    left_out: list[LeftOut]
    failures: list[Unusable]


def make_plan(sources: Iterable[Source | Unusable | Spare], settings: CutSettings) -> Plan:
    """Return the clips of sources.

    Raises:
        ValueError: two clips of one name.
    """
    clips: list[Clip] = []
    left_out: list[LeftOut] = []
    failures: list[Unusable] = []
    for source in sources:
        if isinstance(source, Unusable):
            failures.append(source)
            continue
        if isinstance(source, Spare):
            left_out.append(LeftOut(source.name, 0.0, -1.0, source.reason))
            continue
        try:
            found, not_worked_on = _clips(source, settings)
        except (OSError, ValueError) as error:
            failures.append(Unusable(source.name, str(error).splitlines()[0]))
            continue
        clips += found
        left_out += not_worked_on
    twice = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if twice:
        raise ValueError(f'expected chapters that start apart, two give {twice[0]}')
    return Plan(_with_splits(clips, settings.validation), left_out, failures)


def _clips(source: Source, settings: CutSettings) -> tuple[list[Clip], list[LeftOut]]:
    clips: list[Clip] = []
    left_out: list[LeftOut] = []
    content = digest(source.path)
    stem = identifier(Path(source.name).stem)[:40] or 'file'
    prefix = f'{stem}-{hashlib.sha256(source.name.encode()).hexdigest()[:6]}'
    for chapter in source.chapters:
        # A motion capture label is given, not spoken: nothing is taken out of it.
        words = chapter.title if source.kind == MOTION_CAPTURE else words_of(chapter.title)
        label = label_of(words)
        if source.kind == VIDEO and not label:
            reason = f'no activity in its title ({chapter.title})'
            left_out.append(LeftOut(source.name, chapter.start, _end(chapter.end), reason))
            continue
        for start, end in _pieces(source, chapter, settings):
            clips.append(
                Clip(
                    name=f'{prefix}-{round(1000 * start):08d}',
                    kind=source.kind,
                    path=str(source.path.resolve()),
                    digest=content,
                    start=start,
                    end=end,
                    group=source.group,
                    title=chapter.title,
                    label=label,
                    words=words.replace('_', ' '),
                    description=describe(label, words.replace('_', ' ')) if label else '',
                    captions=between(source.captions, start, end),
                    split=source.split,
                    reading=source.reading,
                )
            )
    return clips, left_out


def _end(end: float) -> float:
    return end if math.isfinite(end) else -1.0


def _pieces(
    source: Source, chapter: Chapter, settings: CutSettings
) -> Sequence[tuple[float, float]]:
    """Cut a chapter into equal parts no longer than a clip may be."""
    if source.kind == MOTION_CAPTURE:
        return [(chapter.start, chapter.end)]
    end = min(chapter.end, _length(source.path))
    if end <= chapter.start:
        raise ValueError(
            f'chapter {chapter.title!r} starts at {chapter.start:g} s, the video ends at {end:g} s'
        )
    count = math.ceil((end - chapter.start) / settings.longest)
    step = (end - chapter.start) / count
    edges = [round(chapter.start + place * step, 3) for place in range(count)] + [round(end, 3)]
    return list(pairwise(edges))


def _length(path: Path) -> float:
    from mujo_core.builder.pictures import video_seconds

    return video_seconds(path)


def _with_splits(clips: list[Clip], share: float) -> list[Clip]:
    """Give each group to a split by a hash of its name, where its source says none."""
    chosen = {clip.group: _chance(clip.group) < share for clip in clips if not clip.split}
    if chosen and all(chosen.values()) and all(not clip.split for clip in clips):
        chosen = dict.fromkeys(chosen, False)
    return [
        clip if clip.split else replace(clip, split='validation' if chosen[clip.group] else 'train')
        for clip in clips
    ]


def _chance(group: str) -> float:
    return int(hashlib.sha256(group.encode()).hexdigest()[:12], 16) / 16**12
