"""Files of motion capture, of any of the known kinds, to canonical joints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np


def read_motion(path: Path, reading: Mapping[str, str]) -> tuple[np.ndarray, float]:
    """Return joints (T, 16, 3) float32 in metres with z up, NaN where not seen, and frames a second.

    Args:
        reading: of CMU's clips, each format of the trial to its step and added frames; else empty.

    Raises:
        ImportError: what reads this kind of file is not installed.
        OSError, ValueError: the file cannot be read.
    """
    if reading:
        from mujo_core.datasets.cmu_mocap import read_first

        return read_first(path.parent, reading)
    suffix = path.suffix.lower()
    if suffix == '.bvh':
        from mujo_core.builder.motion_bvh import read_bvh_joints

        return read_bvh_joints(path)
    if suffix == '.amc':
        from mujo_core.builder.motion_bvh import read_amc_joints

        return read_amc_joints(path)
    from mujo_core.builder.motion_c3d import read_c3d_joints

    return read_c3d_joints(path)
