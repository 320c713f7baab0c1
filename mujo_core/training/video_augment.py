"""Changes of small frames in training: other viewpoints, places, bodies, sensors and lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.limits import check_least, check_shares
from mujo_core.video.depth import EXTENT, REACH

_STEP = np.float32(REACH / 127)
"""Metres of one step of a depth frame's values."""


@dataclass(frozen=True)
class VideoAugmentation:
    """How frames are changed; the same change for all frames of a window, save noise.

    Attributes:
        turn: largest turn of a depth camera about the vertical axis through the person, degrees.
        tilt: standard deviation of its pitch and roll, degrees.
        shift: standard deviation of the person's place in the frame, metres (of `EXTENT`).
        scale: standard deviation of the log of the body's size.
        noise: largest standard deviation of a depth sensor's noise, metres.
        holes: largest share of a depth frame's pixels that are lost.
        light: standard deviation of the log of brightness and of contrast of colours.
        lose: largest share of frames that are lost.
    """

    turn: float = 20.0
    tilt: float = 4.0
    shift: float = 0.06
    scale: float = 0.1
    noise: float = 0.02
    holes: float = 0.1
    light: float = 0.25
    lose: float = 0.3

    def __post_init__(self) -> None:
        check_shares('sampler.video', self, 'holes', 'lose')
        check_least('sampler.video', self, 0, 'turn', 'tilt', 'shift', 'scale', 'noise', 'light')


def change_frames(
    frames: np.ndarray, how: VideoAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return changed frames of a window.

    Args:
        frames: (T, side, side, 1) depth or (T, side, side, 3) colours, uint8, or (T, F) features.
        how: the changes; rng: draws them.
    """
    if frames.ndim == 2:
        return _change_features(frames, how, rng)
    return (_change_depth if frames.shape[-1] == 1 else _change_colours)(frames, how, rng)


def _camera_turn(how: VideoAugmentation, rng: np.random.Generator) -> np.ndarray:
    yaw = np.deg2rad(rng.uniform(-how.turn, how.turn))
    pitch, roll = np.deg2rad(rng.normal(size=2) * how.tilt)
    about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(about_x) @ np.array(about_z) @ np.array(about_y)


def _change_depth(
    frames: np.ndarray, how: VideoAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """See the points of the frames from elsewhere, and draw them again."""
    steps, side = frames.shape[:2]
    values = frames.reshape(-1)
    place = np.flatnonzero(values)
    place = place[rng.random(len(place), dtype=np.float32) >= rng.uniform(0.0, how.holes)]
    step, pixel = np.divmod(place.astype(np.int32), side * side)
    row, column = np.divmod(pixel, side)
    metre = np.float32(EXTENT / side)
    middle = np.float32(side / 2)
    points = np.empty((3, len(place)), dtype=np.float32)
    points[0] = (column + (np.float32(0.5) - middle)) * metre
    points[1] = (row + (np.float32(0.5) - middle)) * metre
    points[2] = (np.float32(128) - values[place]) * _STEP
    size = np.exp(rng.normal() * how.scale) * np.exp(rng.normal(size=3) * how.scale / 2)
    points = ((size[:, None] * _camera_turn(how, rng)).astype(np.float32)) @ points
    points += (rng.normal(size=3) * how.shift).astype(np.float32)[:, None]
    noise = rng.standard_normal(len(place), dtype=np.float32)
    points[2] += noise * np.float32(rng.uniform(0.0, how.noise))
    column = np.floor(points[0] / metre + middle).astype(np.int32)
    row = np.floor(points[1] / metre + middle).astype(np.int32)
    value = np.round(np.float32(128) - points[2] / _STEP)
    seen = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    seen &= (value >= 1) & (value <= 255)
    target = ((step * side + row) * side + column)[seen]
    value = value[seen].astype(np.uint8)
    # What is nearer is drawn last: it hides what is behind it.
    order = np.argsort(value, kind='stable')
    changed = np.zeros(steps * side * side, dtype=np.uint8)
    changed[target[order]] = value[order]
    return changed.reshape(frames.shape)


def _change_colours(
    frames: np.ndarray, how: VideoAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """Shift, resize and light the frames otherwise."""
    side = frames.shape[1]
    grid = np.arange(side) + 0.5 - side / 2
    size = np.exp(rng.normal() * how.scale)
    row, column = (
        np.floor(grid / size + side / 2 + rng.normal() * how.shift / EXTENT * side).astype(int)
        for _ in range(2)
    )
    inside = ((row >= 0) & (row < side))[:, None] & ((column >= 0) & (column < side))
    moved = frames[:, row.clip(0, side - 1)][:, :, column.clip(0, side - 1)].astype(np.float32)
    contrast, brightness = np.exp(rng.normal(size=2) * how.light)
    lit = ((moved - 128.0) * contrast + 128.0) * brightness
    return np.where(inside[..., None], lit.clip(0, 255), 0).astype(np.uint8)


def _change_features(
    frames: np.ndarray, how: VideoAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """Features were computed beforehand: a tenth of their own spread as noise has to do."""
    spread = np.float32(0.1) * frames.std(axis=0, dtype=np.float32)
    noise = rng.standard_normal(frames.shape, dtype=np.float32)
    return (frames + spread * noise).astype(frames.dtype)
