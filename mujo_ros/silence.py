"""Who is to be told when streams fall silent, and that it is told once. No node here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mujo_ros.health import Finding, StreamHealth

STARTUP_GRACE = 5.0  # s after activation before a topic that never spoke is called silent


class SilenceWatch:
    """Decides whether there is anything to recognize, and says once when there is not.

    Args:
        streams: the healths to watch.
        describe: (health, now) to why it is silent, with its publishers.
        warn, inform: say a line at that level.
        patience: seconds of data without an answer before that is said.
        now: node's clock, s.
    """

    def __init__(
        self,
        streams: Mapping[str, StreamHealth],
        describe: Callable[[StreamHealth, float], Finding],
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
        self._said: dict[str, str] = {}
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
                    finding = self._describe(health, now)
                    say = self._warn if finding.fault else self._inform
                    say(f'going on without {finding.text}')
                    self._said[health.name] = finding.kind
            self._said = {name: kind for name, kind in self._said.items() if name not in live}
        elif due and not self._all_said:
            findings = {health.name: self._describe(health, now) for health in silent}
            clauses = '; '.join(finding.text for finding in findings.values())
            self._warn(f'no data, so nothing is published: {clauses}')
            self._all_said = True
            self._said = {name: finding.kind for name, finding in findings.items()}
        return bool(live)

    def look(self, now: float) -> dict[str, Finding]:
        """Findings about all silent streams; says a fault that came after the silence was said."""
        findings = {
            name: self._describe(health, now)
            for name, health in self._streams.items()
            if not health.is_live(now)
        }
        for name, finding in findings.items():
            if finding.fault and self._said.get(name, finding.kind) != finding.kind:
                self._warn(finding.text)
                self._said[name] = finding.kind
        return findings

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
        return '; '.join(self._describe(health, now).text for health in streams)
