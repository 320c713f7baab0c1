"""The protocol `streams`: activities one after another with rest between, event by event.

Each person's recordings are joined with seconds of standing still between them, and answered as a
stream. Segments are held against the true ones at an IoU of 0.5, each start that was said against
the true start, and what was said amid rest is counted by the minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mujo_core.bags.sequence import in_sequence
from mujo_core.evaluation.embedding import embed_windows, subsets_of
from mujo_core.evaluation.events import Event, segmental_counts
from mujo_core.evaluation.examples import labelled_stretches
from mujo_core.evaluation.registry import Result, Table, Task, protocol
from mujo_core.labels import UNKNOWN, Label, distractor_places, quiet_labels
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.posture import posture_of
from mujo_core.recognition.decision import DecisionSettings, calibrated_scores, decision_of
from mujo_core.recognition.playback import windows_of
from mujo_core.recognition.segmentation import BY_ITSELF, Segmenter, StreamSettings
from mujo_core.recording import Recording, Segment, subset_name

REST = 5.0
"""Seconds of standing still between two activities."""
STRIDE = 0.2
"""Seconds between answers."""
IOU = 0.5
_FRAMES = 50.0
"""Frames a second on which overlaps are counted."""
FALSE_ALARM_RATE = DecisionSettings().false_alarm_rate
STEADY = StreamSettings()
WAYS = {'each answer by itself': BY_ITSELF, 'steady': STEADY}


@dataclass
class Tally:
    """Counts over sequences.

    Attributes:
        hits, extra, missed: segments at an IoU of 0.5; at_rest: segments that meet no true one.
        delays: seconds from a true start until it was said, of those that were.
        rest: seconds in which nothing was done.
    """

    hits: int = 0
    extra: int = 0
    missed: int = 0
    at_rest: int = 0
    rest: float = 0.0
    delays: list[float] = field(default_factory=list)

    def add(
        self,
        truth: Sequence[Segment],
        said: Sequence[Segment],
        starts: Sequence[tuple[float, str]],
        seconds: float,
    ) -> None:
        """Count one sequence.

        Args:
            truth: what was done; said: what was said to have been done, dated back.
            starts: when an activity was said to have started, and which.
            seconds: length of the sequence.
        """
        names = sorted({s.label for s in (*truth, *said)})
        true, found = _events(truth, names), _events(said, names)
        hits, extra, missed = segmental_counts(true, found, IOU)
        self.hits, self.extra = self.hits + hits, self.extra + extra
        self.missed += missed
        self.at_rest += sum(all(not f.overlap(t) for t in true) for f in found)
        self.rest += seconds - sum(s.end - s.start for s in truth)
        for segment in truth:
            late = segment.end + STEADY.lag
            when = [t for t, label in starts if label == segment.label]
            noticed = [t for t in when if segment.start <= t <= late]
            self.delays += [noticed[0] - segment.start] if noticed else []

    def to_dict(self) -> dict[str, Any]:
        """Return the figures."""
        events = self.hits + self.missed
        total = 2 * self.hits + self.extra + self.missed
        return {
            'events': events,
            'said': self.hits + self.extra,
            'f1': round(2 * self.hits / total, 4) if total else 0.0,
            'noticed': round(len(self.delays) / events, 4) if events else 0.0,
            'median_delay': round(float(np.median(self.delays)), 3) if self.delays else None,
            'false_events_per_minute_at_rest': round(60.0 * self.at_rest / self.rest, 3)
            if self.rest
            else None,
        }


def _events(segments: Sequence[Segment], names: Sequence[str]) -> list[Event]:
    return [
        Event(names.index(s.label), round(s.start * _FRAMES), round(s.end * _FRAMES))
        for s in segments
    ]


def sequences(recordings: Sequence[Recording], labels: Sequence[str]) -> Iterator[Recording]:
    """Yield each person's recordings as one, in random order (seed 0), those of the same sensors
    together."""
    stretches = labelled_stretches(recordings, labels)
    for subject in sorted({r.subject for r in stretches}):
        own = [r for r in stretches if r.subject == subject]
        order = np.random.default_rng(0).permutation(len(own))
        mixed = sorted((own[i] for i in order), key=lambda r: sorted(r.streams))
        yield in_sequence(mixed, REST)


def segment_answers(
    stamps: np.ndarray,
    scores: np.ndarray,
    unknown: np.ndarray,
    labels: Mapping[str, Label],
    background: Sequence[str],
    settings: StreamSettings,
    postures: Sequence[str | None] | None = None,
) -> tuple[list[Segment], list[tuple[float, str]]]:
    """Return the segments that answers make, and when each start was said.

    Args:
        stamps: (N,) header time of the answers, seconds.
        scores: (N, L) of the labels; unknown: (N,) of none of them.
        background: names that are no activity.
        postures: (N,) that skeletons show, where there are any.
    """
    decision = decision_of(labels, DecisionSettings(stream=settings))
    segmenter = Segmenter({*background, UNKNOWN}, settings)
    names, starts = list(labels), []
    seen = postures or [None] * len(stamps)
    for stamp, row, doubt, posture in zip(stamps, scores, unknown, seen, strict=True):
        known, none = decision.over_time(stamp, row, float(doubt), posture)
        place = decision.said(known, none)
        label = UNKNOWN if place is None else names[place]
        if segmenter.update(stamp, label) == 'start':
            starts.append((stamp, label))
    after = stamps[-1] + settings.least_duration + settings.lag + STRIDE if len(stamps) else 0.0
    segmenter.update(after, UNKNOWN)
    segmenter.update(after + settings.least_duration, UNKNOWN)
    return list(segmenter.segments), starts


def _answers(
    checkpoint: Checkpoint, sequence: Recording
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, list[str | None]]]:
    """Yield of every subset: name, stamps (N,), scores (N, L), those of unknown (N,), postures."""
    windows = list(windows_of(sequence, checkpoint.window, STRIDE))
    ends = np.array([w.end for w in windows])
    ends = ends - ends[-1] + sequence.end
    embedding, rate = embed_windows(checkpoint, windows), checkpoint.window.pose_rate
    for subset in subsets_of(embedding.modalities):
        rows = embedding.having(subset)
        if not len(rows):
            continue
        name = subset_name(subset)
        with torch.inference_mode():
            vectors = embedding.fused(subset, rows)
            logits = checkpoint.model.logits(vectors, checkpoint.label_vectors()).numpy()
        calibration = checkpoint.calibration.get(name, Calibration())
        familiarity = embedding.familiarity(subset, rows)
        yield (
            name,
            ends[rows],
            *calibrated_scores(
                logits,
                calibration,
                FALSE_ALARM_RATE,
                familiarity,
                distractor_places(checkpoint.labels),
            ),
            [posture_of(windows[row].pose if 'pose' in subset else None, rate) for row in rows],
        )


@protocol('streams', 'activities with rest between: events, delay, false events a minute at rest')
def streams(task: Task) -> Result:
    """Score every subset, each answer by itself and steadied."""
    checkpoint = task.checkpoint
    names = list(checkpoint.labels)
    asked = set(task.labels or ())
    background = [name for name in quiet_labels(checkpoint.labels) if name not in asked]
    activities = [n for n in (task.labels or names) if n in names and n not in background]
    tallies: dict[str, dict[str, Tally]] = {}
    count = 0
    for sequence in sequences(task.tested, activities):
        count += 1
        for name, stamps, scores, unknown, postures in _answers(checkpoint, sequence):
            ways = tallies.setdefault(name, {way: Tally() for way in WAYS})
            for way, settings in WAYS.items():
                said, starts = segment_answers(
                    stamps, scores, unknown, checkpoint.labels, background, settings, postures
                )
                ways[way].add(sequence.segments, said, starts, sequence.end)
    if not count:
        raise ValueError(f'expected recordings with labels of {task.checkpoint_name}, none came')
    subsets = {
        name: {way: tally.to_dict() for way, tally in ways.items()}
        for name, ways in tallies.items()
    }
    data = {
        **task.header(),
        'rest': REST,
        'stride': STRIDE,
        'settings': {way: vars(settings) for way, settings in WAYS.items()},
        'subsets': subsets,
    }
    rows = [
        [name, way, f['f1'], _or_none(f['median_delay']), f['noticed'],
         _or_none(f['false_events_per_minute_at_rest'])]
        for name, ways in subsets.items() for way, f in ways.items()
    ]  # fmt: skip
    columns = ['modalities', 'answers', f'event F1 (IoU {IOU})', 'delay, s', 'noticed',
               'false a minute at rest']  # fmt: skip
    title = f'{task.dataset}: {count} people, {REST:g} s of rest between activities'
    return Result(data, [Table(title, columns, rows)])


def _or_none(value: float | None) -> str | float:
    return 'none' if value is None else value
