"""Faults of sensors and clocks, over real DDS: each found, said once, and survived."""

import numpy as np
import pytest
from node_bench import Bench, Player
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_rig import wait_until
from sensor_msgs.msg import Imu

from mujo_ros.convert import sample_to_imu

WRIST = 'imu/right_wrist'
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


def said(rig, words):
    return [line for line in rig.warnings() if words in line]


def stream(bench, publisher, stamps, sample=None):
    """Publish IMU samples of these stamps, none faster than the node takes them."""
    name = publisher.topic_name.lstrip('/')
    health = wait_until(lambda: bench.node.health.get(name), what=f'a subscription of {name}')
    for count, stamp in enumerate(stamps, 1):
        values = bench.rng.normal(size=6) if sample is None else sample
        publisher.publish(sample_to_imu(float(stamp), np.asarray(values, float), 'wrist'))
        if count % 50 == 0 or count == len(stamps):
            newest = round(float(stamp), 3)
            wait_until(
                lambda newest=newest: (
                    health.received_at is not None and abs(health.newest - newest) < 2e-3
                ),
                what=f'the sample of {newest}',
            )


def test_a_publisher_that_comes_back_with_another_qos_is_named_until_it_fits(rig):
    bench = Bench(rig, **{f'qos_overrides./{WRIST}.subscription.reliability': 'reliable'})

    def publish(qos, match):
        node = rig.stranger()
        publisher = rig.publisher(Imu, WRIST, qos, match=match, node=node)
        timer = rig.node.create_timer(
            0.02,
            lambda: publisher.publish(sample_to_imu(bench.now(), bench.rng.normal(size=6), 'w')),
        )
        return node, publisher, timer

    def end(node, publisher, timer):
        rig.run(lambda: rig.node.destroy_timer(timer))
        node.destroy_publisher(publisher)

    first = publish(10, match=True)
    bench.activity.wait(3)
    end(*first)
    second = publish(BEST_EFFORT, match=False)
    status = bench.wait_for_status(WRIST, lambda s: 'QoS does not match' in s['message'])
    assert status['level'] == b'\x02'
    remedy = f'set qos_overrides./{WRIST}.subscription.reliability: best_effort'
    assert remedy in status['message']
    lines = wait_until(lambda: said(rig, remedy), what='the warning')
    before = len(bench.activity)
    end(*second)
    publish(10, match=True)
    bench.activity.wait(before + 3)
    assert said(rig, remedy) == lines and len(lines) == 1


@pytest.mark.parametrize(
    'name, reading, kind',
    [('in g', 1.0, 'acceleration_in_g'), ('without gravity', 0.02, 'no_gravity')],
)
def test_an_accelerometer_in_another_unit_is_said_once(rig, name, reading, kind):
    bench = Bench(rig, placements=['right_wrist', 'head'])
    right = rig.publisher(Imu, 'imu/head')
    wrong = rig.publisher(Imu, WRIST)
    stamps = bench.now() - 9.0 + np.arange(0.0, 8.5, 0.02)
    stream(bench, right, stamps, [0, 0, 9.8, 0, 0, 0])
    stream(bench, wrong, stamps, [0, reading, 0, 0, 0, 0])
    line = wait_until(lambda: said(rig, kind), what='the warning')[0]
    assert line.startswith(f'{WRIST}: {kind}: ') and '9.8' in line and 'publish' in line
    health = bench.node.health
    assert health[WRIST].noted[kind] >= 2 and len(said(rig, kind)) == 1
    assert not {'acceleration_in_g', 'no_gravity'} & set(health['imu/head'].noted)
    stamps = stamps + 8.5
    for stamp in np.arange(stamps[0], bench.now(), 0.02):
        wrong.publish(sample_to_imu(stamp, np.array([0, reading, 0, 0, 0, 0.0]), 'wrist'))
    status = bench.wait_for_status(WRIST, lambda s: int(s[kind]) >= 2)
    assert status['level'] != b'\x00'


@pytest.mark.parametrize('offset, kind', [(-5.0, 'stale_stamps'), (3.0, 'future_stamps')])
def test_a_sensor_on_another_clock_is_said_once_and_used(rig, offset, kind):
    bench = Bench(rig)
    publisher = rig.publisher(Imu, WRIST)
    rig.node.create_timer(
        0.02,
        lambda: publisher.publish(
            sample_to_imu(bench.now() + offset, bench.rng.normal(size=6), 'wrist')
        ),
    )
    status = bench.wait_for_status(WRIST, lambda s: s['message'].startswith(kind))
    assert status['level'] == b'\x01' and 'synchronize clocks' in status['message']
    assert float(status['delay (ms)']) == pytest.approx(-1e3 * offset, abs=500)
    line = wait_until(lambda: said(rig, kind), what='the warning')
    assert len(line) == 1
    assert bench.answers(3)[-1]['age'] == pytest.approx(-offset, abs=0.5)


