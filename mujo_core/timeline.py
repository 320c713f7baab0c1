"""Data in flight: ring buffers per stream, and windows cut from them on a uniform grid.

Every path (live topics, bags, data sets, built corpora) goes through `resample` and
`Timeline.cut`, so that what a model was trained on is what it sees live. Time is header time.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from mujo_core.recording import MODALITIES, modality_of
from mujo_core.skeleton import CANONICAL_JOINTS, CanonicalPose, canonical_pose

LATE_AFTER = 2.0
"""A stamp this far behind its stream's newest is odd, seconds."""
AHEAD_AFTER = 10.0
"""A stamp this far ahead of the clock is odd, seconds."""
_SAME = 1e-6
"""Stamps this close are the same: float64 seconds of today's clocks resolve 2.4e-7."""
_LARGEST = 1e9
"""No sensor measures more in SI units; what is larger is as good as infinite."""


@dataclass(frozen=True)
class StreamSpec:
    """How one stream lies on the grid.

    Attributes:
        rate: steps a second on the grid, Hz.
        shape: of one sample.
        max_gap: samples further apart than this are not joined, seconds.
        interpolation: ``'linear'``, or ``'nearest'`` (within half a grid step; for images).
        partial: NaN marks a part that is not seen (a hidden joint) instead of a broken sample.
        dtype: of the values.
    """

    rate: float
    shape: tuple[int, ...]
    max_gap: float
    interpolation: str = 'linear'
    partial: bool = False
    dtype: type = np.float32


@dataclass(frozen=True)
class WindowSpec:
    """The window's length and how far it may end behind the newest sample, both seconds."""

    seconds: float = 3.0
    patience: float = 0.25
    pose_rate: float = 25.0
    pose_max_gap: float = 0.2
    imu_rate: float = 50.0
    imu_max_gap: float = 0.1
    video_rate: float = 5.0
    video_shape: tuple[int, ...] = (56, 56, 1)

    def stream(self, name: str) -> StreamSpec:
        """Return the spec of a stream by its name (``'pose'``, ``'imu/...'``, ``'video'``)."""
        modality = modality_of(name)
        if modality == 'pose':
            shape = (len(CANONICAL_JOINTS), 3)
            return StreamSpec(self.pose_rate, shape, self.pose_max_gap, partial=True)
        if modality == 'imu':
            return StreamSpec(self.imu_rate, (6,), self.imu_max_gap)
        if modality == 'video':
            step = 1.0 / self.video_rate
            return StreamSpec(self.video_rate, self.video_shape, step, 'nearest', dtype=np.uint8)
        raise ValueError(f'a stream is pose, video or imu/<placement>, {name!r} came')

    def grid(self, end: float, rate: float) -> np.ndarray:
        """Return the stamps of a window's steps, the last one at `end`."""
        steps = round(self.seconds * rate)
        return end - np.arange(steps - 1, -1, -1) / rate


def resample(
    stamps: np.ndarray, values: np.ndarray, grid: np.ndarray, spec: StreamSpec
) -> tuple[np.ndarray, np.ndarray]:
    """Put samples onto a grid, without extrapolation.

    Args:
        stamps: (N,) increasing, seconds.
        values: (N, ...) samples.
        grid: (T,) increasing, seconds.
        spec: the stream's interpolation and largest gap.

    Returns:
        values (T, ...), NaN (zero for images) where masked, and mask (T,), True where there is
        data. In a partial stream a step has data when any of its parts is seen.
    """
    steps = len(grid)
    if not len(stamps):
        filler = np.nan if spec.interpolation == 'linear' else 0
        empty = np.full((steps, *values.shape[1:]), filler, dtype=values.dtype)
        return empty, np.zeros(steps, dtype=bool)
    after = np.searchsorted(stamps, grid - _SAME)
    before = np.clip(after - 1, 0, len(stamps) - 1)
    inside = after < len(stamps)
    after = np.minimum(after, len(stamps) - 1)
    if spec.interpolation == 'nearest':
        closer = np.abs(stamps[after] - grid) <= np.abs(stamps[before] - grid)
        nearest = np.where(closer, after, before)
        mask = np.abs(stamps[nearest] - grid) <= 0.5 / spec.rate + _SAME
        shaped = mask.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(shaped, values[nearest], 0).astype(values.dtype), mask
    exact = np.abs(stamps[after] - grid) <= _SAME
    before = np.where(exact, after, before)
    gap = stamps[after] - stamps[before]
    mask = exact | (inside & (after != before) & (gap <= spec.max_gap + _SAME))
    share = np.where(gap > 0, (grid - stamps[before]) / np.where(gap > 0, gap, 1.0), 0.0)
    share = share.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    joined = values[before] + share * (values[after] - values[before])
    joined[~mask] = np.nan
    if spec.partial:
        mask = mask & np.isfinite(joined).reshape(steps, -1).any(axis=1)
    return joined, mask


