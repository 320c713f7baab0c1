"""How close virtual IMUs come to real ones that were worn beside the same skeleton."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import butter, filtfilt

from mujo_core.recording import Recording, modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.virtual_imu import PLACEMENTS, virtual_imu

RATE = 50.0
"""Hz at which both are compared."""
CUTOFF = 5.0
"""Hz of the zero-phase Butterworth filter of order 2 that both go through."""
MOST_LAG = 0.2
"""Seconds by which the skeleton's clock may be off."""
CAMERA_CUTOFF, CAMERA_TURN_CUTOFF = 2.3, 1.6
"""Hz, of the path and the attitude of a device on a depth camera's skeleton."""
_LEAST = 30  # samples that both must have
AXES = ('acc x', 'acc y', 'acc z', 'gyro x', 'gyro y', 'gyro z')


@dataclass
class Fidelity:
    """Correlations of one placement's virtual and real samples, a value a recording.

    Attributes:
        acc, gyro: of the magnitudes, each at its best lag.
        axes: (6,) in the sensor's axes, at the lag of the gyroscope's magnitude.
    """

    acc: list[float] = field(default_factory=list)
    gyro: list[float] = field(default_factory=list)
    axes: list[np.ndarray] = field(default_factory=list)

    def to_dict(self) -> dict[str, float | int]:
        """Return the medians over recordings."""
        medians = np.median(np.stack(self.axes), axis=0)
        return {
            'recordings': len(self.acc),
            'acc': round(float(np.median(self.acc)), 4),
            'gyro': round(float(np.median(self.gyro)), 4),
            **{name: round(float(m), 4) for name, m in zip(AXES, medians, strict=True)},
        }


@dataclass(frozen=True)
class Twins:
    """A virtual and the real device at one placement of a recording, sample by sample.

    Attributes:
        virtual, real: (N, 6) m/s^2 and rad/s.
    """

    placement: str
    subject: str
    virtual: np.ndarray
    real: np.ndarray


def twins(
    recordings: Iterable[Recording],
    cutoff: float | None = CAMERA_CUTOFF,
    turn_cutoff: float | None = CAMERA_TURN_CUTOFF,
) -> Iterator[Twins]:
    """Yield every real IMU at a placement that can be simulated beside its virtual twin.

    The skeleton is stretched to the IMU's length: the clocks of a recording's sensors start and
    end together and run apart in between.

    Args:
        cutoff, turn_cutoff: of the virtual ones (see `virtual_imu`).
    """
    for recording in recordings:
        pose = recording.streams.get('pose')
        if pose is None or len(pose) < 2 or not pose.layout:
            continue
        for name, real in recording.streams.items():
            placement = name.partition('/')[2]
            if modality_of(name) != 'imu' or placement not in PLACEMENTS or len(real) < _LEAST:
                continue
            stretch = (real.stamps[-1] - real.stamps[0]) / (pose.stamps[-1] - pose.stamps[0])
            stamps = real.stamps[0] + (pose.stamps - pose.stamps[0]) * stretch
            joints = canonical_joints(pose.values, pose.layout, pose.up, worn=True)
            virtual = virtual_imu(stamps, joints, placement, RATE, cutoff, turn_cutoff)
            if len(virtual) < _LEAST:
                continue
            twin = [np.interp(virtual.stamps, real.stamps, column) for column in real.values.T]
            yield Twins(placement, recording.subject, virtual.values, np.stack(twin, axis=1))


def measure_fidelity(recordings: Iterable[Recording]) -> dict[str, Fidelity]:
    """Compare every real IMU at a placement that can be simulated with its virtual twin."""
    found: dict[str, Fidelity] = {}
    for pair in twins(recordings):
        compare(pair.virtual, pair.real, found.setdefault(pair.placement, Fidelity()))
    return found


def compare(virtual: np.ndarray, real: np.ndarray, into: Fidelity) -> None:
    """Correlate the samples (N, 6) of two devices."""
    lags = {}
    for kind, columns in (('acc', slice(0, 3)), ('gyro', slice(3, 6))):
        sizes = [np.linalg.norm(v[:, columns], axis=1) for v in (virtual, real)]
        lags[kind], best = _best_lag(*(_low_pass(size) for size in sizes))
        getattr(into, kind).append(best)
    pairs = zip(_low_pass(virtual).T, _low_pass(real).T, strict=True)
    into.axes.append(np.array([_correlation(*_lagged(a, b, lags['gyro'])) for a, b in pairs]))


def _low_pass(values: np.ndarray) -> np.ndarray:
    numerator, denominator = butter(2, CUTOFF / (RATE / 2))
    return np.asarray(filtfilt(numerator, denominator, values, axis=0))


def _lagged(first: np.ndarray, second: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what two rows share when `first` is `lag` samples late."""
    count = len(first) - abs(lag)
    return first[max(0, lag) :][:count], second[max(0, -lag) :][:count]


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else 0.0


def _best_lag(first: np.ndarray, second: np.ndarray) -> tuple[int, float]:
    most = round(MOST_LAG * RATE)
    found = {lag: _correlation(*_lagged(first, second, lag)) for lag in range(-most, most + 1)}
    best = max(found, key=lambda lag: (found[lag], -abs(lag)))
    return best, found[best]
