"""What a real accelerometer and gyroscope add to what they undergo.

A sample is scaled by (1 + scale error), shifted by a bias that is drawn once and by one that drifts
(a first-order Gauss-Markov process), given white noise, held to the sensor's range and rounded to
its steps. Each axis of each device draws its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from mujo_core.inertial import STANDARD_GRAVITY
from mujo_core.recording import Stream


@dataclass(frozen=True)
class SensorNoise:
    """The errors of one sensor, per axis, in its unit u (m/s^2 or rad/s).

    Attributes:
        density: of white noise, u / sqrt(Hz); at a rate r it has deviation density * sqrt(r / 2).
        bias: standard deviation of the offset with which it is switched on, u.
        drift: standard deviation of the offset that wanders, u.
        memory: seconds after which a wandering offset has forgotten two thirds of itself.
        scale: standard deviation of the error of the scale, as a share.
        limit: end of the range, u.
        step: of the digits, u; 0 for none.
    """

    density: float = 0.0
    bias: float = 0.0
    drift: float = 0.0
    memory: float = 100.0
    scale: float = 0.0
    limit: float = float('inf')
    step: float = 0.0


@dataclass(frozen=True)
class ImuNoise:
    """The errors of a device."""

    acc: SensorNoise
    gyro: SensorNoise


_G, _DEGREE = STANDARD_GRAVITY, float(np.deg2rad(1.0))
NOISES = {
    'wearable': ImuNoise(
        SensorNoise(
            density=200e-6 * _G, bias=0.02 * _G, drift=0.2e-3 * _G, scale=0.01,
            limit=16 * _G, step=16 * _G / 2**15,
        ),
        SensorNoise(
            density=0.01 * _DEGREE, bias=1.0 * _DEGREE, drift=0.02 * _DEGREE, scale=0.01,
            limit=2000 * _DEGREE, step=2000 * _DEGREE / 2**15,
        ),
    ),
    'wearable_poor': ImuNoise(
        SensorNoise(
            density=400e-6 * _G, bias=0.06 * _G, drift=1e-3 * _G, scale=0.03,
            limit=8 * _G, step=8 * _G / 2**11,
        ),
        SensorNoise(
            density=0.03 * _DEGREE, bias=5.0 * _DEGREE, drift=0.1 * _DEGREE, scale=0.03,
            limit=1000 * _DEGREE, step=1000 * _DEGREE / 2**15,
        ),
    ),
}  # fmt: skip
"""By name: a consumer MEMS device of the order of today's data sheets, and an old uncalibrated one
of smaller range."""


def noise_named(name: str) -> ImuNoise | None:
    """Return the errors of a kind of device; None for no name.

    Raises:
        ValueError: another name.
    """
    if name and name not in NOISES:
        raise ValueError(f"expected a noise out of {', '.join(NOISES)}, or ''; {name!r} came")
    return NOISES[name] if name else None


def with_noise(stream: Stream, noise: ImuNoise, rate: float, rng: np.random.Generator) -> Stream:
    """Return an IMU's samples as a real device would give them.

    Args:
        stream: (N, 6) m/s^2 and rad/s; gaps are as long for what drifts as for the clock.
        noise: of the device.
        rate: samples a second.
        rng: what the errors are drawn from, the same number of draws for the same stamps.
    """
    if not len(stream):
        return stream
    places = np.round((stream.stamps - stream.stamps[0]) * rate).astype(int)
    values = np.asarray(stream.values, dtype=np.float64)
    parts = [
        _sensed(values[:, columns], places, sensor, rate, rng)
        for columns, sensor in ((slice(0, 3), noise.acc), (slice(3, 6), noise.gyro))
    ]
    return replace(stream, values=np.concatenate(parts, axis=1).astype(np.float32))


def _sensed(
    values: np.ndarray, places: np.ndarray, how: SensorNoise, rate: float, rng: np.random.Generator
) -> np.ndarray:
    scale = 1.0 + how.scale * rng.normal(size=3)
    bias = how.bias * rng.normal(size=3)
    bias = bias + _wander(int(places[-1]) + 1, how, rate, rng)[places]
    white = how.density * np.sqrt(rate / 2.0) * rng.normal(size=(len(places), 3))
    sensed = values * scale + bias + white
    sensed = np.clip(sensed, -how.limit, how.limit)
    if how.step > 0:
        # Towards zero at the ends, so that the last step does not leave the range.
        most = np.floor(how.limit / how.step) if np.isfinite(how.limit) else np.inf
        sensed = np.clip(np.round(sensed / how.step), -most, most) * how.step
    return np.asarray(sensed)


def _wander(count: int, how: SensorNoise, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Return an offset (count, 3) that keeps its spread and forgets itself within `memory`."""
    kept = np.exp(-1.0 / (how.memory * rate))
    drawn = rng.normal(size=(count, 3))
    drawn[1:] *= np.sqrt(1.0 - kept**2)
    return how.drift * np.asarray(lfilter([1.0], [1.0, -kept], drawn, axis=0))
