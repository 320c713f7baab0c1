"""What is published: one activity with its scores and what stands behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSION = 1


@dataclass(frozen=True)
class Activity:
    """The answer for one window; times are header time, seconds.

    Attributes:
        stamp: the window's end.
        label: what the person does, or ``'unknown'``.
        confidence: the score of that label.
        scores: (label, probability), best first.
        unknown: probability that it is none of the labels.
        modalities: what the answer used, in the order video, pose, imu.
        coverage: stream to the share of the window that has data.
        window: start and end of the window.
        newest: the newest sample's stamp.
        event: ``'start'``, ``'continue'``, ``'end'`` or None (no activity).
        person: who; empty where it is not known.
    """

    stamp: float
    label: str
    confidence: float
    scores: list[tuple[str, float]]
    unknown: float
    modalities: list[str]
    coverage: dict[str, float]
    window: tuple[float, float]
    newest: float
    event: str | None = None
    person: str = ''

    def to_dict(self, age: float, latency: float) -> dict[str, Any]:
        """Return the object of the `/activity` message.

        Args:
            age: publish time minus the newest sample's stamp, seconds.
            latency: from the tick to publishing, seconds.
        """
        return {
            'version': VERSION,
            'stamp': self.stamp,
            'label': self.label,
            'confidence': round(self.confidence, 4),
            'scores': [[name, round(score, 4)] for name, score in self.scores],
            'unknown': round(self.unknown, 4),
            'modalities': list(self.modalities),
            'coverage': {name: round(share, 3) for name, share in self.coverage.items()},
            'window': list(self.window),
            'age': round(age, 4),
            'latency': round(latency, 4),
            'event': self.event,
            'person': self.person,
        }
