"""`/diagnostics` after REP-107: one status a stream and one of the recognition, 1 Hz."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from mujo_ros.convert import seconds_to_stamp
from mujo_ros.health import REMEDIES, Finding, StreamHealth

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


@dataclass
class Figures:
    """What the recognition did since activation; written by one thread, read by another."""

    ticks: int = 0
    missed: int = 0
    answers: int = 0
    failures: int = 0
    jumps: int = 0
    coverage: dict[str, float] = field(default_factory=dict)
    inference: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    latency: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    age: deque[float] = field(default_factory=lambda: deque(maxlen=100))


class Diagnostics:
    """Builds the messages; rates are over the time since the message before.

    Args:
        name: prefix of each status, the node's full name without the slash.
        hardware_id: of each status.
    """

    def __init__(self, name: str, hardware_id: str = '') -> None:
        self._name = name
        self._hardware_id = hardware_id
        self._before: dict[str, int] = {}
        self._before_at: float | None = None

    def message(
        self,
        now: float,
        state: str,
        streams: Mapping[str, StreamHealth],
        figures: Figures,
        findings: Mapping[str, Finding],
        fault: str = '',
    ) -> DiagnosticArray:
        """The array at `now`, node's clock, s.

        Args:
            now: see above.
            state: label of the lifecycle state.
            streams: health of each stream by name.
            figures: of the recognition.
            findings: about those streams that are silent.
            fault: one line on what stops the node, or ''.
        """
        elapsed = now - self._before_at if self._before_at is not None else 0.0
        status = [self._recognition(state, figures, elapsed, fault)]
        status += [
            self._stream(health, findings.get(name), now, state, elapsed)
            for name, health in streams.items()
        ]
        self._before_at = now
        msg = DiagnosticArray(status=status)
        msg.header.stamp = seconds_to_stamp(max(now, 0.0))
        return msg

    def _rate(self, key: str, count: int, elapsed: float) -> str:
        before = self._before.get(key, 0)
        self._before[key] = count
        # Counts start anew when the node is configured anew.
        return f'{max(count - before, 0) / elapsed:.1f}' if elapsed > 0.0 else 'unknown'

    def _recognition(
        self, state: str, figures: Figures, elapsed: float, fault: str
    ) -> DiagnosticStatus:
        rate = self._rate('recognition', figures.answers, elapsed)
        values: dict[str, object] = {
            'lifecycle state': state,
            'rate (Hz)': rate,
            'ticks': figures.ticks,
            'ticks missed': figures.missed,
            'answers': figures.answers,
            'failures': figures.failures,
            'jumps of time': figures.jumps,
        }
        for what in ('inference', 'latency', 'age'):
            kept = sorted(getattr(figures, what).copy())
            if kept:
                values[f'{what} p50 (ms)'] = f'{1e3 * kept[len(kept) // 2]:.1f}'
                values[f'{what} max (ms)'] = f'{1e3 * kept[-1]:.1f}'
        for stream, share in figures.coverage.items():
            values[f'coverage {stream}'] = f'{share:.2f}'
        level, text = OK, 'answering' if rate not in ('0.0', 'unknown') else 'no answers'
        if fault:
            level, text = ERROR, fault
        elif state != 'active':
            text = state
        elif text == 'no answers':
            level = WARN
        return self._status('recognition', level, text, values)

    def _stream(
        self,
        health: StreamHealth,
        finding: Finding | None,
        now: float,
        state: str,
        elapsed: float,
    ) -> DiagnosticStatus:
        values: dict[str, object] = {
            'rate (Hz)': self._rate(health.name, health.accepted, elapsed),
            'accepted': health.accepted,
            'refused': sum(health.refused.values()),
            'delay (ms)': f'{1e3 * health.delay:.1f}',
            'drops': health.lost,
            'gaps': health.gaps,
            'largest gap (s)': f'{health.largest_gap:.3f}',
        }
        for kind, count in health.refused.items():
            values[f'refused {kind}'] = count
        for kind, count in health.noted.items():
            values[kind] = count
        refused = self._rate(f'{health.name} refused', sum(health.refused.values()), elapsed)
        odd = health.odd(now)
        if state != 'active':
            level, text = OK, state
        elif not health.is_live(now):
            level = ERROR if finding is not None and finding.fault else STALE
            text = 'no message used yet'
            if health.accepted_at is not None:
                text = f'silent for {now - health.accepted_at:.1f} s'
            text += f': {finding.text}' if finding is not None else ''
        elif refused not in ('0.0', 'unknown'):
            level, text = WARN, f'{refused} messages a second refused: {health.refused_last}'
        elif odd:
            level, text = WARN, '; '.join(f'{kind}: {REMEDIES[kind]}' for kind in odd)
        elif health.empty_since is not None:
            level, text = OK, 'nobody in view'
        else:
            level, text = OK, 'receiving'
        return self._status(health.topic, level, text, values)

    def _status(
        self, part: str, level: bytes, text: str, values: Mapping[str, object]
    ) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level,
            name=f'{self._name}: {part}',
            message=text,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
