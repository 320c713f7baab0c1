"""Data in flight: a ring buffer a stream, and the windows cut from them. Time is header time."""

from __future__ import annotations

import math
import threading
from collections import Counter

import numpy as np

from mujo_core.ring_buffer import RingBuffer
from mujo_core.window import SAME, StreamSpec, Window, WindowSpec, make_window, resample

LATE_AFTER = 2.0
"""A stamp this far behind its stream's newest is odd, seconds."""
AHEAD_AFTER = 10.0
"""A stamp this far ahead of the clock is odd, seconds."""
SILENT_AFTER = 1.0
"""Without a sample for longer than this on its clock a node answers no more, seconds."""
_LARGEST = 1e9
"""No sensor measures more in SI units; what is larger is as good as infinite."""


class Timeline:
    """Ring buffers of all streams and the windows cut from them. Safe to use from two threads.

    Args:
        spec: window and grid.
        streams: names of streams that are awaited from the start; others appear with their first
            sample, up to `max_streams`.
    """

    def __init__(
        self, spec: WindowSpec | None = None, streams: tuple[str, ...] = (), max_streams: int = 64
    ) -> None:
        self.spec = spec or WindowSpec()
        self.refused: dict[str, Counter[str]] = {}
        self.jumps = 0
        self._max_streams = max_streams
        self._buffers: dict[str, RingBuffer] = {}
        self._odd: dict[str, float] = {}
        self._before_jump: dict[str, float] = {}
        self._lock = threading.Lock()
        for name in streams:
            self._buffer(name)

    def _buffer(self, name: str) -> RingBuffer:
        if name not in self._buffers:
            if len(self._buffers) >= self._max_streams:
                raise ValueError(
                    f'a timeline holds at most {self._max_streams} streams, {name!r} came as one '
                    'more; list fewer placements'
                )
            self._buffers[name] = RingBuffer(self.spec.stream(name), self.spec.seconds + LATE_AFTER)
            self.refused[name] = Counter()
        return self._buffers[name]

    @property
    def streams(self) -> list[str]:
        """Names of the streams, in order of appearance."""
        return list(self._buffers)

    def newest(self, stream: str | None = None) -> float | None:
        """The newest stamp of one stream, or of all; None without a sample."""
        with self._lock:
            return self._newest(stream)

    def _newest(self, stream: str | None = None) -> float | None:
        buffers = [self._buffers[stream]] if stream else list(self._buffers.values())
        stamp = max((b.newest for b in buffers), default=-math.inf)
        return stamp if math.isfinite(stamp) else None

    def clear(self) -> None:
        """Forget all samples (counts stay)."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        for buffer in self._buffers.values():
            buffer.clear()
        self._odd.clear()
        self._before_jump.clear()

    def insert(
        self,
        stream: str,
        stamps: np.ndarray | float,
        values: np.ndarray,
        now: float | None = None,
    ) -> int:
        """Store samples of one stream.

        Refused and counted in `refused[stream]` by kind: ``zero_stamp``, ``not_finite`` (a NaN or
        infinite stamp or value; NaN alone is allowed in a partial stream), ``wrong_shape``,
        ``duplicate`` (the first is kept), ``late``, ``ahead``. A second odd stamp in a row that
        agrees with the first is a jump of time: everything resets once and `jumps` counts it.

        Args:
            stream: ``'pose'``, ``'video'`` or ``'imu/<placement>'``.
            stamps: (N,) or a number, seconds in header time.
            values: (N, ...) or one sample.
            now: the clock, seconds; without it no stamp is ahead.

        Returns:
            How many samples were stored.
        """
        stamps = np.atleast_1d(np.asarray(stamps, dtype=np.float64))
        with self._lock:
            buffer = self._buffer(stream)
            refused = self.refused[stream]
            values = np.asarray(values)
            if values.shape == buffer.spec.shape and len(stamps) == 1:
                values = values[None]
            if values.shape != (len(stamps), *buffer.spec.shape):
                refused['wrong_shape'] += len(stamps)
                return 0
            if not len(stamps):
                return 0
            stamps, values = self._finite(stamps, values, buffer.spec, refused)
            if not len(stamps):
                return 0
            if self._follow(stream, stamps, now):
                self._odd.pop(stream, None)
                buffer.append(stamps, values)
                return len(stamps)
            placed = [
                self._place(stream, float(s), v, now) for s, v in zip(stamps, values, strict=True)
            ]
            return sum(placed)

    def follow(self, stream: str, stamps: np.ndarray, now: float | None = None) -> bool:
        """Whether stamps (N,) simply go on from what is held of a stream: in order, none odd."""
        with self._lock:
            self._buffer(stream)
            return self._follow(stream, stamps, now)

    def _follow(self, stream: str, stamps: np.ndarray, now: float | None) -> bool:
        first, last = float(stamps[0]), float(stamps[-1])
        return bool(
            first > max(self._buffers[stream].newest, 0.0)
            and (stamps[1:] > stamps[:-1]).all()
            and not self._is_odd(stream, first, now)
            and not self._is_odd(stream, last, now)
            and stream not in self._before_jump
        )

    def refuse(self, stream: str, kind: str) -> None:
        """Count a sample that was turned away before it came here."""
        with self._lock:
            self._buffer(stream)
            self.refused[stream][kind] += 1

    @staticmethod
    def _finite(
        stamps: np.ndarray, values: np.ndarray, spec: StreamSpec, refused: Counter[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        zero = stamps <= 0.0
        bad = ~np.isfinite(stamps)
        if np.issubdtype(values.dtype, np.floating):
            size = np.abs(values.reshape(len(values), -1))
            broken = size > _LARGEST if spec.partial else ~(size <= _LARGEST)
            bad = bad | broken.any(axis=1)
        if not (zero | bad).any():
            return stamps, values
        for kind, which in (('zero_stamp', zero & ~bad), ('not_finite', bad)):
            if which.any():
                refused[kind] += int(which.sum())
        good = ~(zero | bad)
        return stamps[good], values[good]

    def _is_odd(self, stream: str, stamp: float, now: float | None) -> str:
        newest = self._buffers[stream].newest
        if stamp < newest - LATE_AFTER:
            return 'late'
        # Once a sensor's clock is known to be ahead no other on that time is odd again.
        if now is not None and stamp > now + AHEAD_AFTER:
            held = self._newest()
            if held is None or stamp > held + AHEAD_AFTER:
                return 'ahead'
        return ''

    def _place(self, stream: str, stamp: float, value: np.ndarray, now: float | None) -> bool:
        refused = self.refused[stream]
        if stream in self._before_jump and not self._has_jumped_too(stream, stamp):
            refused['late'] += 1
            return False
        kind = self._is_odd(stream, stamp, now)
        if kind:
            previous = self._odd.get(stream)
            if previous is None or abs(stamp - previous) > LATE_AFTER:
                self._odd[stream] = stamp
                refused[kind] += 1
                return False
            others = {n: b.newest for n, b in self._buffers.items() if n != stream and len(b)}
            self._clear()
            self._before_jump = others
            self.jumps += 1
        self._odd.pop(stream, None)
        if not self._buffers[stream].place(stamp, value):
            refused['duplicate'] += 1
            return False
        return True

    def _has_jumped_too(self, stream: str, stamp: float) -> bool:
        """After a jump: may this stream's samples come in again?

        What is still on the way is on the old time. A stream that goes on there for longer has
        a clock of its own and keeps it.
        """
        old, new = self._before_jump[stream], self._newest()
        on_old_time = new is not None and abs(stamp - old) < abs(stamp - new)
        if on_old_time and stamp <= old + LATE_AFTER:
            return False
        del self._before_jump[stream]
        return True

    def end(self) -> float | None:
        """Where a window cut now ends: at the newest sample of the slowest live stream.

        A stream whose newest sample is more than the spec's patience behind the newest of all
        holds nobody up.
        """
        with self._lock:
            return self._end()

    def _end(self) -> float | None:
        newest = self._newest()
        if newest is None:
            return None
        oldest = newest - self.spec.patience
        return min(b.newest for b in self._buffers.values() if b.newest >= oldest - SAME)

    def cut(self, end: float | None = None) -> Window | None:
        """Cut the window that ends at `end` (default: see `end()`); None without any sample."""
        with self._lock:
            newest = self._newest()
            end = self._end() if end is None else end
            if newest is None or end is None:
                return None
            pieces = {
                name: resample(
                    buffer.stamps,
                    buffer.values,
                    self.spec.grid(end, buffer.spec.rate),
                    buffer.spec,
                )
                for name, buffer in self._buffers.items()
            }
        return make_window(pieces, end, newest, self.spec)
