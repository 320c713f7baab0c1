"""When to tick: at the set rate, each time just after a sample of the fastest stream."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mujo_ros.health import StreamHealth

AFTER = 0.001  # s that a tick comes after the sample it waits for: devices send one by one
FRESH = 0.003  # s since the newest sample up to which a tick is not put off
OVERDUE = (0.001, 0.002, 0.004)  # s after which a tick looks again for a sample that is late
LONGEST = 0.01  # s of waiting for the next sample; beyond that its freshness is not worth it
MOST = 0.25  # of a period, by which a tick may come early or late
LEAST = 0.001  # s between two ticks
ROOM = 0.125  # of a period, after which a tick looks again whether another one still waits
PATIENT = 0.5  # of a period, by which it may come late for that
SETTLED = 50  # samples over which the time between them is averaged
STEP = 0.0005  # s at most by which one late sample moves the beat of its stream
ANEW = 2.0  # times by which the time between samples changes when the beat is another one


@dataclass
class Beat:
    """When the samples of a stream come, of which some are late and some are lost.

    Attributes:
        number: of samples so far.
        at: arrival of the last one, s.
        between: two samples, s; 0 while unknown.
        expected: when the last one would have come without jitter, s.
    """

    number: int
    at: float
    between: float = 0.0
    expected: float = 0.0
    averaged: int = 0

    def follow(self, number: int, at: float) -> None:
        """Take in what has come since: the number of samples, and the arrival of the last, s."""
        if number <= self.number or at <= self.at:
            return
        came = number - self.number
        between = (at - self.at) / came
        self.number, self.at = number, at
        if not self.between / ANEW < between < self.between * ANEW:
            self.between, self.expected, self.averaged = between, at, came
            return
        self.averaged = min(self.averaged + came, max(SETTLED, came))
        self.between += (between - self.between) * came / self.averaged
        off = (at - self.expected + self.between / 2) % self.between - self.between / 2
        self.expected = at - off + min(max(off, -STEP), STEP)


class Pacer:
    """Plans ticks so that an answer does not look at samples that are nearly a period old.

    On average ticks keep to the rate; each is moved by a quarter of its period at most: by half a
    period of the fastest stream when it is planned, and further when the sample is late, or when
    the tick itself is, so that the next sample is near.
    """

    def __init__(self) -> None:
        self._due = self._latest = self._period = 0.0
        self._held = 0
        self._beats: dict[str, Beat] = {}

    def delay(self, now: float, period: float, streams: Iterable[StreamHealth]) -> float:
        """Return the seconds from now to the next tick.

        Args:
            now: time of this tick, s, of the clock on which messages arrive.
            period: of the ticks, s.
            streams: what arrived so far; none: ticks are even.
        """
        if not abs(now - self._due) < period:  # the first one, or time has jumped
            # On whole multiples of the period, as a bag is evaluated offline.
            self._due = math.floor(now / period + 1e-6) * period
        self._due += period
        if self._due <= now:
            self._due = now + period
        self._period, self._latest, self._held = period, self._due + MOST * period, 0
        beat = self._fastest(now, streams)
        return max(self._due + self._shift(beat, MOST * period) - now, LEAST)

    def hold(self, now: float, streams: Iterable[StreamHealth]) -> float:
        """Return the seconds by which the tick that came now is better put off, mostly 0.

        Args:
            now: see `delay`.
            streams: what arrived up to now.
        """
        streams = list(streams)
        beat = self._fastest(now, streams)
        if beat is None:
            return 0.0
        newest = max(health.received_at for health in streams if health.received_at is not None)
        if now - newest <= FRESH or self._held == len(OVERDUE):
            return 0.0
        wait = beat.expected + beat.between + AFTER - now
        if wait <= AFTER:
            wait = OVERDUE[self._held]
        if wait > LONGEST or now + wait > self._latest:
            return 0.0
        self._held += 1
        return wait

    def make_room(self, now: float) -> float:
        """Return the seconds by which to put off the tick that came now, while another one waits.

        0 when it is late enough for one of both to be missed.
        """
        wait = ROOM * self._period
        return wait if now + wait <= self._due + PATIENT * self._period else 0.0

    def _fastest(self, now: float, streams: Iterable[StreamHealth]) -> Beat | None:
        """The beat of the stream that comes most often, with what has come of it."""
        fastest = None
        for health in streams:
            at = health.received_at
            if at is None or not health.is_live(now):
                self._beats.pop(health.name, None)
                continue
            number = health.accepted + health.lost
            beat = self._beats.get(health.name)
            if beat is None or at < beat.at:  # the first one, or time has jumped
                self._beats[health.name] = Beat(number, at)
                continue
            beat.follow(number, at)
            if beat.between > 0.0 and (fastest is None or beat.between < fastest.between):
                fastest = beat
        return fastest

    def _shift(self, beat: Beat | None, most: float) -> float:
        """From the time at which a tick is due to just after the nearest sample."""
        if beat is None:
            return 0.0
        off = (self._due - beat.expected - AFTER) % beat.between
        shift = -off if off < beat.between / 2 else beat.between - off
        return min(max(shift, -most), most)
