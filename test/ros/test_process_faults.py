"""Faults of the node's own process and of what it reads: it comes back, or says what to change."""

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from fake_recognizer import FakeRecognizer
from ros_rig import wait_until
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from mujo_ros import namesakes
from mujo_ros.convert import sample_to_imu
from mujo_ros.har_node import HarNode
from mujo_ros.models import load_recognizer
from mujo_ros.pose_node import PoseNode

HERE = Path(__file__).parent
PACKAGED = HERE.parents[1] / 'mujo_core' / 'pretrained' / 'default'


def test_killed_and_started_again_it_answers_again(rig):
    """`kill -9` leaves shared memory of the middleware behind; the next process must not care."""
    activity = rig.collect(String, 'activity')
    imu = rig.publisher(Imu, 'imu/right_wrist', match=False)
    rng = np.random.default_rng(0)

    def send():
        now = rig.node.get_clock().now().nanoseconds * 1e-9
        imu.publish(sample_to_imu(now, rng.normal(size=6), 'wrist'))

    rig.node.create_timer(0.02, send)

    def answers_of_a_new_process():
        before = len(activity)
        process = rig.start(str(HERE / 'fake_node.py'), '0', '0', cwd=HERE.parents[1])
        activity.wait(before + 3, timeout=60.0)
        return process

    process = answers_of_a_new_process()
    process.send_signal(signal.SIGKILL)
    process.wait()
    answers_of_a_new_process()


def test_nodes_that_were_left_over_with_the_same_names_are_named(rig, monkeypatch):
    """As when a launch file was killed and its nodes run on: they take its successor's services."""
    monkeypatch.setattr(namesakes, 'LOOKS', 2)  # not the seconds for which the dead stay around
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    options = {'context': rig.context, 'parameter_overrides': rig.parameters(autostart=False)}
    nodes = [rig.add(HarNode(FakeRecognizer, **options)), rig.add(PoseNode(**options))]
    said = [f'2 nodes are called /{node.get_name()}' for node in nodes]
    context = rig.stranger().context
    twins = [rclpy.create_node(node.get_name(), context=context) for node in nodes]

    def errors():
        found = [s for m in list(diagnostics) for s in m.status if 'nodes are called' in s.message]
        assert all(status.level == b'\x02' for status in found)
        return [[s for s in found if line in s.message] for line in said]

    try:
        wait_until(lambda: min(map(len, errors())) >= 2, what='both lines, twice')
    finally:
        for twin in twins:
            twin.destroy_node()
    for node, line in zip(nodes, said, strict=True):
        assert len([one for one in rig.warnings(node.get_name()) if line in one]) == 1
    diagnostics.wait_for(lambda m: all('nodes are' not in s.message for s in m.status))


def unreadable(kind, folder):
    """A checkpoint folder that cannot be loaded, and words that must be said of it."""
    for path in PACKAGED.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = folder / 'model.safetensors'
    if kind == 'another version':
        config = yaml.safe_load((folder / 'config.yaml').read_text())
        ours, config['format'] = config['format'], 99
        (folder / 'config.yaml').write_text(yaml.safe_dump(config))
        return ['99', str(ours)]
    if kind == 'cut weights':
        weights.write_bytes(weights.read_bytes()[:1000])
    if kind == 'missing weights':
        weights.unlink()
    return [weights.name]


@pytest.mark.parametrize('kind', ['another version', 'cut weights', 'missing weights'])
def test_a_checkpoint_that_cannot_be_read_leaves_a_node_that_says_why(rig, tmp_path, kind):
    words = unreadable(kind, tmp_path)
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    parameters = rig.parameters(autostart=False, checkpoint=str(tmp_path))
    node = rig.add(HarNode(load_recognizer, context=rig.context, parameter_overrides=parameters))
    node.trigger_configure()
    assert node.state == 'unconfigured'
    line = wait_until(rig.warnings, what='the line')[0]
    assert '\n' not in line and all(word in line for word in words)
    status = diagnostics.wait_for(lambda m: m.status[0].message == line).status[0]
    assert status.level == b'\x02'


def test_labels_that_the_checkpoint_lacks_are_named_with_the_closest(rig):
    parameters = rig.parameters(autostart=False, labels=['walk', 'sqat'])
    node = rig.add(HarNode(load_recognizer, context=rig.context, parameter_overrides=parameters))
    node.trigger_configure()
    assert node.state == 'unconfigured'
    assert "did you mean 'squat'" in wait_until(rig.warnings, what='the line')[0]
    assert node.set_parameters(rig.parameters(labels=['walk', 'squat']))[0].successful
    node.trigger_configure()
    assert node.state == 'inactive' and node.refused == ''
    refused = node.set_parameters(rig.parameters(labels=['wlak']))[0]
    assert not refused.successful and "did you mean 'walk'" in refused.reason


def test_an_override_of_qos_that_is_none_ends_an_autostart_with_one_line(rig):
    process = rig.start(
        str(HERE / 'fake_node.py'), '0', '0', '--ros-args',
        '-p', 'qos_overrides./skeleton.subscription.reliability:=sometimes',
        stderr=subprocess.PIPE, text=True, cwd=HERE.parents[1],
    )  # fmt: skip
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (1, 2)
    assert 'Traceback' not in errors
    assert any('skeleton' in line and 'sometimes' in line for line in errors.splitlines()), errors


def answer(stamp):
    return {
        'version': 1, 'stamp': stamp, 'label': 'walk', 'confidence': 0.9,
        'scores': [['walk', 0.9], ['jog', 0.05]], 'unknown': 0.05, 'modalities': ['pose'],
        'coverage': {'pose': 1.0}, 'window': [stamp - 3.0, stamp], 'age': 0.03, 'latency': 0.01,
        'event': 'continue', 'person': '',
    }  # fmt: skip


def test_a_full_disk_costs_the_demo_those_results_alone(tmp_path, capsys):
    """/dev/full takes no byte: what is written there fails as on a full disk."""
    pytest.importorskip('av')
    from mujo_ros.demo import __main__ as demo
    from mujo_ros.demo.video import VideoWriter
    from mujo_ros.demo.watcher import Seen

    video = tmp_path / 'played.mp4'
    with VideoWriter(video, 10.0) as writer:
        for _ in range(5):
            writer.write(np.zeros((64, 96, 3), np.uint8))
    stamps = tmp_path / 'frames.txt'
    np.savetxt(stamps, 100.0 + np.arange(5) / 10)
    seen = Seen(activities=[answer(100.2), answer(100.3)], arrivals=[1.0, 1.1], first_stamp=100.0)
    out = tmp_path / 'out'
    out.mkdir()
    for name in ('summary.json', 'annotated.mp4'):
        (out / name).symlink_to('/dev/full')
    given = demo.arguments(['--source', str(video), '--output', str(out)])
    with pytest.raises(demo.DemoError) as caught:
        demo.report(given, seen, stamps, tmp_path / 'none.mp4')
    line = str(caught.value)
    assert '\n' not in line and 'make room' in line
    assert str(out / 'summary.json') in line and str(out / 'annotated.mp4') in line
    messages = (out / 'activity.jsonl').read_text().splitlines()
    assert [json.loads(message)['stamp'] for message in messages] == [100.2, 100.3]
    assert (out / 'timeline.png').stat().st_size > 1000
    assert '2 /activity messages: walk 2' in capsys.readouterr().out
