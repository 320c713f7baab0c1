"""The work on a file of motion capture: joints to samples of some length."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mujo_core.builder.clip import Clip, ClipResult, LeftOut, Sample
from mujo_core.builder.floor import stand_on_floor
from mujo_core.builder.motion_files import read_motion
from mujo_core.builder.quality import measure_quality
from mujo_core.builder.sample import make_sample
from mujo_core.builder.settings import BuildSettings
from mujo_core.datasets.summary import collected_problems

_UP = np.array([0.0, 0.0, 1.0])
_RATE = 60.0  # Hz, the most that is kept of a capture


def build_motion_clip(clip: Clip, settings: BuildSettings) -> ClipResult:
    """Return a capture as samples no longer than a clip may be.

    Raises:
        ImportError: what reads this kind of file is not installed.
        OSError, ValueError: the file cannot be read.
    """
    with collected_problems() as notes:
        joints, rate = read_motion(Path(clip.path), clip.reading)
    every = max(1, math.floor(rate / _RATE))
    joints, rate = joints[::every], rate / every
    stamps = np.arange(len(joints)) / rate
    inside = (stamps >= clip.start) & (stamps < clip.end)
    joints, stamps = joints[inside], stamps[inside]
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    length = len(joints) / rate
    for part in np.array_split(
        np.arange(len(joints)), max(1, math.ceil(length / settings.cut.longest))
    ):
        start, end = (round(float(stamps[i]), 3) for i in (part[0], part[-1]))
        if end - start < settings.cut.shortest:
            reason = f'{end - start:.1f} s long, expected {settings.cut.shortest:g} or more'
            left_out.append(LeftOut(clip.name, start, end, reason))
            continue
        upright, _ = stand_on_floor(joints[part].astype(float), _UP)
        quality = measure_quality(joints[part].astype(float), upright)
        if reason := quality.shortfall(settings.quality):
            left_out.append(LeftOut(clip.name, start, end, reason))
            continue
        key = f'{clip.split}-{clip.name}-{len(samples) + 1:02d}'
        body = upright.astype(np.float32)
        made = make_sample(
            clip, key, 1, stamps[part], body, quality, {'notes': notes}, settings.imu
        )
        samples.append(made)
    return ClipResult(samples, left_out)
