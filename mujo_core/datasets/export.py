"""Recordings written as a folder of one's own (`mujo_core.datasets.folder` reads it)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from mujo_core.datasets.folder import COLUMNS, MANIFEST
from mujo_core.labels import dump_labels, select_labels
from mujo_core.recording import Recording, modality_of


def write_folder(
    recordings: Iterable[Recording],
    root: str | Path,
    splits: Mapping[str, Callable[[Recording], bool]] | None = None,
) -> int:
    """Write recordings, one npz each, the manifest and the labels that occur.

    Args:
        recordings: with names that are unique and can be file names.
        root: the folder, which is made; what is in it already stays.
        splits: name to what says whether a recording belongs to it; the first that does is noted.

    Returns:
        How many recordings were written.

    Raises:
        FileExistsError: the folder has a manifest already.
        ValueError: two recordings have one name, or a name that cannot be a file's.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    if (root / MANIFEST).exists():
        raise FileExistsError(f'{root} holds a {MANIFEST} already; give an empty folder')
    names: set[str] = set()
    labels: dict[str, None] = {}
    rows = []
    for recording in recordings:
        if recording.name in names or Path(recording.name).name != recording.name:
            raise ValueError(
                f'expected recordings with names that can be files, each once; '
                f'{recording.name!r} came'
            )
        names.add(recording.name)
        np.savez_compressed(root / f'{recording.name}.npz', **_arrays(recording))  # type: ignore[arg-type]
        split = next((n for n, belongs in (splits or {}).items() if belongs(recording)), '')
        activities = [(s.label, repr(s.start), repr(s.end)) for s in recording.segments]
        rows += [
            (recording.name, recording.subject, *activity, split)
            for activity in activities or [('', '', '')]
        ]
        labels.update(dict.fromkeys(s.label for s in recording.segments))
    with (root / MANIFEST).open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, 'split'])
        writer.writerows(rows)
    if labels:
        dump_labels(select_labels(labels), root / 'labels.yaml')
    return len(names)


def _arrays(recording: Recording) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, stream in recording.streams.items():
        if modality_of(name) == 'imu':
            arrays[f'{name}/t'] = stream.stamps
            arrays[f'{name}/acc'] = stream.values[:, :3]
            arrays[f'{name}/gyro'] = stream.values[:, 3:]
        elif modality_of(name) == 'pose':
            arrays['skeleton/t'] = stream.stamps
            arrays['skeleton/xyz'] = stream.values
            arrays['skeleton/layout'] = np.array(stream.layout or 'canonical16')
            if stream.up is not None:
                arrays['skeleton/up'] = np.array(stream.up)
        elif modality_of(name) == 'video':
            arrays['video/t'] = stream.stamps
            arrays['video/frames'] = np.asarray(stream.values)
    return arrays
