"""A folder of one's own: a manifest, and a file or some for each recording.

    manifest.csv             recording,subject,label,start,end[,split]; a row an activity, start and
                             end in seconds, empty for all of the recording
    labels.yaml              optional: label: {description, synonyms, prompts}
    layout.yaml              optional: a sensor's own joints, see `_layouts.py`
    REC.npz                  skeleton/t (T,) s, skeleton/xyz (T, J, 3) m, skeleton/layout (a name);
                             imu/PLACEMENT/t, acc (T, 3) m/s^2 with gravity, gyro (T, 3) rad/s
    REC.skeleton.csv         '# layout=kinect20', then t,JOINT_x,JOINT_y,JOINT_z,...[,JOINT_v]
    REC.imu.PLACEMENT.csv    t,ax,ay,az,gx,gy,gz
    REC.mp4                  a video; its time 0 is the recording's

What is wrong is named in the log by file and row and left out; the rest loads.
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mujo_core.datasets._layouts import OwnLayout, read_layouts
from mujo_core.datasets._segments import checked_segments
from mujo_core.datasets._streams import read_streams
from mujo_core.datasets.dataset import DataSet, Splits
from mujo_core.labels import Label, identifier, load_labels, merge
from mujo_core.recording import Recording, Segment

log = logging.getLogger(__name__)

MANIFEST = 'manifest.csv'
COLUMNS = ('recording', 'subject', 'label', 'start', 'end')


@dataclass(frozen=True)
class Row:
    """A row of the manifest: its place in the file (1 is the header), and its fields.

    `start` and `end` are None where the activity fills the recording; `label` is empty where
    nothing is known of it.
    """

    number: int
    recording: str
    subject: str
    label: str
    start: float | None
    end: float | None
    split: str


def read_manifest(root: str | Path) -> list[Row]:
    """Return the rows of a folder's manifest that make sense; the others are named in the log.

    Raises:
        FileNotFoundError: there is no manifest.
        ValueError: it lacks a column, or lists nothing.
    """
    path = Path(root) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f'expected {MANIFEST} in {root}, there is none; it has the columns '
            f'{",".join(COLUMNS)}[,split]'
        )
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        there = reader.fieldnames or ()
        missing = [name for name in COLUMNS if name not in there]
        if missing:
            raise ValueError(
                f'{path}: expected the columns {",".join(COLUMNS)}[,split]; '
                f'{", ".join(missing)} is missing, {",".join(there)[:80]!r} came'
            )
        found = [(reader.line_num, raw) for raw in reader]
    if not found:
        raise ValueError(
            f'{path} lists no recording: expected a row an activity below {",".join(there)[:80]!r}'
        )
    return [row for number, raw in found if (row := _row(path, number, raw)) is not None]


def _row(path: Path, number: int, raw: dict[str, str | None]) -> Row | None:
    fields = {name: (raw.get(name) or '').strip() for name in (*COLUMNS, 'split')}
    where = f'{path.name}, row {number}'
    if not fields['recording'] or not fields['subject']:
        log.warning('%s: expected a recording and a subject, one is empty; left out', where)
        return None
    if Path(fields['recording']).name != fields['recording']:
        log.warning('%s: expected a recording in this folder, %r came; left out', where,
                    fields['recording'])  # fmt: skip
        return None
    try:
        start, end = (float(fields[key]) if fields[key] else None for key in ('start', 'end'))
    except ValueError as error:
        log.warning('%s: start and end are seconds (%s); left out', where, error)
        return None
    if not all(math.isfinite(second) for second in (start, end) if second is not None):
        log.warning('%s: start and end are seconds, %s to %s came; left out', where,
                    fields['start'], fields['end'])  # fmt: skip
        return None
    if start is not None and end is not None and not start < end:
        log.warning('%s: expected start before end, %g to %g came; left out', where, start, end)
        return None
    return Row(number, fields['recording'], fields['subject'], fields['label'], start, end,
               fields['split'])  # fmt: skip


def own_labels(root: str | Path) -> dict[str, Label]:
    """Return the labels that a folder describes itself; none where it has no ``labels.yaml``."""
    path = Path(root) / 'labels.yaml'
    return load_labels(path) if path.is_file() else {}


def own_splits(root: str | Path) -> Splits:
    """Return the splits of a folder's manifest: name to recordings."""
    splits: dict[str, list[str]] = {}
    for row in read_manifest(root):
        if row.split and row.recording not in splits.setdefault(row.split, []):
            splits[row.split].append(row.recording)
    return {name: tuple(recordings) for name, recordings in splits.items()}


def load_folder(root: str | Path) -> Iterator[Recording]:
    """Yield the recordings of a folder in the manifest's order.

    A label is one of the folder's own, or merged through the taxonomy.

    Raises:
        FileNotFoundError: there is no manifest.
        ValueError: the manifest lacks a column or lists nothing, or ``labels.yaml`` or
            ``layout.yaml`` is wrong.
    """
    root = Path(root)
    own, layouts = own_labels(root), read_layouts(root / 'layout.yaml')
    takes: dict[str, list[Row]] = {}
    for row in read_manifest(root):
        takes.setdefault(row.recording, []).append(row)
    for name, rows in takes.items():
        recording = _recording(root, name, rows, own, layouts)
        if recording is not None:
            yield recording


def _recording(
    root: Path,
    name: str,
    rows: list[Row],
    own: dict[str, Label],
    layouts: dict[str, OwnLayout],
) -> Recording | None:
    streams = read_streams(root, name, layouts)
    where = f'{MANIFEST}, row {rows[0].number}'
    if not streams:
        log.warning('%s: %s has no file that can be read (npz, csv or mp4); left out', where, name)
        return None
    recording = Recording(name, 'folder', rows[0].subject, streams)
    labelled = []
    for row in rows:
        where = f'{MANIFEST}, row {row.number}'
        if row.subject != recording.subject:
            log.warning(
                '%s: %s is of subject %s above, %s came; the first is taken',
                where, name, recording.subject, row.subject,
            )  # fmt: skip
        if not row.label:
            continue
        start = recording.start if row.start is None else row.start
        end = recording.end if row.end is None else row.end
        label = identifier(row.label)
        segment = Segment(label if label in own else merge(label), start, end)
        labelled.append((where, segment))
    segments = checked_segments(labelled, name, recording.start, recording.end)
    return Recording(name, 'folder', recording.subject, streams, segments)


DATASET = DataSet(
    name='folder',
    load=load_folder,
    title="a folder of one's own: manifest.csv and a file a recording",
    read_labels=own_labels,
    read_splits=own_splits,
)
