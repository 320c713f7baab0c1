"""What each topic delivered, and what is wrong with it. No node here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mujo_core.timeline import SILENT_AFTER

ODD_FOR = 5.0  # s for which a stream counts as odd after a message that was
STALE, FUTURE = 1.0, -0.25  # s of delay (arrival minus stamp) beyond which stamps are odd
JUMP = 2.0  # s back between stamps that are used, beyond which a sensor's clock has jumped
CLOCKS_DIFFER_AFTER = 2.0  # s for which they are odd before that is said

REMEDIES = {
    'zero_stamp': 'header.stamp is zero: let the driver stamp each message when it measures',
    'not_finite': 'NaN or infinity: fix the driver (only joints of a skeleton may be NaN)',
    'wrong_shape': 'another number of values than this stream has: one kind of device a topic',
    'duplicate': 'a stamp that came before: is one device published twice?',
    'late': 'stamp more than 2 s behind the newest: let all publishers of the topic share a clock',
    'ahead': 'stamp more than 10 s ahead of the clock: synchronize clocks, check use_sim_time',
    'saturated': 'beyond 400 m/s^2 or 70 rad/s, used as that much: check range and units',
    'swapped_sides': 'a mirrored body came: switch off the mirror mode or set the right layout',
    'acceleration_in_g': 'about 1.0 where a device in m/s^2 reads 9.8: let the driver publish '
    'm/s^2 (multiply by 9.80665; REP-103)',
    'no_gravity': 'about 0.0 where a device in m/s^2 reads 9.8: publish the raw acceleration, '
    'gravity not taken out (REP-145)',
    'stale_stamps': 'stamps lie more than 1 s behind the clock of the node: synchronize clocks '
    '(chrony, PTP); for a bag set use_sim_time and play it with --clock',
    'future_stamps': 'stamps lie ahead of the clock of the node: synchronize clocks (chrony, '
    'PTP), check use_sim_time',
}


@dataclass(frozen=True)
class Finding:
    """Why a stream is silent: a word to tell findings apart, one clause with the remedy.

    Attributes:
        fault: it is set up wrongly, so that waiting does not help.
    """

    kind: str
    text: str
    fault: bool = False


@dataclass
class StreamHealth:
    """Counts and times of one stream.

    Attributes:
        name: stream as the recognizer calls it ('pose', 'imu/right_wrist', 'video').
        topic: relative name of its topic ('skeleton').
        max_gap: seconds between stamps above which a gap is counted.
        lost: messages that were published and did not arrive.
        refused: refused messages by kind; `noted`: accepted ones that were odd, by kind.
        refused_last: kind of the last one refused.
        received_at, accepted_at: node's clock in s of the last message, None before the first.
        delay: arrival minus stamp of the last accepted message, s.
        empty_since: node's clock in s since when only empty samples (nobody in view) come.
    """

    name: str
    topic: str
    max_gap: float
    accepted: int = 0
    gaps: int = 0
    largest_gap: float = 0.0
    lost: int = 0
    delay: float = 0.0
    newest: float = 0.0
    received_at: float | None = None
    accepted_at: float | None = None
    empty_since: float | None = None
    refused: Counter[str] = field(default_factory=Counter)
    refused_last: str = ''
    noted: Counter[str] = field(default_factory=Counter)
    _noted_at: dict[str, float] = field(default_factory=dict)
    _clocks: str = ''
    _clocks_since: float = 0.0

    def accept(self, stamp: float, now: float, empty: bool = False) -> None:
        """Count a stored message; `empty` says that it holds nobody."""
        if self.accepted_at is not None and stamp - self.newest > self.max_gap:
            self.gaps += 1
            self.largest_gap = max(self.largest_gap, stamp - self.newest)
        if self.accepted_at is None or stamp > self.newest or self.newest - stamp > JUMP:
            self.newest = stamp
        self.delay = now - stamp
        self.accepted += 1
        self.accepted_at = now
        if not empty:
            self.empty_since = None
        elif self.empty_since is None:
            self.empty_since = now
        kind = ''
        if self.delay > STALE or self.delay < FUTURE:
            kind = 'stale_stamps' if self.delay > 0.0 else 'future_stamps'
        if kind != self._clocks:
            self._clocks, self._clocks_since = kind, now

    def clocks(self, now: float) -> str:
        """``'stale_stamps'`` or ``'future_stamps'`` where stamps have been so for a while."""
        return self._clocks if now - self._clocks_since >= CLOCKS_DIFFER_AFTER else ''

    def refuse(self, kind: str, count: int = 1) -> None:
        """Count messages that could not be used."""
        self.refused[kind] += count
        self.refused_last = kind

    def note(self, kind: str, now: float) -> None:
        """Count something odd about a message that is used all the same."""
        self.noted[kind] += 1
        self._noted_at[kind] = now

    def odd(self, now: float) -> list[str]:
        """Kinds of what was odd in the last seconds."""
        return [kind for kind, at in self._noted_at.items() if now - at <= ODD_FOR]

    def is_live(self, now: float) -> bool:
        """Whether a message was accepted within the last second of the node's clock."""
        return self.accepted_at is not None and now - self.accepted_at <= SILENT_AFTER

    def forget_times(self) -> None:
        """Time has jumped: times are void, counts stay."""
        self.received_at = self.accepted_at = self.empty_since = None
        self._noted_at.clear()
        self._clocks = ''
