"""A scored track as files and lines: JSON, confusion matrix, and truth against output over time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mujo_core.evaluation.events import events_of
from mujo_core.evaluation.plots import BLUE, ORANGE, confusion_matrix, new_figure, words
from mujo_core.evaluation.track import NO_ACTIVITY, Track, confusion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ('scores.json', 'confusion.png', 'timeline.png')
_CLASS = ('precision', 'recall', 'f1')


def timeline(track: Track) -> Figure:
    """Draw a row a label: when it was true (above), and when it was said (below)."""
    both = np.concatenate([track.truth, track.said])
    rows = [place for place in range(len(track.labels)) if place in both]
    seconds = len(track.truth) / track.rate
    width = float(np.clip(3.0 + seconds / 8.0, 9.0, 40.0))
    figure, axes = new_figure(width, 1.6 + 0.36 * max(1, len(rows)))
    for offset, frames, colour, name in (
        (0.05, track.truth, BLUE, 'true'),
        (-0.35, track.said, ORANGE, 'said'),
    ):
        for number, event in enumerate(events_of(frames)):
            span = (event.start / track.rate, (event.end - event.start) / track.rate)
            axes.broken_barh(
                [span],
                (len(rows) - 1 - rows.index(event.label) + offset, 0.3),
                color=colour,
                label=name if not number else None,
            )
    for row in range(len(rows)):
        axes.axhline(row, color='#dddddd', linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(rows)), [words(track.labels[place]) for place in rows[::-1]])
    axes.set_xlim(0.0, seconds)
    axes.set_ylim(-0.6, max(1, len(rows)) - 0.4)
    axes.set_xlabel('seconds from the first stamp', fontsize=12)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(ncols=2, fontsize=11, loc='lower right', bbox_to_anchor=(1.0, 1.0))
    return figure


def write_track(track: Track, scores: dict[str, Any], folder: str | Path) -> None:
    """Write `FILES` into a folder, which is made.

    Raises:
        ImportError: matplotlib is not installed; the JSON is there all the same.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(scores, indent=1) + '\n'
    (folder / FILES[0]).write_text(text, encoding='utf-8')
    matrix = confusion_matrix(confusion(track), [*track.labels, NO_ACTIVITY])
    for name, figure in zip(FILES[1:], (matrix, timeline(track)), strict=True):
        figure.savefig(folder / name)


def score_rows(scores: dict[str, Any]) -> list[list[str]]:
    """Return rows for a table: figure, precision, recall, F1."""
    frames, events = scores['frames'], scores['events']
    rows = [
        ['frames', *(f'{frames[name]:.3f}' for name in _CLASS)],
        *(
            [f'  {label}', *(f'{of[name]:.3f}' for name in _CLASS)]
            for label, of in frames['per_class'].items()
            if of['frames']
        ),
        *(
            [f'events, IoU {iou}', *(f'{of[name]:.3f}' for name in _CLASS)]
            for iou, of in events['iou'].items()
        ),
    ]
    return rows


def score_lines(scores: dict[str, Any]) -> list[str]:
    """Return what a table of precision and recall does not say, a line each."""
    frames, events, delay = scores['frames'], scores['events'], scores['events']['delay']
    late = '' if delay['median'] is None else f', after {delay["median"]:.1f} s in the median'
    return [
        f'accuracy of frames {frames["accuracy"]:.3f}, macro-F1 {frames["macro_f1"]:.3f}',
        f'{delay["detected"]} of {events["truth"]} events detected{late}; {events["said"]} said, '
        f'edit score {events["edit"]:.3f}',
        f'true events: {_counts(events["true_events"])}; said: {_counts(events["said_events"])}',
        f'wrong seconds: {_counts(events["error_seconds"])}',
    ]


def _counts(counts: dict[str, float]) -> str:
    parts = (f'{count:g} {name.replace("_", " ")}' for name, count in counts.items() if count)
    return ', '.join(parts) or 'none'
