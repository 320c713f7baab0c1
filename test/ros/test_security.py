"""The SROS 2 policy allows what the nodes do on the graph, and nothing else."""

import xml.etree.ElementTree as ElementTree
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from fake_recognizer import FakeRecognizer, FakeSettings
from ros_rig import wait_until
from sensor_msgs.msg import Image

from mujo_core.video.settings import VideoSettings
from mujo_ros.har_node import HarNode
from mujo_ros.pose_node import PoseNode

POLICY = Path(__file__).parents[2] / 'config' / 'sros2' / 'policy.xml'
# Allowed for what this node does not do here: simulated time, compressed cameras, vision_msgs.
OPTIONAL = {
    '/clock',
    '/camera/image_raw/compressed',
    '/camera/image_raw/compressedDepth',
    '/activity/classification',
}


class VideoRecognizer(FakeRecognizer):
    """Has every modality, so that its node subscribes everything."""

    settings = FakeSettings(
        modalities=('video', 'pose', 'imu'), video=VideoSettings('motion', 'rgb')
    )


class BlindEstimator:
    """Sees nobody."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def estimate(self, rgb):
        return None

    def close(self):
        pass


def allowed(name):
    """What the profile of a node allows, by kind, as full names."""
    root = ElementTree.parse(POLICY).getroot()
    (profile,) = [p for p in root.iter('profile') if p.get('node') == name]
    assert profile.get('ns') == '/'
    found = {}
    for rules in profile:
        ((kind, rule),) = rules.attrib.items()
        assert rule == 'ALLOW'
        found[kind] = {
            one.text.replace('~', f'/{name}') if one.text[0] in '~/' else f'/{one.text}'
            for one in rules
        }
    return found


def used(rig, node):
    """What a node has on the graph, by kind."""
    name, space = node.get_name(), node.get_namespace()
    asked = rig.node
    return {
        'publish': {n for n, _ in asked.get_publisher_names_and_types_by_node(name, space)},
        'subscribe': {n for n, _ in asked.get_subscriber_names_and_types_by_node(name, space)},
        'reply': {n for n, _ in asked.get_service_names_and_types_by_node(name, space)},
        'request': {n for n, _ in asked.get_client_names_and_types_by_node(name, space)},
    }


@pytest.mark.parametrize('name', ['har_node', 'pose_node'])
def test_the_policy_is_what_the_node_does(rig, name):
    if name == 'har_node':
        node = rig.add(HarNode(VideoRecognizer, context=rig.context))
        rig.collect(Image, 'har_node/overlay')
    else:
        node = rig.add(PoseNode(BlindEstimator, context=rig.context))
    wait_until(lambda: node.state == 'active', what='the active state')
    policy = allowed(name)
    wait_until(
        lambda: len(used(rig, node)['subscribe']) >= len(policy['subscribe'] - OPTIONAL),
        what='all subscriptions on the graph',
    )
    done = used(rig, node)
    assert done.pop('request') == set()
    assert set(policy) == set(done)
    for kind, names in done.items():
        forbidden = {n for n in names if not any(fnmatchcase(n, p) for p in policy[kind])}
        assert not forbidden, f'{kind} is not allowed'
        unused = {p for p in policy[kind] if not any(fnmatchcase(n, p) for n in names)}
        assert unused <= OPTIONAL, f'{kind} is allowed for nothing'


def test_the_tools_do_what_the_policy_allows(rig, clips_in_sequence, tmp_path):
    pytest.importorskip('rosbags')
    from mujo_core.bags.reader import open_bag
    from mujo_core.bags.writer import write_bag
    from mujo_ros.play_bag import BagPlayer
    from mujo_ros.record_truth import TruthNode
    from mujo_ros.score_replay import ReplayListener

    write_bag(clips_in_sequence(['squat']), tmp_path / 'bag')
    with open_bag(tmp_path / 'bag') as reader:
        # Simulated time, as they are used with: each knows the clock.
        simulated = {
            'context': rig.context,
            'parameter_overrides': rig.parameters(use_sim_time=True),
        }
        nodes = [
            BagPlayer(reader, context=rig.context),
            ReplayListener(0.0, context=rig.context),
            TruthNode(**simulated),
        ]
        for node in map(rig.add, nodes):
            policy = allowed(node.get_name())
            wait_until(lambda n=node: used(rig, n)['publish'], what='it on the graph')
            for kind, names in used(rig, node).items():
                patterns = policy.get(kind, ())
                forbidden = {n for n in names if not any(fnmatchcase(n, p) for p in patterns)}
                assert not forbidden, f'{kind} is not allowed'


def test_the_policy_fits_the_schema_of_sros2():
    lxml = pytest.importorskip('lxml.etree')
    sros2 = pytest.importorskip('sros2.policy')
    schema = lxml.XMLSchema(lxml.parse(str(sros2.get_policy_schema('policy.xsd'))))
    schema.assertValid(lxml.parse(str(POLICY)))
