"""Fast sensors: no more samples a second than ring buffers hold a whole window of."""

from __future__ import annotations

from collections.abc import Sequence

from mujo_core.ring_buffer import MOST_RATES
from mujo_core.window import WindowSpec

_SLACK = 0.75
"""Of the shortest step: a sensor at the highest rate may jitter by a quarter of its period."""


class Thinning:
    """Says of each sample whether it is needed.

    A device at 1 kHz would push a ring buffer's oldest samples out before the window is over.
    """

    def __init__(self, spec: WindowSpec) -> None:
        self._spec = spec
        self._steps: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def needs(self, stream: str, stamp: float) -> bool:
        """Whether a stamp, s, lies far enough after the last one that was needed."""
        if stream not in self._steps:
            self._steps[stream] = _SLACK / (MOST_RATES * self._spec.stream(stream).rate)
        if 0.0 < stamp - self._last.get(stream, -1.0) < self._steps[stream]:
            return False
        self._last[stream] = stamp
        return True

    def needed(self, stream: str, stamps: Sequence[float]) -> list[bool]:
        """Whether each of these stamps, s, is needed."""
        return [self.needs(stream, stamp) for stamp in stamps]

    def reset(self) -> None:
        """Forget the stamps."""
        self._last.clear()
