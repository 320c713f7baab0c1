"""The protocol `falls`: recordings played as streams, falls found, false alarms by the hour.

A fall is found when a label of falling is said from just before its impact until a moment after
it, and a false alarm is a start of such a label at any other time. What follows a fall is not
judged: whoever has fallen may well be said to fall a little longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mujo_core.evaluation.embedding import embed_windows, subsets_of
from mujo_core.evaluation.registry import Result, Table, Task, protocol
from mujo_core.labels import related
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.posture import posture_of
from mujo_core.recognition.decision import DecisionSettings, decision_of
from mujo_core.recognition.playback import windows_of
from mujo_core.recording import Recording, Segment, subset_name

FALL = 'fall'
STRIDE = 0.1
"""Seconds between answers."""
AFTER_IMPACT = 0.8
"""Seconds by which loaders let a fall go on after its impact (`mujo_core.datasets._falls`)."""
EARLY, LATE = 0.5, 1.5
"""Seconds before and after the impact between which a fall counts as found."""
_JUDGED_AGAIN = 5.0
"""Seconds after an impact until what is said counts again."""
_APART = 3.0
"""Seconds between two alarms that are two."""
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


@dataclass
class Falls:
    """Counts over recordings at one threshold.

    Attributes:
        falls: how many there are; delays: seconds from the impact until found, of those that were.
        alarms: that were false; seconds: in which an alarm would be.
    """

    falls: int = 0
    alarms: int = 0
    seconds: float = 0.0
    delays: list[float] = field(default_factory=list)

    def add(self, stamps: np.ndarray, said: np.ndarray, impacts: Sequence[float]) -> None:
        """Count a recording: (N,) when an answer came and whether it was a fall."""
        free = np.ones(len(stamps), dtype=bool)
        for impact in impacts:
            self.falls += 1
            found = stamps[said & (stamps >= impact - EARLY) & (stamps <= impact + LATE)]
            self.delays += [float(found[0]) - impact] if len(found) else []
            free &= (stamps < impact - AFTER_IMPACT - EARLY) | (stamps > impact + _JUDGED_AGAIN)
        wrong = stamps[said & free]
        self.alarms += int(len(wrong) > 0) + int((np.diff(wrong) > _APART).sum())
        self.seconds += STRIDE * int(free.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            'falls': self.falls,
            'found': len(self.delays) / self.falls if self.falls else None,
            'median_delay': float(np.median(self.delays)) if self.delays else None,
            'p90_delay': float(np.quantile(self.delays, 0.9)) if self.delays else None,
            'false_alarms': self.alarms,
            'hours': self.seconds / 3600.0,
            'false_alarms_per_hour': self.alarms / (self.seconds / 3600.0)
            if self.seconds
            else None,
        }


def is_fall(segment: Segment) -> bool:
    """Say whether a segment is a fall of any kind."""
    return related(segment.label, FALL)


def fall_scores(
    checkpoint: Checkpoint, recording: Recording
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return subset to stamps (N,), the score of falling (N,) and whether it is said (N,)."""
    names = list(checkpoint.labels)
    falling = [place for place, name in enumerate(names) if related(name, FALL)]
    windows = list(windows_of(recording, checkpoint.window, STRIDE))
    if not windows:
        return {}
    ends = np.array([window.end for window in windows])
    ends = ends - ends[-1] + recording.end
    embedding = embed_windows(checkpoint, windows)
    found = {}
    for subset in subsets_of(embedding.modalities):
        rows = embedding.having(subset)
        if not len(rows):
            continue
        with torch.inference_mode():
            vectors = embedding.fused(subset, rows)
            logits = checkpoint.model.logits(vectors, checkpoint.label_vectors()).numpy()
        familiarity = embedding.familiarity(subset, rows)
        calibration = checkpoint.calibration.get(subset_name(subset), Calibration())
        decision = decision_of(checkpoint.labels, DecisionSettings())
        scores, said = [], []
        for place, row in enumerate(rows):
            pose = windows[row].pose if 'pose' in subset else None
            seen = posture_of(pose, checkpoint.window.pose_rate)
            known, unknown = decision(
                ends[row], logits[place], calibration, familiarity[place], seen
            )
            scores.append(known[falling].sum())
            said.append(decision.said(known, unknown) in falling)
        found[subset_name(subset)] = ends[rows], np.array(scores), np.array(said)
    return found


@protocol('falls', 'falls as events: found, delay from the impact, false alarms an hour')
def falls(task: Task) -> Result:
    """Play every recording; say what is found as it is said and by thresholds of the score."""
    checkpoint = task.checkpoint
    if not any(related(name, FALL) for name in checkpoint.labels):
        raise ValueError(
            f'expected a checkpoint that knows {FALL}, got {task.checkpoint_name} without it; '
            'train on a data set of falls'
        )
    ways = ('said', *(f'{threshold:g}' for threshold in THRESHOLDS))
    found: dict[str, dict[str, Falls]] = {}
    for recording in task.tested:
        impacts = [max(s.end - AFTER_IMPACT, s.start) for s in recording.segments if is_fall(s)]
        for name, (stamps, scores, said) in fall_scores(checkpoint, recording).items():
            counts = found.setdefault(name, {way: Falls() for way in ways})
            counts['said'].add(stamps, said, impacts)
            for threshold in THRESHOLDS:
                counts[f'{threshold:g}'].add(stamps, scores > threshold, impacts)
    subsets = {n: {way: c.to_dict() for way, c in counts.items()} for n, counts in found.items()}
    columns = [
        'modalities', 'at', 'falls', 'found', 'median delay, s', '90 %', 'false alarms an hour',
        'hours',
    ]  # fmt: skip
    rows = [
        [name, way, c['falls'], *(_or_nothing(c[key]) for key in
         ('found', 'median_delay', 'p90_delay', 'false_alarms_per_hour')), c['hours']]
        for name, counts in subsets.items()
        for way, c in counts.items()
    ]  # fmt: skip
    table = Table(f'falls in {task.dataset}, from {EARLY} s before to {LATE} s after impact',
                  columns, rows)  # fmt: skip
    return Result({**task.header(), 'subsets': subsets}, [table], [], {}, [])


def _or_nothing(figure: float | None) -> float | str:
    return '-' if figure is None else figure
