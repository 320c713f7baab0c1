"""The newest samples of one stream, in order of time."""

from __future__ import annotations

import math

import numpy as np

from mujo_core.window import StreamSpec

MOST_RATES = 4
"""So many times the nominal rate fits into a buffer."""


class RingBuffer:
    """The newest samples of one stream in order of time, in memory that is allocated once.

    Samples lie contiguously in an array of twice the capacity: they are appended until its end
    and then moved to its start, so that a window is a slice.
    """

    def __init__(self, spec: StreamSpec, span: float) -> None:
        self.spec = spec
        self.span = span
        self.capacity = max(4, math.ceil(MOST_RATES * spec.rate * span))
        self._stamps = np.zeros(2 * self.capacity)
        self._values: np.ndarray = np.zeros((2 * self.capacity, *spec.shape), dtype=spec.dtype)
        self._first = self._last = 0

    def __len__(self) -> int:
        return self._last - self._first

    @property
    def stamps(self) -> np.ndarray:
        """(N,) stamps held, a view."""
        return self._stamps[self._first : self._last]

    @property
    def values(self) -> np.ndarray:
        """(N, ...) samples held, a view."""
        return self._values[self._first : self._last]

    @property
    def newest(self) -> float:
        """The newest stamp, -inf when empty."""
        return float(self._stamps[self._last - 1]) if len(self) else -math.inf

    def clear(self) -> None:
        """Forget all samples."""
        self._first = self._last = 0

    def _make_room(self, count: int) -> None:
        if self._last + count <= len(self._stamps):
            return
        keep = min(len(self), self.capacity)
        source = slice(self._last - keep, self._last)
        # Source and target may overlap when few samples are dropped; numpy copies that safely.
        self._stamps[:keep] = self._stamps[source]
        self._values[:keep] = self._values[source]
        self._first, self._last = 0, keep

    def append(self, stamps: np.ndarray, values: np.ndarray) -> None:
        """Add samples that are newer than all held, in order."""
        stamps, values = stamps[-self.capacity :], values[-self.capacity :]
        self._make_room(len(stamps))
        end = self._last + len(stamps)
        self._stamps[self._last : end] = stamps
        self._values[self._last : end] = values
        self._last = end
        self._evict()

    def place(self, stamp: float, value: np.ndarray) -> bool:
        """Put one sample where its time belongs; False for a stamp that is held already."""
        self._make_room(1)
        at = self._first + int(np.searchsorted(self.stamps, stamp))
        if at < self._last and self._stamps[at] == stamp:
            return False
        self._stamps[at + 1 : self._last + 1] = self._stamps[at : self._last]
        self._values[at + 1 : self._last + 1] = self._values[at : self._last]
        self._stamps[at], self._values[at] = stamp, value
        self._last += 1
        self._evict()
        return True

    def _evict(self) -> None:
        oldest = self.newest - self.span
        self._first += int(np.searchsorted(self.stamps, oldest))
        self._first = max(self._first, self._last - self.capacity)
