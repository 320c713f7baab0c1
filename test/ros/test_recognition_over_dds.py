"""Real recordings over DDS, each sensor a process; sensors are killed while it runs.

With a checkpoint that has not seen the person labels are asked for too; without one the same
is shown of everything but the label.
"""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fake_recognizer import FakeRecognizer
from ros_rig import PATIENCE, starved, wait_until
from std_msgs.msg import String

from mujo_ros.har_node import HarNode
from mujo_ros.models import load_recognizer

PLAYER = str(Path(__file__).parent / 'play_clip.py')
CLIPS = {
    'boxing': 'utd_mhad_a13_s7_t2_boxing.npz',
    'squat': 'utd_mhad_a27_s7_t1_squat.npz',
}
PERIOD = 0.1  # s between answers at the default rate
WINDOW = 3.0  # s


class Scene:
    """A node, two sensor processes that play a clip, and what came out."""

    def __init__(self, rig, clip, factory, **parameters):
        with np.load(clip) as arrays:
            imu = next(name for name in arrays if name.startswith('imu/')).rpartition('/')[0]
        self.rig, self.imu = rig, imu
        self.activity = rig.collect(String, 'activity')
        overrides = rig.parameters(
            layout='kinect20', placements=[imu.partition('/')[2]], **parameters
        )
        self.node = rig.add(HarNode(factory, context=rig.context, parameter_overrides=overrides))
        wait_until(lambda: self.node.state == 'active', 60.0, 'the active state')
        start = str(time.time())
        self.sensors = {
            stream: rig.start(PLAYER, str(clip), stream, start) for stream in ('skeleton', imu)
        }

    def answers(self, since=0):
        return [json.loads(msg.data) for msg in self.activity[since:]]

    def wait_for_modalities(self, modalities, timeout=PATIENCE):
        """Wait until answers stand on these; where in `activity` the first such one is."""
        start = len(self.activity)

        def found():
            answers = self.answers(start)
            return next((i for i, a in enumerate(answers) if a['modalities'] == modalities), None)

        return (
            start
            + wait_until(
                lambda: found() is not None and (found(),), timeout, f'answers from {modalities}'
            )[0]
        )

    def kill(self, stream):
        """`kill -9` the process of a sensor; when that was."""
        self.sensors[stream].send_signal(signal.SIGKILL)
        self.sensors[stream].wait()
        return time.monotonic()

    def labels(self, since):
        return Counter(answer['label'] for answer in self.answers(since))


@pytest.fixture(params=['timeline', 'model'])
def factory(request):
    """Recognizers for the node: one without a model, and the real one."""
    if request.param == 'timeline':
        return FakeRecognizer
    checkpoint = request.getfixturevalue('held_out_checkpoint')
    return lambda _, *others: load_recognizer(str(checkpoint), *others)


@pytest.mark.parametrize('label', list(CLIPS))
def test_a_recording_of_an_unseen_person_is_recognized(rig, data_dir, held_out_checkpoint, label):
    scene = Scene(
        rig, data_dir / CLIPS[label], load_recognizer, checkpoint=str(held_out_checkpoint)
    )
    scene.wait_for_modalities(['pose', 'imu'])
    wait_until(lambda: scene.answers()[-1]['coverage'].get('pose', 0) > 0.95, what='a full window')
    full, before = len(scene.activity), len(rig.warnings(late=False))
    scene.activity.wait(full + 50, timeout=PATIENCE)
    labels = scene.labels(full)
    assert labels.most_common(1)[0][0] == label, labels
    assert labels[label] > 0.6 * labels.total(), labels
    assert rig.warnings(late=False)[before:] == []


def said(rig):
    """What was said of streams that fell silent."""
    return [msg.msg for msg in list(rig.log) if 'going on without' in msg.msg]


@pytest.mark.parametrize('lost, left', [('imu', 'pose'), ('skeleton', 'imu')])
def test_a_sensor_that_dies_leaves_the_other_one_to_answer(rig, data_dir, factory, lost, left):
    scene = Scene(rig, data_dir / CLIPS['boxing'], factory)
    scene.wait_for_modalities(['pose', 'imu'])
    wait_until(lambda: scene.answers()[-1]['coverage'].get('pose', 0) > 0.95, what='a full window')
    lost = scene.imu if lost == 'imu' else lost
    before, waited, told = len(scene.activity), starved(), len(rig.warnings(late=False))
    silent = len(said(rig))
    killed = scene.kill(lost)
    alone = scene.wait_for_modalities([left])
    scene.activity.wait(alone + 20)
    waited = starved() - waited  # a crowded machine may be as much later
    assert scene.activity.times[alone] - killed <= WINDOW + PERIOD + waited
    gaps = np.diff(scene.activity.times[before - 5 :])
    assert (
        PERIOD - 0.02 <= np.median(gaps) <= PERIOD + 0.02 + waited
        and gaps.max() < 4 * PERIOD + waited
    )
    answers = scene.answers(alone)
    assert all(answer['modalities'] == [left] for answer in answers)
    assert rig.warnings(late=False)[told:] == []
    lines = said(rig)[silent:]
    assert len(lines) == 1 and f'{lost}: 1 publisher, no message for ' in lines[0]


def test_without_any_sensor_there_is_no_answer_and_one_warning(rig, data_dir, factory):
    scene = Scene(rig, data_dir / CLIPS['squat'], factory)
    scene.wait_for_modalities(['pose', 'imu'])
    waited, before = starved(), len(rig.warnings(late=False))
    for stream in scene.sensors:
        killed = scene.kill(stream)
    wait_until(lambda: rig.warnings(late=False)[before:], what='the warning')
    warned = time.monotonic()
    waited = starved() - waited
    assert warned - killed < 2.0 + waited
    line = rig.warnings(late=False)[before]
    for topic in ('skeleton', scene.imu):
        assert f'{topic}: 1 publisher, no message for 1.' in line
    wait_until(lambda: time.monotonic() - warned > PERIOD)  # the answer that was on its way
    assert scene.activity.times[-1] - killed <= 1.0 + 2 * PERIOD + waited
    sent = len(scene.activity)
    # The warning comes once, and nothing more is said, for longer than a window.
    wait_until(lambda: time.monotonic() - warned > WINDOW + 1.0)
    assert len(rig.warnings(late=False)[before:]) == 1 and len(scene.activity) == sent
    # Publishers that come back end the silence.
    start = str(time.time())
    clip = data_dir / CLIPS['squat']
    rig.start(PLAYER, str(clip), 'skeleton', start)
    scene.wait_for_modalities(['pose'])
    assert len(rig.warnings(late=False)[before:]) == 1
