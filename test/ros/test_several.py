"""Several nodes in one process: topics of their own, one model; bodies of ROS4HRI."""

import gc
import json
import os
import shutil
import signal
import weakref
from dataclasses import dataclass, field

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from ros_rig import PATIENCE, wait_until
from sensor_msgs.msg import Imu
from std_msgs.msg import Header, String

from mujo_core.layouts import LAYOUTS
from mujo_ros import har_bodies
from mujo_ros.convert import MessageError, sample_to_imu, seconds_to_stamp
from mujo_ros.har_bodies import HarBodies
from mujo_ros.har_nodes import namespaces
from mujo_ros.hri import body_ids, skeleton2d_to_joints
from mujo_ros.models import load_recognizer


def test_one_model_a_process_until_the_last_recognizer_goes(held_out_checkpoint, tmp_path):
    folder = shutil.copytree(held_out_checkpoint, tmp_path / 'checkpoint')
    arguments = ('cpu',)
    first, second = (load_recognizer(str(folder), *arguments) for _ in range(2))
    assert first.checkpoint is second.checkpoint and first.timeline is not second.timeline
    status = (folder / 'model.safetensors').stat()
    os.utime(folder / 'model.safetensors', ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load_recognizer(str(folder), *arguments).checkpoint is not first.checkpoint
    model = weakref.ref(first.checkpoint.model)
    del first
    gc.collect()
    assert model() is not None
    del second
    gc.collect()
    assert model() is None


def test_a_process_of_two_answers_each_from_its_own_sensors(rig):
    process = rig.start('-m', 'mujo_ros.har_nodes', 'left', 'robot/right')
    answers = {name: rig.collect(String, f'/{name}/activity') for name in ('left', 'robot/right')}
    wrists = {name: rig.publisher(Imu, f'/{name}/imu/right_wrist', match=False) for name in answers}
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    # Said by the node, since a publisher is matched before the node is.
    known = [f'(/{name}/imu/right_wrist): 1 publisher' for name in answers]
    wait_until(lambda: all(line in str(list(diagnostics)) for line in known), 120.0, 'the nodes')
    assert all(wrist.get_subscription_count() for wrist in wrists.values())
    begin = rig.node.get_clock().now().nanoseconds * 1e-9
    for name, shift in (('left', 0.0), ('robot/right', -1.0)):
        for step in range(150):
            sample = np.array([0.0, 0.0, 9.8, 0.0, 0.0, 0.0])
            wrists[name].publish(sample_to_imu(begin + shift + step / 50, sample, name))
    for name, shift in (('left', 0.0), ('robot/right', -1.0)):
        last = begin + shift + 149 / 50
        answer = wait_until(
            lambda n=name, t=last: next(
                (a for a in map(json.loads, (m.data for m in answers[n])) if a['stamp'] > t - 0.01),
                None,
            ),
            30.0,
            f'an answer of {name}',
        )
        assert answer['stamp'] == pytest.approx(last, abs=1e-3)
        assert answer['coverage'] == {'imu/right_wrist': pytest.approx(1.0, abs=0.02)}
    process.send_signal(signal.SIGINT)
    assert process.wait(30.0) == 0


@pytest.mark.parametrize('words', [[], ['a b'], ['1a'], ['a', '/a'], ['a/'], ['x'] * 33, ['a;b']])
def test_what_is_no_namespace_is_said_in_one_line(words):
    with pytest.raises(ValueError, match='expected') as caught:
        namespaces(words)
    assert '\n' not in str(caught.value)
    assert namespaces(['/robot1/left', 'right']) == ['robot1/left', 'right']


@dataclass
class Point:
    """Stands in for hri_msgs/NormalizedPointOfInterest2D, which the ROS wheels do not have."""

    x: float
    y: float
    c: float = 1.0


@dataclass
class Skeleton2D:
    """Stands in for hri_msgs/Skeleton2D."""

    skeleton: list
    header: Header = field(default_factory=lambda: Header(stamp=seconds_to_stamp(12.5)))


HRI_ORDER = (
    'nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow',
    'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle',
    'left_eye', 'right_eye', 'left_ear', 'right_ear',
)  # fmt: skip


def test_a_body_of_ros4hri_becomes_joints_by_name():
    rng = np.random.default_rng(0)
    place = {name: rng.random(2) for name in HRI_ORDER}
    msg = Skeleton2D([Point(*place[name], 0.9) for name in HRI_ORDER])
    msg.skeleton[4] = Point(1.5, 0.5)
    msg.skeleton[7].c = 0.1
    stamp, joints, visibility = skeleton2d_to_joints(msg, 1.5)
    assert stamp == 12.5 and joints.dtype == np.float32
    for index, name in enumerate(LAYOUTS['openpose18'].joints):
        if name == 'right_wrist':
            assert np.isnan(joints[index]).all()
            continue
        np.testing.assert_allclose(joints[index], [*(place[name] * (1.5, 1.0)), 0.0], rtol=1e-6)
        assert visibility[index] == pytest.approx(0.1 if name == 'left_wrist' else 0.9)


@pytest.mark.parametrize('count', [0, 17, 19, 100_000])
def test_another_number_of_points_is_refused(count):
    with pytest.raises(MessageError, match=f'expected 18 points .* got {count}') as caught:
        skeleton2d_to_joints(Skeleton2D([Point(0.1, 0.1)] * count), 1.0)
    assert caught.value.kind == 'wrong_joint_count'


def test_identifiers_are_names_and_not_too_many():
    assert body_ids(['rlkas', 'b2', 'rlkas', '', '1x', 'a/b', 'x' * 10**6, '~']) == ['rlkas', 'b2']
    assert len(body_ids([f'b{i}' for i in range(10**5)])) == 64


def test_bodies_come_and_go_each_with_a_node(rig, monkeypatch):
    import rclpy

    monkeypatch.setattr(har_bodies, 'FORGET_AFTER', 0.5)
    made = []

    def make_node(body):
        made.append(body)
        return rclpy.create_node(
            'har_node', namespace=f'/humans/bodies/{body}', context=rig.context
        )

    node = rig.add(
        HarBodies(make_node, context=rig.context, parameter_overrides=rig.parameters(max_bodies=2))
    )
    node.follow(['ada', 'bob', 'cyd', '../../etc'])
    assert made == ['ada', 'bob'] and list(node.bodies) == ['ada', 'bob']
    wait_until(lambda: len(rig.warnings('har_bodies')) == 1, what='the warning')

    def only_bob():
        node.follow(['bob'])
        return list(node.bodies) == ['bob']

    wait_until(only_bob, PATIENCE, 'the end of ada')
    node.follow(['bob', 'cyd'])
    assert made == ['ada', 'bob', 'cyd']
    wait_until(lambda: not node.bodies, PATIENCE, 'the end of all')
