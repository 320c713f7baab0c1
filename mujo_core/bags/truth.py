"""Ground truth of a recording: who did what when, as a file or as a topic of the bag.

A file (CSV) has the columns ``start,end,label[,subject]``, in seconds from the first header stamp
of the recording, or ``start_stamp,end_stamp,label[,subject]``, in header time.

A topic (std_msgs/String, by default ``/truth``) says from when on a label holds: either as JSON,
``{"stamp": 1700000012.3, "label": "walk"}`` in header time, or as the bare label, which holds from
when the message was recorded. An empty label ends the activity.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mujo_core.labels import merge
from mujo_core.recording import Segment

TOPIC = '/truth'
SUFFIX = '.labels.csv'
RELATIVE, ABSOLUTE = ('start', 'end'), ('start_stamp', 'end_stamp')


@dataclass(frozen=True)
class TruthRow:
    """A row of a truth file: its line, and either a segment (with the subject) or a problem."""

    line: int
    segment: Segment | None
    subject: str = ''
    problem: str = ''


def truth_file(bag: Path) -> Path | None:
    """Return ``BAG.labels.csv`` beside a bag or in it, None where there is none."""
    name = bag.stem if bag.is_file() else bag.name
    places = [bag.parent / f'{name}{SUFFIX}', bag / f'{name}{SUFFIX}']
    return next((place for place in places if place.is_file()), None)


def read_rows(file: Path, start: float) -> Iterator[TruthRow]:
    """Yield the rows of a truth file, what is wrong with a row in its `problem`.

    Args:
        file: the CSV file.
        start: header time that is second 0 of the recording.

    Raises:
        ValueError: the columns are wrong, or it is no text.
    """
    try:
        lines = file.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'{file}: expected CSV text, it is not UTF-8 ({error.reason})') from error
    reader = csv.DictReader(lines)
    there = reader.fieldnames or ()
    columns = set(there)
    first, last = ABSOLUTE if set(ABSOLUTE) <= columns else RELATIVE
    if not {first, last, 'label'} <= columns:
        raise ValueError(
            f'{file}: expected the columns {",".join(RELATIVE)},label[,subject] or '
            f'{",".join(ABSOLUTE)},label[,subject]; {",".join(there)[:80]!r} came'
        )
    zero = start if first == ABSOLUTE[0] else 0.0
    for row in reader:
        try:
            begin, end = float(row[first]) - zero, float(row[last]) - zero
            if not (math.isfinite(begin) and begin < end < math.inf and row['label']):
                raise ValueError('start lies before end, and the label is not empty')
        except (TypeError, ValueError) as error:
            yield TruthRow(reader.line_num, None, problem=str(error))
            continue
        subject = (row.get('subject') or '').strip()
        yield TruthRow(reader.line_num, Segment(merge(row['label']), begin, end), subject)


def read_truth(file: str | Path, start: float) -> list[Segment]:
    """Return the segments of a truth file, in seconds of the recording and in order.

    Raises:
        OSError: it cannot be read.
        ValueError: a row is wrong (the line says which), or there is none.
    """
    segments = []
    for row in read_rows(Path(file), start):
        if row.segment is None:
            raise ValueError(f'{file}, row {row.line}: {row.problem}')
        segments.append(row.segment)
    if not segments:
        raise ValueError(f'{file}: expected at least one row of truth, none came')
    return sorted(segments, key=lambda segment: segment.start)


def truth_of_messages(
    messages: Iterable[tuple[float, str]], start: float, end: float
) -> list[Segment]:
    """Return the segments that the messages of a truth topic make.

    Args:
        messages: (arrival in s, text).
        start, end: of the recording, header time; the segments are in seconds from `start`.

    Raises:
        ValueError: a text is no label and no object with stamp and label.
    """
    changes = sorted(_change(arrival, text) for arrival, text in messages)
    ends = [stamp for stamp, _ in changes[1:]] + [end]
    return [
        Segment(merge(label), stamp - start, until - start)
        for (stamp, label), until in zip(changes, ends, strict=False)
        if label and stamp < until
    ]


def _change(arrival: float, text: str) -> tuple[float, str]:
    if not text.lstrip().startswith('{'):
        return arrival, text.strip()
    try:
        said = json.loads(text)
        return float(said['stamp']), str(said['label'] or '').strip()
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            'expected a truth message as a label or as {"stamp": seconds, "label": name}, '
            f'{text[:80]!r} came'
        ) from error


class TruthLog:
    """Truth while it is said: which label holds from when on, and the rows that come of it."""

    def __init__(self) -> None:
        self.rows: list[Segment] = []
        self._label = ''
        self._since = 0.0

    def say(self, label: str, stamp: float) -> None:
        """From header time `stamp` (s) on this label holds; ``''`` for none."""
        if self._label and stamp > self._since:
            self.rows.append(Segment(self._label, self._since, stamp))
        self._label, self._since = label, stamp

    def write(self, file: str | Path) -> None:
        """Write the rows, in header time."""
        with open(file, 'w', newline='', encoding='utf-8') as lines:
            writer = csv.writer(lines)
            writer.writerow([*ABSOLUTE, 'label'])
            writer.writerows((f'{s.start:.6f}', f'{s.end:.6f}', s.label) for s in self.rows)
