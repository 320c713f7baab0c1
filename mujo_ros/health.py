"""What each topic delivered, and who is to be told when one of them falls silent. No node here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mujo_core.timeline import SILENT_AFTER

STARTUP_GRACE = 5.0  # s after activation before a topic that never spoke is called silent

REMEDIES = {
    'zero_stamp': 'header.stamp is zero: let the driver stamp each message when it measures',
    'not_finite': 'NaN or infinity: fix the driver (only joints of a skeleton may be NaN)',
    'wrong_shape': 'another number of values than this stream has: one kind of device a topic',
    'duplicate': 'a stamp that came before: is one device published twice?',
    'late': 'stamp more than 2 s behind the newest: let all publishers of the topic share a clock',
    'ahead': 'stamp more than 10 s ahead of the clock: synchronize clocks, check use_sim_time',
    'saturated': 'beyond 400 m/s^2 or 70 rad/s, used as that much: check range and units',
    'swapped_sides': 'a mirrored body came: switch off the mirror mode or set the right layout',
}


@dataclass
class StreamHealth:
    """Counts and times of one stream.

    Attributes:
        name: stream as the recognizer calls it ('pose', 'imu/right_wrist', 'video').
        topic: relative name of its topic ('skeleton').
        max_gap: seconds between stamps above which a gap is counted.
        refused: refused messages by kind; `noted`: accepted ones that were odd, by kind.
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
    delay: float = 0.0
    newest: float = 0.0
    received_at: float | None = None
    accepted_at: float | None = None
    empty_since: float | None = None
    refused: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def accept(self, stamp: float, now: float, empty: bool = False) -> None:
        """Count a stored message; `empty` says that it holds nobody."""
        if self.accepted_at is not None and stamp - self.newest > self.max_gap:
            self.gaps += 1
            self.largest_gap = max(self.largest_gap, stamp - self.newest)
        self.newest = stamp if self.accepted_at is None else max(self.newest, stamp)
        self.delay = now - stamp
        self.accepted += 1
        self.accepted_at = now
        if not empty:
            self.empty_since = None
        elif self.empty_since is None:
            self.empty_since = now

    def is_live(self, now: float) -> bool:
        """Whether a message was accepted within the last second of the node's clock."""
        return self.accepted_at is not None and now - self.accepted_at <= SILENT_AFTER

    def forget_times(self) -> None:
        """Time has jumped: times are void, counts stay."""
        self.received_at = self.accepted_at = self.empty_since = None


class SilenceWatch:
    """Decides whether there is anything to recognize, and says once when there is not.

    Args:
        streams: the healths to watch.
        describe: (health, now) to one clause on why it is silent, with its publishers.
        warn, inform: take one line.
        patience: seconds for which data may come without an answer before that is said.
        now: the node's clock at activation, s.
    """

    def __init__(
        self,
        streams: Mapping[str, StreamHealth],
        describe: Callable[[StreamHealth, float], str],
        warn: Callable[[str], object],
        inform: Callable[[str], object],
        patience: float,
        now: float,
    ) -> None:
        self._streams = streams
        self._describe = describe
        self._warn = warn
        self._inform = inform
        self._patience = patience
        self.restart(now)

    def restart(self, now: float) -> None:
        """Start anew at activation or after a jump of time."""
        self._started = now
        self._all_said = False
        self._said: set[str] = set()
        self._unanswered_since: float | None = None
        self._unanswered_said = False

    def has_data(self, now: float) -> bool:
        """Whether any stream is live; says what fell silent, each once until it is back."""
        live = {name for name, health in self._streams.items() if health.is_live(now)}
        silent = [health for name, health in self._streams.items() if name not in live]
        late_start = now - self._started >= STARTUP_GRACE
        due = [h for h in silent if late_start or h.accepted_at is not None]
        if live:
            if self._all_said:
                self._inform(f'data again: {", ".join(sorted(live))}')
            self._all_said = False
            for health in due:
                if health.name not in self._said:
                    self._inform(f'going on without {self._describe(health, now)}')
            self._said = {h.name for h in silent if h in due or h.name in self._said}
        elif due and not self._all_said:
            self._warn(f'no data, so nothing is published: {self._clauses(silent, now)}')
            self._all_said = True
            self._said = {health.name for health in silent}
        return bool(live)

    def answered(self, answer: bool, now: float) -> None:
        """Take whether the data that is there was enough for an answer; say once when it is not."""
        if answer:
            self._unanswered_since, self._unanswered_said = None, False
            return
        if self._unanswered_since is None:
            self._unanswered_since = now
        if now - self._unanswered_since > self._patience and not self._unanswered_said:
            clauses = self._clauses(self._streams.values(), now)
            self._warn(f'too little data, so nothing is published: {clauses}')
            self._unanswered_said = True

    def _clauses(self, streams: Iterable[StreamHealth], now: float) -> str:
        return '; '.join(self._describe(health, now) for health in streams)
