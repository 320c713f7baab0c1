"""When ticks come: at their rate, just after a sample of the fastest stream."""

import numpy as np
import pytest

from mujo_ros.health import StreamHealth
from mujo_ros.pacing import Pacer

IMU, POSE = 'imu/right_wrist', 'pose'


def arrivals(rate, phase=0.0, seconds=20.0, late=0.0, seed=0):
    """Times at which samples arrive: each may be late by up to `late` s, every third by all."""
    rng = np.random.default_rng(seed)
    sent = 100.0 + phase + np.arange(round(seconds * rate)) / rate
    return np.maximum.accumulate(sent + late * np.where(rng.random(len(sent)) < 0.3, 1.0, 0.05))


def run(rate, streams, seconds=5.0, late=0.0, lost=None):
    """Tick at `rate` Hz beside streams (their arrivals, s).

    Args:
        late: s that each timer comes late, or a function that draws it.
        lost: stream to what every eighth sample that does not come counts as, if anything.

    Returns:
        times of the ticks, s; ages of the newest sample at each, s; how often each was put off.
    """
    healths = {name: StreamHealth(name, name, 1.0) for name in streams}
    came = dict.fromkeys(streams, 0)
    pacer, now, put_off = Pacer(), 100.0, 0
    times, ages, holds = [], [], []
    while now < 100.0 + seconds:
        for name, times_of in streams.items():
            health = healths[name]
            while came[name] < len(times_of) and times_of[came[name]] <= now:
                at = times_of[came[name]]
                came[name] += 1
                if lost is not None and came[name] % 8 == 0:
                    health.lost += lost
                    continue
                health.received_at = at
                health.accept(at, at)
        wait = pacer.hold(now, healths.values())
        if wait:
            put_off += 1
        else:
            newest = max((h.received_at or 0.0 for h in healths.values()), default=0.0)
            times.append(now)
            ages.append(now - newest)
            holds.append(put_off)
            put_off, wait = 0, pacer.delay(now, 1.0 / rate, healths.values())
        now += wait + (late() if callable(late) else late)
    return np.array(times), np.array(ages[10:]), np.array(holds[10:])


@pytest.mark.parametrize('phase', [0.0, 0.002, 0.005, 0.009])
@pytest.mark.parametrize('rate', [10.0, 30.0])
def test_a_tick_comes_just_after_a_sample_whatever_the_phase(rate, phase):
    streams = {IMU: arrivals(100.0, phase), POSE: arrivals(30.0, 0.004)}
    _, ages, _ = run(rate, streams)
    assert 0.0 < ages.max() < 0.0025


def test_with_a_skeleton_alone_answers_are_as_fresh():
    _, ages, _ = run(10.0, {POSE: arrivals(30.0, 0.02)})
    assert ages.max() < 0.004


@pytest.mark.parametrize('rate', [10.0, 30.0])
def test_samples_that_come_late_are_waited_for_and_do_not_set_the_beat(rate):
    times, ages, holds = run(rate, {IMU: arrivals(100.0, 0.003, late=0.004)}, seconds=20.0)
    assert np.percentile(ages, 99) < 0.0055 and np.median(ages) < 0.002
    assert len(times) == pytest.approx(20.0 * rate, abs=2)
    assert holds.max() <= 3


def test_a_tick_that_comes_late_itself_waits_for_the_next_sample():
    rng = np.random.default_rng(1)

    def late():  # one timer in five
        return rng.uniform(0.003, 0.008) if rng.random() < 0.2 else 0.0003

    times, ages, _ = run(10.0, {IMU: arrivals(100.0)}, 20.0, late)
    assert np.percentile(ages, 95) < 0.005
    assert len(times) == pytest.approx(200, abs=2)


@pytest.mark.parametrize('counted', [0, 1])
def test_samples_that_are_lost_do_not_lead_it_astray(counted):
    """Counted by the middleware, or not (before Kilted)."""
    _, ages, _ = run(10.0, {IMU: arrivals(100.0)}, 20.0, lost=counted)
    assert np.median(ages) < (0.002 if counted else 0.004)


def test_a_device_that_sends_in_bursts_costs_few_wake_ups():
    bursts = np.repeat(100.0 + np.arange(250) * 0.08, 8) + np.tile(np.arange(8) * 1e-5, 250)
    times, _, holds = run(10.0, {IMU: bursts}, 20.0)
    assert len(times) == pytest.approx(200, abs=2)
    assert holds.max() <= 3


@pytest.mark.parametrize('rate', [7.0, 10.0, 30.0])
def test_ticks_keep_to_the_rate(rate):
    times, _, _ = run(rate, {IMU: arrivals(97.0, 0.003)}, seconds=20.0)
    assert len(times) == pytest.approx(20.0 * rate, abs=2)
    assert np.abs(np.diff(times) - 1.0 / rate).max() <= 0.5 / rate + 1e-6


def test_when_the_fastest_stream_dies_the_next_one_is_followed_and_back_again():
    imu = arrivals(100.0)
    imu = imu[(imu < 105.0) | (imu > 110.0)]
    times, ages, holds = run(10.0, {IMU: imu, POSE: arrivals(30.0, 0.011)}, 20.0)
    assert len(times) == pytest.approx(200, abs=2)
    assert ages[110:].max() < 0.003
    assert np.median(ages[65:85]) < 0.005
    assert holds[65:].max() <= 1


def test_without_a_stream_ticks_are_even_also_when_each_comes_late():
    times, _, holds = run(10.0, {}, late=0.003)
    assert np.diff(times)[1:] == pytest.approx(0.1, abs=1e-6)
    assert not holds.any()


@pytest.mark.parametrize('start', [1000.013, 1000.07, 999.998])
def test_without_a_stream_ticks_lie_on_whole_multiples_of_the_period(start):
    """As the ticks of a bag that is evaluated offline do."""
    pacer, now = Pacer(), start
    for _ in range(20):
        now += pacer.delay(now, 0.1, [])
        assert 10.0 * now == pytest.approx(round(10.0 * now), abs=1e-4)


def test_after_a_jump_of_time_or_a_stall_it_starts_anew():
    pacer = Pacer()
    for now in (100.0, 100.1, 300.0, 50.0):
        assert pacer.delay(now, 0.1, []) == pytest.approx(0.1, abs=1e-6)


def test_room_to_wait_is_made_for_half_a_period():
    pacer = Pacer()
    now = 100.0 + pacer.delay(100.0, 0.1, [])
    puts_off = 0
    while wait := pacer.make_room(now):
        now += wait
        puts_off += 1
    assert 100.13 < now < 100.151 and 3 <= puts_off <= 4
    assert now + pacer.delay(now, 0.1, []) == pytest.approx(100.2)
