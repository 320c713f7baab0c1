"""When to tick: at the set rate, each time just after a sample of the fastest stream."""

from __future__ import annotations

from collections.abc import Iterable

from mujo_ros.health import StreamHealth

AFTER = 0.0015  # s that a tick comes after the sample it waits for: devices send one by one
MOST = 0.25  # of a period, by which a tick may come early or late
LEAST = 0.001  # s between two ticks


class Pacer:
    """Plans ticks so that an answer does not look at samples that are nearly a period old.

    On average ticks keep to the rate; each is moved by a quarter of its period at most, and by
    half a period of the stream.
    """

    def __init__(self) -> None:
        self._due = 0.0
        self._last: dict[str, tuple[int, float]] = {}

    def delay(self, now: float, period: float, streams: Iterable[StreamHealth]) -> float:
        """Return the seconds from now to the next tick.

        Args:
            now: time of this tick, s, of the clock on which messages arrive.
            period: of the ticks, s.
            streams: what arrived so far.
        """
        if not abs(now - self._due) < period:  # the first one, or time has jumped
            self._due = now
        self._due += period
        if self._due <= now:
            self._due = now + period
        return max(self._due + self._shift(now, streams, MOST * period) - now, LEAST)

    def _shift(self, now: float, streams: Iterable[StreamHealth], most: float) -> float:
        """From the time at which a tick is due to just after the nearest sample."""
        fastest, arrival = float('inf'), 0.0
        for health in streams:
            before = self._last.get(health.name)
            at = health.received_at
            if at is None or not health.is_live(now):
                continue
            self._last[health.name] = health.accepted, at
            if before is None or not (health.accepted > before[0] and at > before[1]):
                continue
            between = (at - before[1]) / (health.accepted - before[0])
            if between < fastest:
                fastest, arrival = between, at
        if not fastest < float('inf'):
            return 0.0
        off = (self._due - arrival - AFTER) % fastest
        shift = -off if off < fastest / 2 else fastest - off
        return min(max(shift, -most), most)
