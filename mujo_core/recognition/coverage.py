"""How much of a window must be there for an answer, and which streams are used for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mujo_core.recording import MODALITIES, modality_of
from mujo_core.window import Window

LEAST_TOTAL_COVERAGE = 0.3
"""Below it there is no answer."""
LEAST_STREAM_COVERAGE = 0.2
"""A stream that covers less of the window is not used."""


def usable(window: Window, modalities: Collection[str] = MODALITIES) -> Window | None:
    """Return a window with the streams that cover enough of it; None where too little is there.

    Args:
        modalities: what the model was trained on.
    """
    if window.total < LEAST_TOTAL_COVERAGE:
        return None
    used = [
        name
        for name, share in window.coverage.items()
        if share >= LEAST_STREAM_COVERAGE and modality_of(name) in modalities
    ]
    return only_streams(window, used) if used else None


def only_streams(window: Window, names: list[str]) -> Window:
    """Return a window in which only these streams are seen; coverage still lists all."""
    kept = {n.partition('/')[2] for n in names if modality_of(n) == 'imu'}
    return replace(
        window,
        video=window.video if 'video' in names else None,
        video_mask=window.video_mask if 'video' in names else None,
        pose=window.pose if 'pose' in names else None,
        imu={p: v for p, v in window.imu.items() if p in kept},
        imu_mask={p: v for p, v in window.imu_mask.items() if p in kept},
    )
