"""Draws a skeleton into a frame, and beside it what was said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH = 1280  # px, frames wider than this are made smaller
PANEL = 168  # px below the frame
STRIP = 14  # px of that for the labels so far

LEFT, RIGHT, MIDDLE = (255, 150, 40), (60, 170, 255), (240, 240, 240)
BONES = (
    *((a, b, LEFT) for a, b in ((11, 13), (13, 15), (11, 23), (23, 25), (25, 27), (27, 31))),
    *((a, b, RIGHT) for a, b in ((12, 14), (14, 16), (12, 24), (24, 26), (26, 28), (28, 32))),
    (11, 12, MIDDLE),
    (23, 24, MIDDLE),
)
"""Pairs of joints of layout mediapipe33, and a colour by side."""

_PALETTE = (
    (46, 160, 67), (31, 119, 180), (230, 126, 34), (155, 89, 182), (214, 39, 100), (23, 165, 165),
    (140, 100, 60), (200, 180, 30),
)  # fmt: skip
GREY = (130, 130, 130)


def colours(labels: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """A colour a label, in the order of their first coming; grey for `unknown`."""
    names = [name for name in dict.fromkeys(labels) if name != 'unknown']
    found = {name: _PALETTE[i % len(_PALETTE)] for i, name in enumerate(names)}
    return {**found, 'unknown': GREY}


def project(
    joints: NDArray[np.float32], focal: float, center: tuple[float, float]
) -> NDArray[np.float64]:
    """(J, 3) m in the camera's optical frame to (J, 2) px, NaN where unseen."""
    return focal * joints[:, :2].astype(float) / joints[:, 2:] + center


def draw_skeleton(rgb: NDArray[np.uint8], pixels: NDArray[np.float64]) -> None:
    """Draw bones into an image (H, W, 3), in place."""
    height, width = rgb.shape[:2]
    thick = max(2, height // 130)
    inside: NDArray[np.bool_] = np.isfinite(pixels).all(axis=1) & (
        np.abs(pixels) < 4 * max(height, width)
    ).all(axis=1)
    points = np.where(inside[:, None], pixels, 0).round().astype(int).tolist()
    for a, b, colour in BONES:
        if inside[a] and inside[b]:
            cv2.line(rgb, points[a], points[b], colour, thick, cv2.LINE_AA)
    for joint in {j for a, b, _ in BONES for j in (a, b)} | {0}:
        if inside[joint]:
            cv2.circle(rgb, points[joint], thick, (255, 255, 255), -1, cv2.LINE_AA)


def shrink(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """An image no wider than `WIDTH`, of even sides, and how much smaller it is."""
    height, width = rgb.shape[:2]
    scale = min(1.0, WIDTH / width)
    size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), scale


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    return ImageFont.truetype(str(Path(get_data_path()) / 'fonts' / 'ttf' / name), size)


def panel(
    width: int,
    now: float,
    duration: float,
    answer: dict[str, Any] | None,
    past: Sequence[tuple[float, str]],
    colour: dict[str, tuple[int, int, int]],
) -> NDArray[np.uint8]:
    """What was said at second `now` of a video of `duration` s.

    Args:
        width: px.
        now, duration: s.
        answer: newest `/activity` message by then, None before the first.
        past: (second, label) of each message so far.
        colour: of the labels.

    Returns:
        (PANEL, width, 3) uint8.
    """
    picture = Image.new('RGB', (width, PANEL), (22, 24, 28))
    draw = ImageDraw.Draw(picture)
    middle = int(width * 0.36)
    if answer is None:
        draw.text((24, 40), 'no activity yet', font=_font(34, True), fill=(150, 150, 150))
    else:
        said = answer['label']
        draw.text(
            (24, 18), said.replace('_', ' '), font=_font(40, True), fill=_bright(colour[said])
        )
        draw.text(
            (24, 72),
            f'{answer["confidence"]:.0%}   {" + ".join(answer["modalities"])}',
            font=_font(22),
            fill=(225, 225, 225),
        )
        rows = [*answer['scores'][:4], ['none of these', answer['unknown']]]
        room = width - middle - 24
        for row, (label, score) in enumerate(rows):
            y = 12 + row * 27
            fill = colour.get(label, GREY)
            name = label.replace('_', ' ')
            draw.text((middle, y), name, font=_font(17), fill=(225, 225, 225))
            left, length = middle + int(room * 0.4), int(room * 0.45)
            draw.rectangle((left, y + 4, left + length, y + 18), fill=(48, 52, 58))
            if score * length >= 1:
                draw.rectangle((left, y + 4, left + int(length * score), y + 18), fill=fill)
            draw.text((left + length + 12, y), f'{score:.0%}', font=_font(17), fill=(225, 225, 225))
    draw.text((24, 110), f'{now:.1f} s', font=_font(20), fill=(150, 150, 150))
    top = PANEL - STRIP
    draw.rectangle((0, top, width, PANEL), fill=(48, 52, 58))
    ends = [*(at for at, _ in past[1:]), now]
    for (start, label), end in zip(past, ends, strict=False):
        draw.rectangle(
            (start / duration * width, top, max(start, end) / duration * width, PANEL),
            fill=colour[label],
        )
    return np.asarray(picture, np.uint8)


def _bright(colour: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(min(255, int(90 + 0.8 * part)) for part in colour)
