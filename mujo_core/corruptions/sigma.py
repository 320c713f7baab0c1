"""How far the training data strays from its mean, by which noise is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mujo_core.recording import Stream, modality_of


@dataclass(frozen=True)
class Sigma:
    """Standard deviations of samples.

    Attributes:
        values: by modality and shape of a sample, e.g. ``('imu', (6,))``: one for each channel
            of an IMU (m/s^2, rad/s), one for each joint's coordinate (m).
    """

    values: Mapping[tuple[str, tuple[int, ...]], np.ndarray] = field(default_factory=dict)

    def of(self, name: str, stream: Stream) -> np.ndarray:
        """Return the deviations of a stream's samples.

        Raises:
            ValueError: they are not known.
        """
        key = modality_of(name), tuple(stream.values.shape[1:])
        if key not in self.values:
            raise ValueError(
                f'expected the standard deviation of {name} with samples of shape {key[1]}, '
                'it was not measured: give `sigma_of` streams of this kind'
            )
        return self.values[key]


def sigma_of(recordings: Iterable[Mapping[str, Stream]]) -> Sigma:
    """Measure the streams of recordings: each channel over all samples of all of them.

    Args:
        recordings: the streams of each; images are left out.
    """
    sums: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
    for streams in recordings:
        for name, stream in streams.items():
            if modality_of(name) not in ('pose', 'imu') or not len(stream):
                continue
            values = np.asarray(stream.values, dtype=float)
            seen = np.isfinite(values)
            filled = np.where(seen, values, 0.0)
            parts = np.stack([seen.sum(axis=0), filled.sum(axis=0), (filled**2).sum(axis=0)])
            key = modality_of(name), tuple(values.shape[1:])
            sums[key] = sums[key] + parts if key in sums else parts
    found = {}
    for key, (count, total, squares) in sums.items():
        mean = total / np.maximum(count, 1)
        found[key] = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0))
    return Sigma(found)
