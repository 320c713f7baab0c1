"""har_node with a recognizer that has no model, and timers that feed it like sensors."""

import json

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from fake_recognizer import FakeRecognizer
from ros_rig import PATIENCE, wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import String

from mujo_ros.convert import joints_to_cloud, sample_to_imu, seconds_to_stamp
from mujo_ros.har_node import HarNode


class Bench:
    """A node with its recognizer, and timers that feed it like sensors."""

    def __init__(self, rig, busy=0.0, **parameters):
        self.rig = rig
        self.rng = np.random.default_rng(0)
        self.recognizers = []
        self.activity = rig.collect(String, 'activity')
        self.diagnostics = rig.collect(DiagnosticArray, '/diagnostics')

        def factory(*arguments):
            self.recognizers.append(FakeRecognizer(*arguments, busy=busy))
            return self.recognizers[-1]

        parameters.setdefault('layout', 'kinect20')
        self.node = HarNode(
            factory, context=rig.context, parameter_overrides=rig.parameters(**parameters)
        )
        rig.add(self.node)

    @property
    def recognizer(self):
        return self.recognizers[-1]

    def now(self):
        return self.rig.node.get_clock().now().nanoseconds * 1e-9

    def feed_skeleton(self, rate=30.0, frame='kinect', **arrays):
        publisher = self.rig.publisher(PointCloud2, 'skeleton')

        def send():
            xyz = self.rng.normal(size=(20, 3))
            publisher.publish(joints_to_cloud(self.now(), frame, xyz, **arrays))

        return self.rig.node.create_timer(1.0 / rate, send)

    def feed_imu(self, rate=50.0, placement='right_wrist'):
        publisher = self.rig.publisher(Imu, f'imu/{placement}')

        def send():
            publisher.publish(sample_to_imu(self.now(), self.rng.normal(size=6), placement))

        return self.rig.node.create_timer(1.0 / rate, send)

    def answers(self, count=0):
        """What was said so far, once there are `count` answers."""
        return [json.loads(msg.data) for msg in self.activity.wait(count)]

    def node_time(self):
        """Clock of the node under test, s."""
        return self.node.get_clock().now().nanoseconds * 1e-9

    def status(self, part):
        """Values of the newest status of a part, with 'message' and 'level'."""
        status = next(s for s in self.diagnostics[-1].status if s.name.endswith(f': {part}'))
        values = {pair.key: pair.value for pair in status.values}
        return {**values, 'message': status.message, 'level': status.level}

    def wait_for_status(self, part, condition, timeout=PATIENCE):
        """The status of a part, once a new one fulfils `condition`; see `status`."""
        before = len(self.diagnostics)

        def found():
            return len(self.diagnostics) > before and condition(self.status(part))

        wait_until(found, timeout, f'such a status of {part}')
        return self.status(part)


class Player:
    """Plays a bag in simulated time, on which a crowded machine is as fast as any.

    /clock and an IMU at 50 Hz, with `skeleton` also that.
    """

    def __init__(self, bench, skeleton=False):
        self.bench = bench
        self.clock = bench.rig.publisher(Clock, '/clock')
        self.imu = bench.rig.publisher(Imu, 'imu/right_wrist')
        self.skeleton = bench.rig.publisher(PointCloud2, 'skeleton') if skeleton else None

    def play(self, start, seconds):
        rng = self.bench.rng
        for step in range(round(seconds * 50)):
            now = start + step / 50
            self.clock.publish(Clock(clock=seconds_to_stamp(now)))
            wait_until(lambda t=now: abs(self.bench.node_time() - t) < 1e-6, what='the clock')
            self.imu.publish(sample_to_imu(now, rng.normal(size=6), 'wrist'))
            if self.skeleton is not None:
                self.skeleton.publish(joints_to_cloud(now, 'kinect', rng.normal(size=(20, 3))))

    def play_ticks(self, start, period, count):
        """Play `count` periods of ticks, s, and wait for the one answer that each brings."""
        before = len(self.bench.activity)
        for tick in range(count):
            self.play(start + tick * period, period)
            self.bench.activity.wait(before + tick + 1)
        assert len(self.bench.activity) == before + count

    def stamps(self):
        return [answer['stamp'] for answer in self.bench.answers()]
