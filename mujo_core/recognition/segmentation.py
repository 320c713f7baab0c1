"""Where activities start and end: events when they are noticed, and segments that are dated back.

An answer is about a window that has passed, so that an activity began and ended before the
answers changed. `Segmenter` says both: when it was noticed, and when it probably was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, fields

from mujo_core.recording import Segment

_KEPT = 1000
"""Segments that are remembered."""


@dataclass(frozen=True)
class StreamSettings:
    """How scores over time become activities with a start and an end; all in seconds.

    The usual values are those that were chosen by event-wise F1 for windows of 3 s
    (`mujo evaluate --protocol streams`); `BY_ITSELF` takes each answer by itself.

    Attributes:
        dwell: how long an activity lasts in the mean, for the hidden Markov model over the scores
            (`mujo_core.recognition.stream_filter`): more is stickier; 0: no such model.
        rest: how long there is no activity between two, in the mean.
        least_duration: a label that stands for less starts and ends nothing; everything is
            noticed so much later.
        lag: how long before it is noticed an activity begins or ends.
    """

    dwell: float = 3.0
    rest: float = 1.5
    least_duration: float = 0.0
    lag: float = 1.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= 60.0 or (field.name == 'rest' and value < 0.1):
                least = '0.1' if field.name == 'rest' else '0'
                raise ValueError(f'expected {field.name} from {least} to 60 s, {value:g} came')


BY_ITSELF = StreamSettings(dwell=0.0, lag=0.0)
"""Answers as they come: no filter, and segments dated when they were noticed."""


class Segmenter:
    """Says where activities start, go on and end, from one answer to the next.

    Args:
        background: names that are no activity.
        settings: `least_duration` and `lag` of them.
    """

    def __init__(self, background: Collection[str], settings: StreamSettings | None = None) -> None:
        self.background = set(background)
        self.settings = settings or StreamSettings()
        self.segments: deque[Segment] = deque(maxlen=_KEPT)
        """Activities that have ended, in order of time, as they probably were."""
        self._active: str | None = None
        self._began = 0.0
        self._newest: str | None = None
        self._since = 0.0

    def update(self, stamp: float, label: str) -> str | None:
        """Return ``'start'``, ``'continue'``, ``'end'`` or None (no activity) for an answer.

        Args:
            stamp: header time of the answer, seconds.
            label: what it says.
        """
        newest = None if label in self.background else label
        if newest != self._newest:
            self._newest, self._since = newest, stamp
        if newest == self._active:
            return 'continue' if newest else None
        if stamp - self._since < self.settings.least_duration - 1e-9:
            return 'continue' if self._active else None
        changed = self._since - self.settings.lag
        if self._active is not None and changed > self._began:
            self.segments.append(Segment(self._active, self._began, changed))
        self._active, self._began = newest, changed
        return 'start' if newest else 'end'

    def reset(self) -> None:
        """Forget what goes on; segments that have ended stay."""
        self._active = self._newest = None
