"""A body's motion to a sample: pose, virtual IMUs, frames, words."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from mujo_core.builder.clip import Clip, Sample
from mujo_core.builder.quality import Quality
from mujo_core.builder.settings import ImuSettings
from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.recording import Stream
from mujo_core.virtual_imu import (
    PLACEMENTS,
    noise_named,
    read_likeness,
    virtual_imu,
    with_noise,
)

IMU_RATE = 50.0
_FORCE, _TURN = 16 * STANDARD_GRAVITY, np.deg2rad(2000.0)
"""What a wearable measures at most on an axis; a skeleton that flips gives more."""
_AROUND = 5  # samples on both sides of one beyond the range that are not believed either
FORMAT = 1
"""Of the JSON and arrays of a sample."""


def make_sample(
    clip: Clip,
    key: str,
    person: int,
    stamps: np.ndarray,
    joints: np.ndarray,
    quality: Quality,
    further: dict[str, Any],
    imu: ImuSettings,
    frames: tuple[np.ndarray, np.ndarray] | None = None,
    picture: bytes = b'',
) -> Sample:
    """Return the sample of one person.

    Args:
        stamps: (T,) s in the file; the sample's own begin at 0.
        joints: (T, 16, 3) float32 metres, z up, NaN where not seen.
        further: facts of its kind of source.
        imu: what becomes of its virtual IMUs.
        frames: stamps (N,) s in the file, and what a model sees of the pictures.
        picture: JPEG.
    """
    start = float(stamps[0])
    times = np.round(stamps - start, 4)
    arrays: dict[str, np.ndarray] = {
        'skeleton/t': times,
        'skeleton/xyz': np.round(joints, 5).astype(np.float32),
        'skeleton/layout': np.array('canonical16'),
        'skeleton/up': np.array((0.0, 0.0, 1.0)),
    }
    placements = []
    for placement in PLACEMENTS:
        stream = virtual_imu(times, arrays['skeleton/xyz'], placement, IMU_RATE)
        samples = np.asarray(stream.values, np.float32)
        kept = _in_range(samples)
        if kept.sum() > 1:
            placements.append(placement)
            samples = _worn(stream, f'{clip.name}/{person}', placement, imu)
            arrays[f'imu/{placement}/t'] = np.round(stream.stamps[kept], 4)
            arrays[f'imu/{placement}/acc'] = samples[kept, :3]
            arrays[f'imu/{placement}/gyro'] = samples[kept, 3:]
    if frames is not None and len(frames[0]) > 1:
        arrays['video/t'] = np.round(frames[0] - start, 4)
        arrays['video/frames'] = frames[1]
    facts = {
        'format': FORMAT,
        'clip': clip.name,
        'kind': clip.kind,
        'file': clip.path.rpartition('/')[2],
        'group': clip.group,
        'split': clip.split,
        'person': person,
        'start': round(start, 4),
        'end': round(float(stamps[-1]), 4),
        'title': clip.title,
        'words': clip.words,
        'label': clip.label,
        'description': clip.description,
        'captions': list(clip.captions),
        'imu': placements,
        'quality': vars(quality),
        **further,
    }
    return Sample(key, facts, arrays, picture)


def _worn(stream: Stream, whose: str, placement: str, how: ImuSettings) -> np.ndarray:
    """Return samples (N, 6) as a real device would give them, the same ones every time."""
    if how.like:
        stream = _likeness(how.like).apply(stream, placement)
    if noise := noise_named(how.noise):
        digest = hashlib.sha256(f'{whose}/{placement}'.encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], 'big'))
        stream = with_noise(stream, noise, IMU_RATE, rng)
    return np.asarray(stream.values, np.float32)


_likeness = lru_cache(maxsize=4)(read_likeness)


def _in_range(samples: np.ndarray) -> np.ndarray:
    """Return which samples (N, 6) a device could have measured."""
    beyond = (np.abs(samples[:, :3]) > _FORCE).any(axis=1)
    beyond |= (np.abs(samples[:, 3:]) > _TURN).any(axis=1)
    near: np.ndarray = binary_dilation(beyond, np.ones(2 * _AROUND + 1))
    return ~near
