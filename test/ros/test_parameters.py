"""Parameters: what config/har.yaml says is what the node declares; bad values change nothing."""

from pathlib import Path

import pytest
import yaml
from fake_recognizer import FakeRecognizer
from rclpy.parameter import Parameter
from ros_rig import wait_until

from mujo_core.recognition.decision import DecisionSettings
from mujo_ros.har_node import HarNode
from mujo_ros.parameters import SETTINGS
from mujo_ros.pose_parameters import SETTINGS as POSE_SETTINGS

CONFIG = Path(__file__).parents[2] / 'config'


def make(rig, factory=FakeRecognizer, **values):
    values.setdefault('autostart', False)
    return HarNode(factory, context=rig.context, parameter_overrides=rig.parameters(**values))


def test_the_shipped_file_lists_every_parameter_with_its_default():
    shipped = yaml.safe_load((CONFIG / 'har.yaml').read_text())
    assert shipped['/**']['ros__parameters'] == {
        name: setting.default for name, setting in SETTINGS.items()
    }
    assert shipped['/**/pose_node']['ros__parameters'] == {
        name: setting.default for name, setting in POSE_SETTINGS.items()
    }


def test_every_parameter_is_described(rig):
    node = rig.add(make(rig))
    for name, setting in SETTINGS.items():
        descriptor = node.describe_parameter(name)
        assert descriptor.description == setting.description
        if setting.range:
            assert descriptor.floating_point_range or descriptor.integer_range
    assert '-y' in node.describe_parameter('skeleton_up').additional_constraints


@pytest.mark.parametrize(
    'name, value, words',
    [
        ('rate', 0.0, ''),
        ('rate', '10', ''),
        ('layout', 'kinect21', 'kinect20'),
        ('skeleton_up', 'up', "'up'"),
        ('device', 'tpu', 'cuda'),
        ('placements', ['Right Wrist'], 'lower-case'),
        ('placements', ['a', 'a'], 'once'),
        ('placements', 'right_wrist', 'list'),
        ('placements', [f'p{i}' for i in range(33)], 'at most 32'),
        ('top_k', 0, ''),
        ('camera_pitch', 3.2, ''),
        ('smoothing', -1.0, ''),
        ('false_alarm_rate', 0.9, ''),
        ('labels', ['walk', 'walk'], 'once'),
        ('labels', 'walk', 'list'),
    ],
)
def test_bad_values_are_refused_and_change_nothing(rig, name, value, words):
    node = rig.add(make(rig))
    before = node.get_parameter(name).value
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert not result.successful and words in result.reason and result.reason
    assert node.get_parameter(name).value == before


@pytest.mark.parametrize('value', [[], [''], ['left_thigh', 'head']])
def test_placements_may_be_any_or_none(rig, value):
    node = rig.add(make(rig, placements=value, autostart=True))
    wait_until(lambda: node.state == 'active', what='the active state')
    assert list(node.health) == ['pose', *(f'imu/{name}' for name in value if name)]


def test_what_is_read_on_configure_cannot_change_while_loaded(rig):
    node = rig.add(make(rig))
    assert node.set_parameters([Parameter('layout', value='kinect20')])[0].successful
    node.trigger_configure()
    result = node.set_parameters([Parameter('layout', value='h36m17')])[0]
    assert not result.successful and 'clean up' in result.reason
    assert node.get_parameter('layout').value == 'kinect20'
    assert node.set_parameters([Parameter('person', value='ada')])[0].successful


def test_the_decision_changes_while_running_and_not_at_all_when_refused(rig):
    made = []

    def factory(*arguments):
        made.append(FakeRecognizer(*arguments))
        return made[-1]

    node = rig.add(make(rig, factory, autostart=True))
    wait_until(lambda: node.state == 'active', what='the active state')
    before = made[0].decision
    assert before == DecisionSettings()
    refused = node.set_parameters_atomically(
        [Parameter('smoothing', value=2.0), Parameter('labels', value=['wlak'])]
    )
    assert not refused.successful and "did you mean 'walk'" in refused.reason
    assert made[0].decision is before and node.get_parameter('smoothing').value == 0.0
    values = {'labels': ['jog'], 'top_k': 2, 'false_alarm_rate': 0.2, 'smoothing': 1.5}
    for name, value in values.items():
        assert node.set_parameters([Parameter(name, value=value)])[0].successful
    assert made[0].decision == DecisionSettings(2, 0.2, ('jog',), 1.5)
    assert node.state == 'active' and len(made) == 1
