"""Small pictures of data as SVG, without a library that draws."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from mujo_core.skeleton import PARENTS

_GAP = 2.5  # times the usual step
_COLOURS = ('#c0392b', '#2e7d32', '#1f5fa8')


def skeleton_row(joints: np.ndarray, width: int = 520, height: int = 130) -> str:
    """Draw poses (N, 16, 3), metres, z up, side by side as seen from the front right."""
    count = max(len(joints), 1)
    cell = width / count
    turn = np.deg2rad(30.0)
    across = np.array([-np.sin(turn), np.cos(turn), 0.0]) * -1.0
    scale = (height - 10) / 2.1
    parts = []
    for place, pose in enumerate(joints):
        middle = np.nanmean(pose[:, :2], axis=0) if np.isfinite(pose).any() else np.zeros(2)
        x = (pose[:, :2] - middle) @ across[:2] * scale + cell * (place + 0.5)
        y = height - 5 - pose[:, 2] * scale
        for joint, parent in enumerate(PARENTS):
            ends = (x[joint], y[joint], x[parent], y[parent])
            if joint != parent and np.isfinite(ends).all():
                colour = _COLOURS[2] if joint % 2 == 0 and joint > 3 else _COLOURS[0]
                colour = '#444' if joint <= 3 else colour
                parts.append(
                    f'<line x1="{ends[0]:.1f}" y1="{ends[1]:.1f}" x2="{ends[2]:.1f}" '
                    f'y2="{ends[3]:.1f}" stroke="{colour}" stroke-width="2.5"/>'
                )
    return _svg(width, height, parts)


def signal_row(
    stamps: np.ndarray, values: np.ndarray, unit: str, width: int = 520, height: int = 90
) -> str:
    """Draw three axes (N, 3) over time (N,) s; the scale is that of the largest value.

    Where samples are missing there is no line.
    """
    if len(stamps) < 2:
        return _svg(width, height, [])
    step = max(1, len(stamps) // width)
    stamps, values = stamps[::step], values[::step]
    largest = max(float(np.abs(values).max()), 1e-6)
    x = (stamps - stamps[0]) / max(float(stamps[-1] - stamps[0]), 1e-6) * (width - 4) + 2
    gaps = np.flatnonzero(np.diff(stamps) > _GAP * np.median(np.diff(stamps))) + 1
    runs = np.split(np.arange(len(stamps)), gaps)
    parts = [f'<line x1="0" x2="{width}" y1="{height / 2}" y2="{height / 2}" stroke="#ccc"/>']
    for axis, colour in zip(values.T, _COLOURS, strict=True):
        y = height / 2 - axis / largest * (height / 2 - 4)
        for run in runs:
            points = ' '.join(f'{a:.1f},{b:.1f}' for a, b in zip(x[run], y[run], strict=True))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    parts.append(f'<text x="4" y="12" font-size="11">±{largest:.1f} {escape(unit)}</text>')
    return _svg(width, height, parts)


def histogram(values: Sequence[float], bins: int = 24, width: int = 250, height: int = 90) -> str:
    """Draw how values spread."""
    if not values:
        return _svg(width, height, [])
    counts, edges = np.histogram(values, bins=bins)
    step, tallest = width / bins, max(int(counts.max()), 1)
    parts = [
        f'<rect x="{place * step:.1f}" y="{(height - 16) * (1 - count / tallest):.1f}" '
        f'width="{step - 1:.1f}" height="{(height - 16) * count / tallest:.1f}" fill="#1f5fa8"/>'
        for place, count in enumerate(counts)
    ]
    parts.append(f'<text x="0" y="{height - 3}" font-size="11">{edges[0]:.3g}</text>')
    parts.append(
        f'<text x="{width}" y="{height - 3}" font-size="11" text-anchor="end">{edges[-1]:.3g}'
        '</text>'
    )
    return _svg(width, height, parts)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'{"".join(parts)}</svg>'
    )
