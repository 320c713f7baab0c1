"""Labels that people wrote beside a recording, against the time that it lasts and each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from mujo_core.recording import Segment

log = logging.getLogger(__name__)

_SLACK = 0.5  # seconds by which a hand that labels may be off


def checked_segments(
    labelled: Iterable[tuple[str, Segment]], name: str, start: float, end: float
) -> list[Segment]:
    """Return the labels that a recording can have, in order; what is wrong is named in the log.

    What lies outside is left out, what goes on far beyond an end is cut there, and what is said
    twice counts once. Labels that overlap are both kept: which of them is right cannot be known.

    Args:
        labelled: where a label stands (a file and its row), and the label.
        name: of the recording, which lasts from `start` to `end` (seconds).
    """
    kept: dict[Segment, str] = {}
    for where, segment in labelled:
        if segment.start >= end or segment.end <= start:
            log.warning(
                '%s: %g to %g s lies outside of %s, which lasts from %g to %g s; left out',
                where, segment.start, segment.end, name, start, end,
            )  # fmt: skip
        elif segment in kept:
            log.warning('%s: says the same as %s; counted once', where, kept[segment])
        else:
            kept[segment] = where
    cut = [(where, _within(where, segment, name, start, end)) for segment, where in kept.items()]
    cut.sort(key=lambda pair: pair[1].start)
    lasting = cut[:1]  # of those before, the one that ends last
    for where, segment in cut[1:]:
        ((before, other),) = lasting
        _name_overlap(where, segment, before, other)
        if segment.end > other.end:
            lasting = [(where, segment)]
    return [segment for _, segment in cut]


def _within(where: str, segment: Segment, name: str, start: float, end: float) -> Segment:
    if segment.start >= start - _SLACK and segment.end <= end + _SLACK:
        return segment
    log.warning(
        '%s: %g to %g s goes beyond %s, which lasts from %g to %g s; cut there',
        where, segment.start, segment.end, name, start, end,
    )  # fmt: skip
    return replace(segment, start=max(segment.start, start), end=min(segment.end, end))


def _name_overlap(where: str, segment: Segment, before: str, other: Segment) -> None:
    shared = min(segment.end, other.end) - segment.start
    # Of a short gesture even less than the slack is too much.
    if shared > min(_SLACK, (segment.end - segment.start) / 2, (other.end - other.start) / 2):
        log.warning(
            '%s: %s from %g to %g s overlaps %s from %g to %g s (%s); both are kept',
            where, segment.label, segment.start, segment.end,
            other.label, other.start, other.end, before,
        )  # fmt: skip
