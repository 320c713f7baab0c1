"""When ticks come: at their rate, just after a sample of the fastest stream."""

import numpy as np
import pytest

from mujo_ros.health import StreamHealth
from mujo_ros.pacing import Pacer


def run(rate, streams, seconds=5.0, start=100.0, late=0.0):
    """Tick at `rate` beside streams of (rate, phase); times of ticks and age of the newest."""
    healths = {name: StreamHealth(name, name, 1.0) for name in streams}
    sent = {name: start + phase for name, (_, phase) in streams.items()}
    pacer, now, times, ages = Pacer(), start, [], []
    while now < start + seconds:
        for name, (stream_rate, _) in streams.items():
            while sent[name] <= now:
                healths[name].received_at = sent[name]
                healths[name].accept(sent[name], sent[name])
                sent[name] += 1.0 / stream_rate
        times.append(now)
        ages.append(now - max((h.received_at or start for h in healths.values()), default=now))
        now += pacer.delay(now, 1.0 / rate, healths.values()) + late
    return np.array(times), np.array(ages[5:])


@pytest.mark.parametrize('phase', [0.0, 0.002, 0.005, 0.009])
@pytest.mark.parametrize('rate', [10.0, 30.0])
def test_a_tick_comes_just_after_a_sample_whatever_the_phase(rate, phase):
    _, ages = run(rate, {'imu/right_wrist': (100.0, phase), 'pose': (30.0, 0.004)})
    assert 0.0 < ages.max() < 0.0025


def test_with_a_skeleton_alone_answers_are_as_fresh():
    _, ages = run(10.0, {'pose': (30.0, 0.02)})
    assert ages.max() < 0.004


@pytest.mark.parametrize('rate', [7.0, 10.0, 30.0])
def test_ticks_keep_to_the_rate(rate):
    times, _ = run(rate, {'imu/right_wrist': (97.0, 0.003)}, seconds=20.0)
    assert len(times) == pytest.approx(20.0 * rate, abs=2)
    assert np.abs(np.diff(times) - 1.0 / rate).max() <= 0.5 / rate + 1e-6


def test_without_a_stream_ticks_are_even_also_when_each_comes_late():
    times, _ = run(10.0, {}, late=0.003)
    assert np.diff(times)[1:] == pytest.approx(0.1, abs=1e-6)


def test_after_a_jump_of_time_or_a_stall_it_starts_anew():
    pacer = Pacer()
    for now in (100.0, 100.1, 300.0, 50.0):
        assert pacer.delay(now, 0.1, []) == pytest.approx(0.1, abs=1e-6)
