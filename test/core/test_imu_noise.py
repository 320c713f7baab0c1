"""A sensor's errors against what its numbers mean."""

from dataclasses import replace

import numpy as np
import pytest

from mujo_core.recording import Stream
from mujo_core.virtual_imu import NOISES, ImuNoise, SensorNoise, noise_named, with_noise

RATE = 50.0


def still(count: int, rate: float = RATE) -> Stream:
    return Stream(7.0 + np.arange(count) / rate, np.zeros((count, 6), np.float32))


def errors(acc: SensorNoise, count: int, seed: int = 0, rate: float = RATE) -> np.ndarray:
    noise = ImuNoise(acc, SensorNoise())
    found = with_noise(still(count, rate), noise, rate, np.random.default_rng(seed)).values
    assert found.dtype == np.float32 and not found[:, 3:].any()
    return found[:, :3].astype(float)


@pytest.mark.parametrize('rate', [50.0, 200.0])
def test_white_noise_has_its_density_at_any_rate(rate):
    found = errors(SensorNoise(density=0.02), 40000, rate=rate)
    power = np.abs(np.fft.rfft(found, axis=0)[1:]) ** 2 * 2 / (len(found) * rate)
    assert np.sqrt(power.mean(axis=0)) == pytest.approx([0.02] * 3, rel=0.03)


def test_a_bias_stays_and_differs_between_devices():
    devices = np.stack([errors(SensorNoise(bias=0.3), 20, seed) for seed in range(400)])
    assert not np.ptp(devices, axis=1).any()
    assert np.std(devices[:, 0]) == pytest.approx(0.3, rel=0.1)
    assert abs(np.corrcoef(devices[:, 0].T)[0, 1]) < 0.15


def test_a_drift_keeps_its_spread_and_forgets_itself():
    found = errors(SensorNoise(drift=0.5, memory=4.0), 200_000)
    assert np.std(found, axis=0) == pytest.approx([0.5] * 3, rel=0.1)
    late = round(4.0 * RATE)
    alike = [np.corrcoef(axis[:-late], axis[late:])[0, 1] for axis in found.T]
    assert alike == pytest.approx([np.exp(-1)] * 3, abs=0.06)
    # A new device is not one that begins at nothing.
    starts = [errors(SensorNoise(drift=0.5), 2, seed)[0] for seed in range(300)]
    assert np.std(starts) == pytest.approx(0.5, rel=0.1)


def test_a_drift_goes_on_while_nothing_is_sensed():
    noise = ImuNoise(SensorNoise(drift=0.5, memory=1.0), SensorNoise())
    whole = still(200)
    kept = np.r_[0:50, 120:200]
    gapped = Stream(whole.stamps[kept], whole.values[kept])
    first, second = (
        with_noise(stream, noise, RATE, np.random.default_rng(3)) for stream in (whole, gapped)
    )
    assert np.array_equal(first.values[kept], second.values)


def test_range_digits_and_scale():
    steep = Stream(
        np.arange(400) / RATE,
        np.tile(np.linspace(-50, 50, 400)[:, None], (1, 6)).astype(np.float32),
    )
    sensor = SensorNoise(limit=20.0, step=0.3)
    noise = ImuNoise(sensor, replace(sensor, step=0.0, scale=0.05))
    found = with_noise(steep, noise, RATE, np.random.default_rng(1)).values.astype(float)
    assert np.abs(found[:, :3]).max() == pytest.approx(19.8) and np.abs(found[:, 3:]).max() == 20.0
    assert np.allclose(found[:, :3] / 0.3, np.round(found[:, :3] / 0.3), atol=1e-4)
    inside = np.abs(steep.values[:, 0]) < 15
    assert np.abs(found - steep.values)[inside, :3].max() < 0.151
    share = found[inside, 3:] / steep.values[inside, 3:]
    assert (np.ptp(share, axis=0) < 1e-4).all() and (np.abs(share[0] - 1) > 1e-3).any()


@pytest.mark.parametrize('name', NOISES)
def test_named_devices_are_seeded_and_hardly_move_a_wrist(name):
    t = np.arange(500) / RATE
    swing = np.stack([9.81 + 5 * np.sin(4 * t)] * 3 + [2 * np.cos(4 * t)] * 3, axis=1)
    clean = Stream(t, swing.astype(np.float32))
    noise = noise_named(name)
    one, same, other = (
        with_noise(clean, noise, RATE, np.random.default_rng(seed)).values for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    # The motion is not drowned: what is added stays far below what a hand does.
    error = np.sqrt(np.mean((one - clean.values) ** 2, axis=0))
    assert (error > 0).all() and (error[:3] < 2.0).all() and (error[3:] < 0.3).all()
    assert noise_named('') is None
    assert not len(with_noise(still(0), noise, RATE, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"wearable.*'earring' came"):
        noise_named('earring')
