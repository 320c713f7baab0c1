"""What was said over time against what was true: frame-wise and event-wise figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from mujo_core.evaluation.events import (
    NONE,
    delays,
    edit_score,
    event_kinds,
    events_of,
    frame_errors,
    segmental_counts,
)
from mujo_core.recording import Segment

NO_ACTIVITY = 'none'
"""How `NONE` is called in figures and pictures."""
IOUS = (0.1, 0.25, 0.5)
HOLD = 0.5
"""An answer stands until the next one, but no longer than this, seconds."""


@dataclass(frozen=True)
class Track:
    """Truth and answers on one grid of frames.

    Attributes:
        labels: the activities; background is none of them.
        rate: frames a second.
        truth, said: (T,) places in `labels`, or `NONE`.
    """

    labels: tuple[str, ...]
    rate: float
    truth: np.ndarray
    said: np.ndarray


def check_truth(
    truth: Sequence[Segment], labels: Collection[str], background: Collection[str], seconds: float
) -> None:
    """Refuse truth that cannot be scored.

    Args:
        truth: segments in order, seconds of the recording.
        labels: what can be said.
        background: names that are no activity.
        seconds: how long the recording is.

    Raises:
        ValueError: a label that is never said, a segment outside of the recording, two at a time.
    """
    known = {*labels, *background}
    unknown = sorted({s.label for s in truth} - known)
    if unknown:
        raise ValueError(
            f'expected truth with labels of the checkpoint ({", ".join(sorted(known))}), '
            f'{", ".join(unknown)} came; rename or leave out those rows'
        )
    for segment in truth:
        if segment.start < -HOLD or segment.end > seconds + HOLD:
            raise ValueError(
                f'expected truth within the {seconds:.1f} s of the bag, {segment.label} from '
                f'{segment.start:.1f} to {segment.end:.1f} s came; is it the truth of this bag?'
            )
    for first, second in pairwise(truth):
        if second.start < first.end - 1e-6:
            raise ValueError(
                f'expected one activity at a time, {second.label} starts at {second.start:.1f} s '
                f'before {first.label} ends at {first.end:.1f} s; correct the truth'
            )


def make_track(
    truth: Sequence[Segment],
    answers: Sequence[tuple[float, str]],
    labels: Sequence[str],
    seconds: float,
    rate: float,
) -> Track:
    """Put truth and answers onto frames from second 0 to `seconds`.

    Args:
        truth: segments in seconds; names that are not in `labels` are no activity.
        answers: (stamp in s, label) in the order they were given; of answers for one stamp the
            last counts. Each stands for the frames from its stamp on, until the next one or for
            `HOLD` seconds, whichever is shorter.
        labels: the activities.
        rate: frames a second.
    """
    places = {name: place for place, name in enumerate(labels)}
    grid = np.arange(max(1, math.floor(seconds * rate + 1e-6) + 1)) / rate
    true = np.full(len(grid), NONE)
    for segment in truth:
        first, last = np.searchsorted(grid, [segment.start - 1e-6, segment.end - 1e-6])
        true[first : max(last, first + 1)] = places.get(segment.label, NONE)
    said = np.full(len(grid), NONE)
    if answers:
        # The sort is stable, so that the last answer of a stamp is the one that is found.
        ordered = sorted(answers, key=lambda answer: answer[0])
        stamps = np.array([stamp for stamp, _ in ordered])
        names = np.array([places.get(label, NONE) for _, label in ordered])
        newest = np.searchsorted(stamps, grid + 1e-6, side='right') - 1
        stands = (newest >= 0) & (grid - stamps[newest] <= HOLD)
        said[stands] = names[newest[stands]]
    return Track(tuple(labels), rate, true, said)


def score_track(track: Track) -> dict[str, Any]:
    """Return frame-wise and event-wise figures of a track, as JSON takes them."""
    return {
        'frames': _frames(track),
        'events': _events(track),
        'confusion': {
            'labels': [*track.labels, NO_ACTIVITY],
            'counts': confusion(track).tolist(),
        },
    }


def confusion(track: Track) -> np.ndarray:
    """Return (L + 1, L + 1) counts of frames, truth by row; no activity is the last."""
    count = len(track.labels) + 1
    counts = np.zeros((count, count), dtype=int)
    np.add.at(counts, (track.truth, track.said), 1)  # NONE, -1, is the last row and column
    return counts


def _frames(track: Track) -> dict[str, Any]:
    counts = confusion(track)
    right = np.diag(counts)[:-1]
    said, true = counts.sum(axis=0)[:-1], counts.sum(axis=1)[:-1]
    occurs = np.flatnonzero(said + true)
    per_class = {
        track.labels[i]: {**_rates(right[i], said[i], true[i]), 'frames': int(true[i])}
        for i in occurs
    }
    f1 = [figures['f1'] for figures in per_class.values()]
    return {
        'rate': track.rate,
        'count': len(track.truth),
        'accuracy': _share(np.diag(counts).sum(), counts.sum()),
        **_rates(right.sum(), said.sum(), true.sum()),
        'macro_f1': round(float(np.mean(f1)), 5) if f1 else 0.0,
        'per_class': per_class,
    }


def _events(track: Track) -> dict[str, Any]:
    truth, said = events_of(track.truth), events_of(track.said)
    overlaps = {}
    for iou in IOUS:
        hits, extra, missed = segmental_counts(truth, said, iou)
        overlaps[f'{iou:.2f}'] = _rates(hits, hits + extra, hits + missed)
    found = [d / track.rate for d in delays(truth, track.said) if d is not None]
    kinds = event_kinds(truth, said)
    errors = frame_errors(track.truth, track.said)
    pieces = [
        sum(t.label == s.label and t.overlap(s) > 0 for s in said) for t in truth
    ]  # fmt: skip
    detected = [count for count in pieces if count]
    return {
        'truth': len(truth),
        'said': len(said),
        'iou': overlaps,
        'edit': round(edit_score(truth, said), 5),
        'delay': {
            'detected': len(found),
            'missed': len(truth) - len(found),
            'median': round(float(np.median(found)), 3) if found else None,
            'p90': round(float(np.percentile(found, 90)), 3) if found else None,
            'max': round(max(found), 3) if found else None,
        },
        'pieces_per_detected_event': round(float(np.mean(detected)), 3) if detected else None,
        'true_events': dict(kinds['truth']),
        'said_events': dict(kinds['said']),
        'error_seconds': {k: round(v / track.rate, 3) for k, v in errors.items()},
    }


def _rates(right: int, said: int, true: int) -> dict[str, float]:
    """Precision, recall and F1; 0 where nothing was there to be right about."""
    return {
        'precision': _share(right, said),
        'recall': _share(right, true),
        'f1': _share(2 * right, said + true),
    }


def _share(part: int, whole: int) -> float:
    return round(float(part / whole), 5) if whole else 0.0
