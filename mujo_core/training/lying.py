"""Standing bodies laid down: few recordings show somebody who lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mujo_core.recording import Stream, modality_of

_FLAT = (75.0, 105.0)
"""Degrees by which an upright body is tipped over."""


def laid_down(streams: dict[str, Stream], rng: np.random.Generator) -> dict[str, Stream]:
    """Return the streams of a standing body as if it lay, on whichever side.

    The skeleton is turned about its pelvis. A device's attitude is not known; it is turned so that
    the mean specific force meets other axes of it, as it does in some attitude of a lying body.

    Args:
        streams: by name; pose as canonical joints with z up.
    """
    tipped = np.deg2rad(rng.uniform(*_FLAT))
    side = rng.uniform(0.0, 2 * np.pi)
    turn = Rotation.from_rotvec(tipped * np.array([np.cos(side), np.sin(side), 0.0])).as_matrix()
    found = {}
    for name, stream in streams.items():
        values = stream.values
        if modality_of(name) == 'pose':
            pelvis = values[:, :1]
            values = (values - pelvis) @ turn.T.astype(np.float32) + pelvis
        elif modality_of(name) == 'imu':
            values = _device(values, tipped, rng)
        found[name] = replace(stream, values=values.astype(np.float32))
    return found


def _device(samples: np.ndarray, tipped: float, rng: np.random.Generator) -> np.ndarray:
    """Return samples (N, 6) whose mean specific force is turned by an angle; what is beside it,
    the motion, stays in the device's axes."""
    mean = samples[:, :3].mean(axis=0)
    across = np.cross(mean, rng.normal(size=3))
    across /= max(float(np.linalg.norm(across)), 1e-9)
    turned = Rotation.from_rotvec(tipped * across).apply(mean)
    return samples + np.concatenate([turned - mean, np.zeros(3)])
