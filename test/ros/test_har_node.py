"""har_node over DDS with a recognizer that has no model: everything but the recognition."""

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_recognizer import FakeRecognizer
from node_bench import Bench, Player
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_rig import PATIENCE, wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import Marker, MarkerArray

from mujo_core.recognition.decision import DecisionSettings
from mujo_ros import har_node
from mujo_ros.convert import joints_to_cloud, sample_to_imu, seconds_to_stamp
from mujo_ros.har_node import HarNode

SCHEMA = Path(__file__).parents[2] / 'config' / 'activity.schema.json'


def test_activity_comes_at_rate_with_the_fields_of_the_schema(rig):
    bench = Bench(rig, use_sim_time=True, rate=25.0, person='ada', top_k=3)
    player = Player(bench, skeleton=True)
    player.play(1000.01, 2.0)
    bench.activity.wait(5)
    player.play_ticks(1002.01, 0.04, 50)
    schema = json.loads(SCHEMA.read_text())
    for msg in list(bench.activity)[-20:]:
        fields = json.loads(msg.data)
        assert list(fields) == schema['required'] == list(schema['properties'])
        assert fields['modalities'] == ['pose', 'imu'] and fields['person'] == 'ada'
        assert 0.0 <= fields['latency'] < 0.5 and -0.01 <= fields['age'] < 0.5
        assert fields['stamp'] == fields['window'][1]
    assert bench.recognizer.warmed_up
    assert bench.recognizer.arguments == ('', 'cpu')
    assert bench.recognizer.decision == DecisionSettings(top_k=3)
    assert rig.warnings() == []


def test_messages_satisfy_the_schema(rig):
    jsonschema = pytest.importorskip('jsonschema')
    bench = Bench(rig)
    bench.feed_imu()
    schema = json.loads(SCHEMA.read_text())
    for msg in bench.activity.wait(5):
        jsonschema.validate(json.loads(msg.data), schema)


