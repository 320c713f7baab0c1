"""How good a track is, in figures, and what it must reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.builder.settings import QualitySettings
from mujo_core.skeleton import JOINT, PARENTS

_BONES = [j for j in range(len(PARENTS)) if PARENTS[j] != j and j not in (JOINT['spine'],)]


@dataclass(frozen=True)
class Quality:
    """Figures of a track.

    Attributes:
        visible: share of joints that were seen, before gaps were bridged.
        bridged: share that was bridged.
        jitter: noise of a joint as it was estimated, the median over joints, metres.
        bone_spread: spread of a bone's length over time as a share of it, the median over bones.
        height: of the person in the picture, the median, pixels; 0 without a picture.
    """

    visible: float
    bridged: float
    jitter: float
    bone_spread: float
    height: float

    def shortfall(self, least: QualitySettings) -> str:
        """Return why it is not good enough, or nothing."""
        if self.visible < least.visible:
            return f'{self.visible:.2f} of the joints seen, expected {least.visible:g} or more'
        if not self.jitter <= least.jitter:
            return f'joints tremble by {self.jitter:.3f} m, expected {least.jitter:g} or less'
        if not self.bone_spread <= least.bone_spread:
            return (
                f'bones change by {self.bone_spread:.2f} of their length, '
                f'expected {least.bone_spread:g} or less'
            )
        if 0 < self.height < least.height:
            return f'{self.height:.0f} pixels high, expected {least.height:g} or more'
        return ''


def measure_quality(
    raw: np.ndarray, final: np.ndarray, heights: np.ndarray | None = None
) -> Quality:
    """Measure a track.

    Args:
        raw: (T, 16, 3) metres as they were estimated, NaN where not seen; final: as they are kept.
        heights: (N,) of the person in the pictures, pixels.
    """
    seen, kept = np.isfinite(raw).all(axis=2), np.isfinite(final).all(axis=2)
    lengths = np.linalg.norm(final - final[:, PARENTS], axis=2)[:, _BONES]
    return Quality(
        visible=round(float(seen.mean()), 4),
        bridged=round(float((kept & ~seen).mean()), 4),
        jitter=round(_jitter(raw - raw[:, :1]), 5),
        bone_spread=round(_spread(lengths), 4),
        height=round(float(np.median(heights)), 1) if heights is not None else 0.0,
    )


def _jitter(paths: np.ndarray) -> float:
    """Return the deviation of white noise on paths (T, J, 3), by third differences."""
    ripple = np.abs(np.diff(paths, n=3, axis=0)).reshape(max(len(paths) - 3, 0), -1)
    known = ripple[:, np.isfinite(ripple).sum(axis=0) > 3]
    if not known.shape[1]:
        return 0.0
    return float(np.median(np.nanmedian(known, axis=0)) / 0.6745 / np.sqrt(20.0))


def _spread(lengths: np.ndarray) -> float:
    """Return the median over bones of half the 16th-to-84th percentile range by the median."""
    known = lengths[:, np.isfinite(lengths).sum(axis=0) > 3]
    if not known.shape[1]:
        return 0.0
    low, middle, high = np.nanpercentile(known, [16, 50, 84], axis=0)
    return float(np.median((high - low) / 2 / np.maximum(middle, 1e-6)))