@dataclass(frozen=True)
class Window:
    """The last N seconds on the grid: values, masks and coverage of every stream.

    Attributes:
        start, end: seconds in header time; the last step lies at `end`.
        newest: the newest stamp of all streams, seconds.
        pose: canonical pose on the grid, or None without a pose stream.
        imu: placement to (T, 6) samples, 0 where masked.
        imu_mask: placement to (T,) bool.
        video: (T, H, W, C) images or None; video_mask: (T,) bool.
        coverage: stream name to the share of its grid that has data, 0..1.
        total: share of the window in which any stream has data, 0..1.
    """

    start: float
    end: float
    newest: float
    pose: CanonicalPose | None = None
    imu: dict[str, np.ndarray] = field(default_factory=dict)
    imu_mask: dict[str, np.ndarray] = field(default_factory=dict)
    video: np.ndarray | None = None
    video_mask: np.ndarray | None = None
    coverage: dict[str, float] = field(default_factory=dict)
    total: float = 0.0

    def modalities(self, least: float = 0.0) -> list[str]:
        """The modalities of which some stream covers more than the share `least`."""
        present = {modality_of(name) for name, share in self.coverage.items() if share > least}
        return [m for m in MODALITIES if m in present]


def make_window(
    pieces: dict[str, tuple[np.ndarray, np.ndarray]], end: float, newest: float, spec: WindowSpec
) -> Window:
    """Join the gridded values and masks of streams (see `resample`) to a `Window`."""
    pose, video, video_mask = None, None, None
    imu, imu_mask, coverage = {}, {}, {}
    # Streams have rates of their own; what any of them covers is counted on the finest common grid.
    fine = round(spec.seconds * 100)
    covered = np.zeros(fine, dtype=bool)
    for name in sorted(pieces):
        values, mask = pieces[name]
        modality, _, placement = name.partition('/')
        if modality == 'pose':
            pose = canonical_pose(values, spec.pose_rate)
            # Joints without hips and shoulders to centre them on are no data.
            mask = np.asarray(pose.mask.any(axis=1))
        elif modality == 'imu':
            imu[placement] = np.where(mask[:, None], values, 0.0).astype(np.float32)
            imu_mask[placement] = mask
        else:
            video, video_mask = values, mask
        coverage[name] = float(mask.mean()) if len(mask) else 0.0
        covered |= mask[np.arange(fine) * len(mask) // fine]
    return Window(
        start=end - spec.seconds,
        end=end,
        newest=newest,
        pose=pose,
        imu=imu,
        imu_mask=imu_mask,
        video=video,
        video_mask=video_mask,
        coverage=coverage,
        total=float(covered.mean()),
    )


class RingBuffer:
    """The newest samples of one stream in order of time, in memory that is allocated once.

    Samples lie contiguously in an array of twice the capacity: they are appended until its end
    and then moved to its start, so that a window is a slice.
    """

    def __init__(self, spec: StreamSpec, span: float) -> None:
        self.spec = spec
        self.span = span
        self.capacity = max(4, math.ceil(4 * spec.rate * span))
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
            steps = np.diff(stamps)
            first, last = float(stamps[0]), float(stamps[-1])
            if (
                first > buffer.newest
                and (steps > 0).all()
                and not self._is_odd(stream, first, now)
                and not self._is_odd(stream, last, now)
                and stream not in self._before_jump
            ):
                self._odd.pop(stream, None)
                buffer.append(stamps, values)
                return len(stamps)
            placed = [
                self._place(stream, float(s), v, now) for s, v in zip(stamps, values, strict=True)
            ]
            return sum(placed)

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
        return min(b.newest for b in self._buffers.values() if b.newest >= oldest - _SAME)

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
