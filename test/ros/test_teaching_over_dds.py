"""An activity taught and forgotten while the node runs: by its services, over real DDS."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rclpy.parameter import Parameter
from ros_rig import wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String
from std_srvs.srv import Trigger

from mujo_core.recognition.taught import load_taught, save_taught
from mujo_ros.convert import joints_to_cloud, seconds_to_stamp
from mujo_ros.har_node import HarNode

CLIP = 'utd_mhad_a27_s7_t1_squat.npz'
STEP = 1.0 / 30.0  # s


class Pupil:
    """A node that is shown a squat in simulated time, and the clients of its services."""

    def __init__(self, rig, data_dir, **parameters):
        self.rig, self.now = rig, 1000.0
        with np.load(data_dir / CLIP) as arrays:
            self.xyz = arrays['skeleton/xyz']
        overrides = rig.parameters(
            layout='kinect20', placements=[''], use_sim_time=True, **parameters
        )
        self.activity = rig.collect(String, 'activity')
        self.node = rig.add(HarNode(context=rig.context, parameter_overrides=overrides))
        names = ('teach', 'forget')
        self.clients = {n: rig.node.create_client(Trigger, f'har_node/{n}') for n in names}

    def start(self):
        wait_until(lambda: self.node.state == 'active', what='the active state')
        self.clock = self.rig.publisher(Clock, '/clock')
        self.skeleton = self.rig.publisher(PointCloud2, 'skeleton')

    def _pass(self, xyz):
        self.now += STEP
        self.skeleton.publish(joints_to_cloud(self.now, 'kinect', xyz))
        self.clock.publish(Clock(clock=seconds_to_stamp(self.now)))
        clock = self.node.get_clock()
        wait_until(lambda: abs(clock.now().nanoseconds * 1e-9 - self.now) < 1e-3, what='the clock')

    def answer(self):
        """Show it until an answer has seen all of it; that answer."""
        for xyz in self.xyz:
            self._pass(xyz)
        shown = self.now

        def last():
            answers = [json.loads(msg.data) for msg in self.activity[-1:]]
            if not answers or answers[0]['stamp'] < shown:
                self._pass(self.xyz[-1])
                return None
            return answers[0]

        return wait_until(last, what='the answer')

    def set(self, name, value):
        assert self.node.set_parameters([Parameter(name, value=value)])[0].successful

    def call(self, service, label):
        """Success and message of a service, about the activity of that name."""
        self.set('teach.label', label)
        client = self.clients[service]
        wait_until(client.service_is_ready, what=f'the service {service}')
        future = client.call_async(Trigger.Request())
        wait_until(future.done, what=f'an answer of {service}')
        return future.result().success, future.result().message


@pytest.fixture
def pupil(rig, data_dir, held_out_checkpoint, tmp_path):
    file, checkpoint = str(tmp_path / 'taught.yaml'), str(held_out_checkpoint)
    return Pupil(rig, data_dir, checkpoint=checkpoint, taught=file, labels=['jog', 'squat'])


def test_what_was_just_shown_is_said_until_it_is_forgotten(pupil, tmp_path):
    pupil.start()
    assert pupil.answer()['label'] == 'squat'
    success, message = pupil.call('teach', 'Jog')  # words it has, so that no encoder loads
    said = json.loads(message)
    assert success and said['label'] == 'jog' and set(said['subsets']) == {'pose'}
    assert said['collides_with'] == ['squat'] and said['subsets']['pose']['said'] == 'squat'
    pupil.set('labels', ['jog', 'lunge'])
    after = pupil.answer()
    assert after['label'] == 'jog' and after['confidence'] > 0.9, after
    assert list(load_taught(tmp_path / 'taught.yaml')) == ['jog'] == [*load_taught(said['file'])]
    success, message = pupil.call('forget', 'jog')
    assert success and json.loads(message)['taught'] == []
    assert pupil.answer()['label'] != 'jog'
    assert load_taught(tmp_path / 'taught.yaml') == {}
    assert pupil.node.state == 'active'


def test_what_others_put_into_the_file_meanwhile_is_kept(pupil, tmp_path):
    file = tmp_path / 'taught.yaml'
    pupil.start()
    pupil.answer()
    assert pupil.call('teach', 'jog')[0]
    (own,) = load_taught(file)['jog'].examples
    other = replace(own, source='somewhere else')
    both = replace(load_taught(file)['jog'], examples=(own, other))
    lunge = replace(both, label=replace(both.label, name='lunge'), examples=(other,))
    save_taught({'jog': both, 'lunge': lunge}, file)
    success, message = pupil.call('teach', 'jog')
    assert success and len(json.loads(message)['examples']) == 3
    assert len(load_taught(file)['jog'].examples) == 3
    assert pupil.call('forget', 'lunge')[0]
    assert list(load_taught(file)) == ['jog']


@pytest.mark.parametrize(
    'service, label, line',
    [
        ('teach', '', 'parameter teach.label'),
        ('teach', 'jog', 'expected a window with data'),
        ('forget', 'jog', 'expected a label that was taught'),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(pupil, tmp_path, service, label, line):
    wait_until(lambda: pupil.node.state == 'active', what='the active state')
    success, message = pupil.call(service, label)
    assert not success and line in message and len(message.splitlines()) == 1
    assert not (tmp_path / 'taught.yaml').exists()
    pupil.node.trigger_deactivate()
    success, message = pupil.call(service, 'jog')
    assert not success and 'expected an active node' in message