def test_a_tick_waits_in_place_only_where_its_node_has_the_executor_to_itself(rig, monkeypatch):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(har_node, 'time', SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    bench = Bench(rig)
    late = iter([0.002, 0.0] * 10_000)
    monkeypatch.setattr(bench.node._pacer, 'hold', lambda *_: next(late))
    bench.feed_imu()
    bench.activity.wait(5)
    assert slept == []
    rig.executor.remove_node(bench.node)
    alone = SingleThreadedExecutor(context=rig.context)
    alone.add_node(bench.node)
    sent = len(bench.activity)
    deadline = time.monotonic() + PATIENCE
    while len(bench.activity) < sent + 5 and time.monotonic() < deadline:
        alone.spin_once(timeout_sec=0.1)
    assert len(bench.activity) >= sent + 5 and set(slept) == {0.002}
    alone.remove_node(bench.node)
    alone.shutdown()


def test_silence_names_topics_and_publishers_once(rig):
    bench = Bench(rig, placements=['right_wrist', 'left_thigh'])
    timer = bench.feed_imu()
    bench.activity.wait(5)
    timer.cancel()
    wait_until(lambda: rig.warnings(), what='a warning')
    sent = len(bench.activity)
    line = rig.warnings()[0]
    assert 'imu/right_wrist: 1 publisher, no message for 1.' in line
    assert 'skeleton: no publisher' in line and 'imu/left_thigh: no publisher' in line
    bench.diagnostics.wait(len(bench.diagnostics) + 2)
    assert len(bench.activity) == sent and len(rig.warnings()) == 1
    assert bench.status('recognition')['message'] == 'no answers'
    assert bench.status('imu/right_wrist')['message'].startswith('silent for')
    timer.reset()
    bench.activity.wait(sent + 5)
    timer.cancel()
    wait_until(lambda: len(rig.warnings()) == 2, what='a second warning')


def test_a_publisher_of_another_type_or_qos_is_named(rig):
    reliable = {'qos_overrides./skeleton.subscription.reliability': 'reliable'}
    bench = Bench(rig, **reliable)
    rig.publisher(String, 'imu/right_wrist', match=False, node=rig.stranger())
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    rig.publisher(PointCloud2, 'skeleton', best_effort, match=False)
    said = wait_until(lambda: [w for w in rig.warnings() if 'no data' in w], what='the warning')
    assert (
        'imu/right_wrist: 1 publisher of std_msgs/msg/String, expected sensor_msgs/msg/Imu'
        in (said[0])
    )
    assert 'skeleton: 1 publisher, QoS does not match' in said[0]
    assert len(bench.activity) == 0


def test_nobody_in_view_is_not_silence(rig):
    bench = Bench(rig)
    publisher = rig.publisher(PointCloud2, 'skeleton')
    nobody = np.full((20, 3), np.nan)
    rig.node.create_timer(
        0.03, lambda: publisher.publish(joints_to_cloud(bench.now(), 'kinect', nobody))
    )
    wait_until(lambda: rig.warnings(), PATIENCE, 'a warning')
    assert 'skeleton: 1 publisher, messages come but nobody is in view' in rig.warnings()[0]
    assert len(bench.activity) == 0
    bench.diagnostics.wait(len(bench.diagnostics) + 1)
    assert bench.status('skeleton')['message'] == 'nobody in view'
    assert len(rig.warnings()) == 1


def test_joints_of_low_visibility_are_unseen_and_up_comes_from_the_frame(rig):
    bench = Bench(rig)
    seen = []
    wait_until(lambda: bench.recognizers, what='the recognizer')
    bench.recognizer.add_pose = lambda stamp, xyz, layout, up, now: seen.append((xyz, up)) or True
    visibility = np.linspace(0, 1, 20)
    visibility[19] = np.nan
    bench.feed_skeleton(frame='camera_optical_frame', visibility=visibility)
    wait_until(lambda: len(seen) > 3, what='skeletons')
    xyz, up = seen[-1]
    np.testing.assert_array_equal(np.isnan(xyz).any(axis=1), ~(visibility >= 0.5))
    assert up == (0.0, -1.0, 0.0)
    assert bench.node.set_parameters([Parameter('skeleton_up', value='z')])[0].successful
    wait_until(lambda: seen[-1][1] == (0.0, 0.0, 1.0), what='the new direction')


def test_a_slow_model_never_queues_ticks(rig):
    bench = Bench(rig, busy=0.25, rate=20.0)
    bench.feed_imu()
    bench.activity.wait(10, timeout=PATIENCE)
    gaps = np.diff(bench.activity.times)
    assert np.median(gaps) == pytest.approx(0.275, abs=0.05)
    ages = [json.loads(msg.data)['age'] for msg in bench.activity]
    assert max(ages) < 0.6  # always the newest samples, however many ticks were missed
    bench.diagnostics.wait(len(bench.diagnostics) + 1)
    assert int(bench.status('recognition')['ticks missed']) > 10


def test_an_inference_of_two_periods_costs_no_tick(rig):
    """In simulated time: the third tick is put off until the second one is under way."""
    bench = Bench(rig, use_sim_time=True)
    player = Player(bench)
    player.play(1000.01, 2.0)
    bench.activity.wait(5)
    begun, go_on = threading.Event(), threading.Event()
    recognize = bench.recognizer.recognize

    def slowly(now):
        begun.set()
        assert go_on.wait(PATIENCE)
        return recognize(now)

    wait_until(lambda: not bench.node._worker._busy, what='the end of the last inference')
    bench.recognizer.recognize = slowly
    now = 1002.01
    while not begun.is_set():
        player.play(now, 0.02)
        now += 0.02
        begun.wait(0.02)
    before = len(bench.activity)
    player.play(now, 0.2)  # two more ticks, the second of which finds the first one waiting
    go_on.set()
    bench.activity.wait(before + 2)
    player.play(now + 0.2, 0.04)
    assert len(bench.activity.wait(before + 3)) == before + 3
    bench.diagnostics.wait(len(bench.diagnostics) + 1)
    assert bench.status('recognition')['ticks missed'] == '0'


def test_a_process_that_stood_still_does_not_call_its_sensors_silent(rig):
    bench = Bench(rig)
    bench.feed_imu()
    bench.activity.wait(5)

    def stall():
        timer.cancel()
        time.sleep(1.5)

    timer = rig.node.create_timer(0.1, stall)
    bench.diagnostics.wait(len(bench.diagnostics) + 3)
    assert rig.warnings() == []
    assert int(bench.status('recognition')['ticks missed']) > 0
    bench.activity.wait(len(bench.activity) + 3)


def test_a_failing_inference_is_said_once_and_the_node_goes_on(rig):
    bench = Bench(rig)
    bench.feed_imu()
    bench.activity.wait(3)
    bench.recognizer.error = RuntimeError('weights of another shape')
    bench.diagnostics.wait(len(bench.diagnostics) + 3)
    failures = int(bench.status('recognition')['failures'])
    assert failures > 5
    said = [line for line in rig.warnings() if 'weights of another shape' in line]
    assert len(said) == 1
    bench.recognizer.error = None
    bench.activity.wait(len(bench.activity) + 3)


def test_lifecycle_goes_up_and_down_again(rig):
    bench = Bench(rig, autostart=False)
    node = bench.node
    assert node.state == 'unconfigured' and node.health == {}
    assert rig.node.count_subscribers('/skeleton') == 0
    for _ in range(2):
        node.trigger_configure()
        assert node.state == 'inactive'
        node.trigger_activate()
        feeding = bench.feed_imu()
        bench.activity.wait(len(bench.activity) + 3)
        node.trigger_deactivate()
        assert node.state == 'inactive'
        wait_until(lambda: rig.node.count_subscribers('/imu/right_wrist') == 0, what='no input')
        sent = len(bench.activity)
        bench.diagnostics.wait_for(
            lambda m: any(s.message == 'inactive' for s in m.status), what='the state'
        )
        assert len(bench.activity) == sent
        feeding.cancel()
        node.trigger_cleanup()
        assert node.state == 'unconfigured'
    node.trigger_shutdown()
    assert node.state == 'finalized'


def test_a_configuration_that_fails_says_what_to_change_and_may_be_tried_again(rig):
    problems = [ValueError('expected a checkpoint folder, got a file: give the folder')]

    def factory(*arguments):
        if problems:
            raise problems.pop()
        return FakeRecognizer()

    node = rig.add(
        HarNode(factory, context=rig.context, parameter_overrides=rig.parameters(autostart=False))
    )
    node.trigger_configure()
    assert node.state == 'unconfigured'
    wait_until(lambda: any('give the folder' in line for line in rig.warnings()), what='the line')
    node.trigger_configure()
    assert node.state == 'inactive'


def test_the_rate_changes_while_running(rig):
    bench = Bench(rig, use_sim_time=True, rate=5.0)
    player = Player(bench)
    player.play(1000.01, 2.0)
    bench.activity.wait(3)
    player.play_ticks(1002.01, 0.2, 5)
    assert bench.node.set_parameters([Parameter('rate', value=25.0)])[0].successful
    player.play(1003.01, 0.4)
    player.play_ticks(1003.41, 0.04, 50)


def test_simulated_time_drives_ticks_and_a_step_back_starts_anew(rig):
    bench = Bench(rig, use_sim_time=True)
    clock = rig.publisher(Clock, '/clock')
    imu = rig.publisher(Imu, 'imu/right_wrist')

    def play(start, seconds):
        for step in range(round(seconds * 50)):
            now = start + step / 50
            clock.publish(Clock(clock=seconds_to_stamp(now)))
            imu.publish(sample_to_imu(now, bench.rng.normal(size=6), 'wrist'))
            wait_until(lambda t=now: abs(node_time(bench.node) - t) < 1e-6, what='the clock')

    play(1000.0, 4.0)
    bench.activity.wait(20)
    assert len(bench.activity) <= 41
    assert 1003.0 < json.loads(bench.activity[-1].data)['stamp'] < 1004.0
    resets = bench.recognizer.resets
    health = bench.node.health['imu/right_wrist']
    wait_until(lambda: health.newest > 1003.97, what='the last sample')
    play(500.0, 4.0)
    wait_until(
        lambda: 502.5 < json.loads(bench.activity[-1].data)['stamp'] < 504.0, what='new answers'
    )
    assert bench.recognizer.resets == resets + 1
    assert rig.warnings() == []


def node_time(node):
    return node.get_clock().now().nanoseconds * 1e-9


def test_simulated_time_without_a_clock_is_said(rig):
    bench = Bench(rig, use_sim_time=True)
    wait_until(
        lambda: [w for w in rig.warnings() if '/clock has 0 publishers' in w],
        PATIENCE,
        'the warning',
    )
    bench.diagnostics.wait(len(bench.diagnostics) + 1)
    assert '/clock' in bench.status('recognition')['message']


def test_markers_are_made_only_while_someone_listens(rig):
    bench = Bench(rig)
    bench.feed_skeleton()
    bench.activity.wait(3)
    markers = rig.collect(MarkerArray, '/har_node/markers')
    bones, label = markers.wait(3)[-1].markers
    assert bones.type == Marker.LINE_LIST and len(bones.points) == 2 * 15
    assert label.text == 'walk 90%' and label.header.frame_id == 'kinect'


def test_diagnostics_hold_what_rep_107_readers_need(rig):
    bench = Bench(rig)
    bench.feed_skeleton()
    bench.feed_imu()
    bench.activity.wait(30)
    names = [status.name for status in bench.diagnostics[-1].status]
    assert names == [f'har_node: {p}' for p in ('recognition', 'skeleton', 'imu/right_wrist')]
    bench.diagnostics.wait(len(bench.diagnostics) + 2)
    recent = list(bench.diagnostics)[-2:]
    seconds = np.diff([m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 for m in recent])[0]
    for part, what in (('recognition', 'answers'), ('skeleton', 'accepted')):
        before, after = (
            {p.key: p.value for s in m.status if s.name.endswith(part) for p in s.values}
            for m in recent
        )
        rate = (int(after[what]) - int(before[what])) / seconds
        assert float(after['rate (Hz)']) == pytest.approx(rate, abs=0.1), part
    recognition = bench.status('recognition')
    assert recognition['lifecycle state'] == 'active'
    assert recognition['ticks missed'] == '0'
    assert float(recognition['coverage pose']) > 0.9 and 'inference p50 (ms)' in recognition
    assert all(m.header.stamp.sec > 0 for m in bench.diagnostics)