def test_a_sensor_whose_clock_steps_back_starts_anew_once(rig):
    bench = Bench(rig)
    publisher = rig.publisher(Imu, WRIST)
    start = bench.now()
    stream(bench, publisher, start - 4.0 + np.arange(0.0, 4.0, 0.02))
    assert bench.recognizer.jumps == 0
    stream(bench, publisher, start - 3600.0 + np.arange(0.0, 4.0, 0.02))
    wait_until(lambda: bench.recognizer.jumps == 1, what='the jump')
    health = bench.node.health[WRIST]
    assert health.refused == {'late': 1}  # the first one, which alone may be an odd stamp
    wait_until(
        lambda: any(
            a['stamp'] < start - 3000 and a['coverage'][WRIST] > 0.9 for a in bench.answers()
        ),
        what='an answer from the new time',
    )
    assert len(said(rig, 'late')) == 1


def test_a_burst_after_a_pause_is_put_in_place_as_a_whole(rig):
    """A radio link that stalls for 1.5 s and then delivers everything at once."""
    bench = Bench(rig)
    publisher = rig.publisher(Imu, WRIST)
    start = bench.now() - 4.0
    stream(bench, publisher, start + np.arange(0.0, 2.5, 0.01))
    for stamp in start + np.arange(2.5, 4.0, 0.01):
        publisher.publish(sample_to_imu(stamp, bench.rng.normal(size=6), 'wrist'))
    health = bench.node.health[WRIST]
    wait_until(lambda: health.accepted == 400, what=f'all 400 samples ({health.accepted})')
    assert health.lost == health.gaps == 0 and not health.refused
    answer = wait_until(
        lambda: next((a for a in bench.answers() if a['stamp'] > start + 3.9), None),
        what='an answer up to the end of the burst',
    )
    assert answer['coverage'][WRIST] > 0.99


def test_ten_times_the_rate_is_taken_and_memory_stays(rig):
    bench = Bench(rig)
    publisher = rig.publisher(Imu, WRIST)
    stream(bench, publisher, bench.now() - 8.0 + np.arange(0.0, 8.0, 0.002))
    health = bench.node.health[WRIST]
    assert health.accepted == 4000 and not health.refused
    wait_until(
        lambda: any(a['coverage'].get(WRIST, 0) > 0.99 for a in bench.answers()),
        what='an answer from a whole window',
    )
    # Window and 2 s, of every second sample; at most four times the nominal 50 Hz are held.
    assert 900 <= len(bench.recognizer.timeline._buffers[WRIST]) <= 1000


def test_what_the_queue_did_not_hold_is_counted_as_drops(rig):
    bench = Bench(rig, **{f'qos_overrides./{WRIST}.subscription.depth': 5})
    publisher = rig.publisher(Imu, WRIST)
    start = bench.now()
    stream(bench, publisher, [start - 2.0])
    for stamp in start - 1.0 + np.arange(0.0, 1.0, 0.001):
        publisher.publish(sample_to_imu(stamp, bench.rng.normal(size=6), 'wrist'))
    health = bench.node.health[WRIST]
    wait_until(lambda: health.newest > start - 0.0015, what='the last sample')
    assert health.lost > 500 and health.lost + health.accepted == 1001
    assert int(bench.wait_for_status(WRIST, lambda s: int(s['drops']))['drops']) == health.lost


def test_a_bag_that_loops_starts_anew_each_time(rig):
    bench = Bench(rig, use_sim_time=True)
    player = Player(bench)
    for loop in range(1, 4):
        player.play(1000.0, 2.5)
        wait_until(lambda n=loop: bench.recognizer.resets == n, what=f'reset {loop}')
        wait_until(lambda: player.stamps()[-1:] > [1002.2], what=f'answers of loop {loop}')
        assert not bench.node.health[WRIST].refused
    stamps = np.array(player.stamps())
    assert (np.diff(stamps) < -1.0).sum() == 2  # and no answer of the loop before in the next one
    assert rig.warnings() == []
    status = bench.wait_for_status('recognition', lambda s: s['jumps of time'] == '2')
    assert status['failures'] == '0'


def test_a_clock_that_leaps_ahead_calls_nothing_silent(rig):
    bench = Bench(rig, use_sim_time=True)
    player = Player(bench)
    player.play(1000.0, 2.5)
    player.play(5000.0, 3.0)
    wait_until(lambda: player.stamps()[-1] > 5002.0, what='answers after the leap')
    assert rig.warnings() == []


def test_a_clock_that_stands_is_said_and_goes_on(rig):
    bench = Bench(rig, use_sim_time=True)
    player = Player(bench)
    player.play(1000.0, 2.5)
    status = bench.wait_for_status('recognition', lambda s: 'time stands still' in s['message'])
    assert status['level'] == b'\x02' and '/clock has 1 publisher' in status['message']
    before = len(bench.activity)
    player.play(1002.5, 1.0)
    bench.activity.wait(before + 5)
    assert len(said(rig, 'time stands still')) == 1
