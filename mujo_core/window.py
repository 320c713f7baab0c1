"""The window: the last seconds of all streams on a uniform grid, with masks.

Every path (live topics, bags, data sets, built corpora) goes through `resample` and
`make_window`, so that what a model was trained on is what it sees live.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mujo_core.limits import check_least, check_positive
from mujo_core.recording import MODALITIES, modality_of
from mujo_core.skeleton import (
    CANONICAL_JOINTS,
    HEADING_SECONDS,
    CanonicalPose,
    canonical_pose,
)
from mujo_core.video.settings import VideoSettings

SAME = 1e-6
"""Stamps this close are the same: float64 seconds of today's clocks resolve 2.4e-7."""


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
    """What a window is.

    Attributes:
        seconds: its length; patience: how far it may end behind the newest sample, seconds.
        pose_rate, imu_rate, video_rate: steps a second on the grid, Hz.
        pose_max_gap, imu_max_gap: samples further apart are not joined, seconds.
        video: how images become the model's frames.
        video_shape: of a frame, (H, W, C) or (F,); what `video` gives, where that gives any.
        whole: a recording cut to one activity is judged by one window, which it fills at a pace
            of its own (`mujo_core.pace`); training sets it where it shows such windows.
        standard_body: bones get one body's lengths (`mujo_core.skeleton.standard_proportions`);
            models trained before it have their own.
        heading_seconds: over which a body's heading is taken.
        complete: take limbs that are hardly seen from the other side.
    """

    seconds: float = 3.0
    patience: float = 0.25
    pose_rate: float = 25.0
    pose_max_gap: float = 0.2
    imu_rate: float = 50.0
    imu_max_gap: float = 0.1
    video_rate: float = 5.0
    video_shape: tuple[int, ...] = (48, 48, 1)
    video: VideoSettings = field(default_factory=VideoSettings)
    whole: bool = False
    standard_body: bool = True
    heading_seconds: float = HEADING_SECONDS
    complete: bool = True

    def __post_init__(self) -> None:
        check_positive('window', self, 'seconds', 'pose_rate', 'imu_rate', 'video_rate')
        check_least('window', self, 0, 'patience', 'pose_max_gap', 'imu_max_gap', 'heading_seconds')
        if self.video.kind:
            object.__setattr__(self, 'video_shape', self.video.shape)

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
            dtype = np.uint8 if len(self.video_shape) == 3 else np.float32
            return StreamSpec(self.video_rate, self.video_shape, step, 'nearest', dtype=dtype)
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
    after = np.searchsorted(stamps, grid - SAME)
    before = np.clip(after - 1, 0, len(stamps) - 1)
    inside = after < len(stamps)
    after = np.minimum(after, len(stamps) - 1)
    if spec.interpolation == 'nearest':
        closer = np.abs(stamps[after] - grid) <= np.abs(stamps[before] - grid)
        nearest = np.where(closer, after, before)
        mask = np.abs(stamps[nearest] - grid) <= 0.5 / spec.rate + SAME
        shaped = mask.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(shaped, values[nearest], 0).astype(values.dtype), mask
    exact = np.abs(stamps[after] - grid) <= SAME
    before = np.where(exact, after, before)
    gap = stamps[after] - stamps[before]
    mask = exact | (inside & (after != before) & (gap <= spec.max_gap + SAME))
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
        video: (T, *video_shape) frames, 0 where masked, or None; video_mask: (T,) bool.
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
            pose = canonical_pose(values, spec.pose_rate, spec.standard_body, spec.heading_seconds)
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
