"""Event-wise scores: activities as stretches of time, instead of single frames.

Sequences are (T,) integers, one a frame: the place of a label, or `NONE` for no activity.

- `segmental_counts`: events found at a threshold of their intersection over union (IoU), for F1
  at 0.10, 0.25 and 0.50 as in Lea et al., Temporal Convolutional Networks for Action Segmentation
  and Detection, CVPR 2017; `edit_score`, from there too, looks at the order alone.
- `event_kinds` and `frame_errors`: Ward, Lukowicz and Gellersen, Performance metrics for activity
  recognition, ACM TIST 2(1), 2011. They tell fragmented, merged, deleted and inserted events
  apart, and time lost at an event's ends (underfill, overfill) from time that is plainly wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NONE = -1
"""The label of a frame in which nothing is done, or nothing was said."""


@dataclass(frozen=True)
class Event:
    """An activity from frame `start` to before frame `end`."""

    label: int
    start: int
    end: int

    def overlap(self, other: Event) -> int:
        """How many frames both hold, of whatever label."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: Event) -> float:
        """Frames that both hold, over frames that either holds."""
        both = self.overlap(other)
        return both / (self.end - self.start + other.end - other.start - both)


def events_of(frames: np.ndarray) -> list[Event]:
    """Return the runs of one label, without those of `NONE`."""
    frames = np.asarray(frames)
    if not len(frames):
        return []
    starts = np.flatnonzero(np.concatenate([[True], np.diff(frames) != 0]))
    ends = [*starts[1:], len(frames)]
    return [
        Event(int(frames[start]), int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
        if frames[start] != NONE
    ]


def segmental_counts(
    truth: Sequence[Event], said: Sequence[Event], iou: float
) -> tuple[int, int, int]:
    """Return true positives, false positives and false negatives at a threshold of IoU.

    In order of time, each event that was said is held against the true event of its label that it
    overlaps best; it counts where their IoU reaches the threshold and that event is not taken yet.
    """
    taken: set[int] = set()
    for event in said:
        same = [(event.iou(t), -i) for i, t in enumerate(truth) if t.label == event.label]
        best, place = max(same, default=(0.0, 0))
        if best >= iou and best > 0.0 and -place not in taken:
            taken.add(-place)
    return len(taken), len(said) - len(taken), len(truth) - len(taken)


def edit_score(truth: Sequence[Event], said: Sequence[Event]) -> float:
    """Return 1 minus the edit distance of the two orders of labels, over the longer's length."""
    longest = max(len(truth), len(said))
    if not longest:
        return 1.0
    row = list(range(len(said) + 1))
    for i, true in enumerate(truth, start=1):
        previous, row = row, [i]
        for j, event in enumerate(said, start=1):
            changed = previous[j - 1] + (true.label != event.label)
            row.append(min(previous[j] + 1, row[-1] + 1, changed))
    return 1.0 - row[-1] / longest


def event_kinds(truth: Sequence[Event], said: Sequence[Event]) -> dict[str, Counter[str]]:
    """Count events by kind, label by label (section 4.3 of Ward et al.).

    Returns:
        ``'truth'``: true events that are ``correct`` (one event said, and it holds no other),
        ``fragmented`` (several said), ``merged`` (one said holds another true one too),
        ``fragmented_and_merged`` or ``deleted`` (none said). ``'said'``: events said that are
        ``correct``, ``fragmenting``, ``merging``, ``fragmenting_and_merging`` or ``inserted``.
    """
    meets = np.array(
        [[t.label == s.label and t.overlap(s) > 0 for s in said] for t in truth], dtype=bool
    ).reshape(len(truth), len(said))
    pieces, held = meets.sum(axis=1), meets.sum(axis=0)
    kinds: dict[str, Counter[str]] = {'truth': Counter(), 'said': Counter()}
    for i, count in enumerate(pieces):
        merged = bool((held[meets[i]] > 1).any())
        kinds['truth'][_kind(count, merged, 'deleted', ('fragmented', 'merged'))] += 1
    for j, count in enumerate(held):
        fragmenting = bool((pieces[meets[:, j]] > 1).any())
        kinds['said'][_kind(count, fragmenting, 'inserted', ('merging', 'fragmenting'))] += 1
    return kinds


def _kind(count: int, also: bool, nothing: str, names: tuple[str, str]) -> str:
    """The kind of an event that meets `count` others; `also`: one of those meets several."""
    if not count:
        return nothing
    found = [name for name, holds in zip(names, (count > 1, also), strict=True) if holds]
    return '_and_'.join(sorted(found)) or 'correct'


def frame_errors(truth: np.ndarray, said: np.ndarray) -> Counter[str]:
    """Count wrong frames by what they do to events, label by label (section 4.2 of Ward et al.).

    What was not said: ``deletion`` (of a whole event), ``underfill`` (at an event's ends),
    ``fragmenting`` (within one). What was said wrongly: ``insertion``, ``overfill`` (beyond an
    event's ends), ``merge`` (between two events). A frame of one label where another was said
    is wrong for both, so that it counts twice.
    """
    errors: Counter[str] = Counter()
    ways = (
        (truth, said, ('deletion', 'underfill', 'fragmenting')),
        (said, truth, ('insertion', 'overfill', 'merge')),
    )
    for whole, other, (all_of_it, at_the_ends, within) in ways:
        for event in events_of(whole):
            right = np.flatnonzero(other[event.start : event.end] == event.label)
            length = event.end - event.start
            if not len(right):
                errors[all_of_it] += length
                continue
            span = int(right[-1] - right[0] + 1)
            errors[at_the_ends] += length - span
            errors[within] += span - len(right)
    return errors


def delays(truth: Sequence[Event], said: np.ndarray) -> list[int | None]:
    """Return the frames from each event's start until its label was said within it, else None."""
    found = [np.flatnonzero(said[t.start : t.end] == t.label) for t in truth]
    return [int(frames[0]) if len(frames) else None for frames in found]
