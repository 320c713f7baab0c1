"""A bag of real clips replayed through the live node, over real DDS, each part a process.

The checkpoint has not seen the person. What the live node says is held against what is said
offline of the same bag; then the same bag comes again, as when it loops.
"""

import json
import time

import numpy as np
import pytest
from ros_rig import PATIENCE, wait_until
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

pytest.importorskip('rosbags', reason='the extra bag is not installed')

from mujo_core.bags.truth import read_truth
from mujo_core.bags.writer import write_bag
from mujo_core.evaluation.agreement import agreement, read_answers
from mujo_core.evaluation.bag import read_bag
from mujo_core.evaluation.bag_play import play
from mujo_core.evaluation.track_report import FILES
from mujo_core.recognition.recognizer import Recognizer
from mujo_ros.har_node import HarNode
from mujo_ros.play_bag import CLOCK_RATE
from mujo_ros.score_replay import ANSWERS

TOPICS = ('/skeleton', '/imu/right_wrist', '/imu/right_thigh')
TICKS, DENSE = 10.0, 50.0  # Hz: of the live node, and of the windows offline


@pytest.fixture
def bag(clips_in_sequence, tmp_path):
    path = tmp_path / 'take'
    write_bag(clips_in_sequence(['boxing', 'squat'], rest=2.0), path, delay=0.01)
    return path


def finished(process, timeout):
    """What a process printed; its exit status is checked."""
    wait_until(lambda: process.poll() is not None, timeout, 'the end of a process')
    said, complained = process.communicate()
    assert process.returncode == 0, complained
    return said


def windows_of_bag(contents, checkpoint):
    """The windows of ticks as dense as the samples."""

    class Collector(Recognizer):
        def answers(self, windows):
            kept.extend(windows)
            return []

    kept = []
    assert not list(play(contents, Collector(checkpoint), DENSE))
    return kept


def test_live_replay_says_what_is_said_offline(rig, bag, held_out_checkpoint, tmp_path):
    pipes = {'stdout': -1, 'stderr': -1, 'text': True}
    overrides = rig.parameters(
        use_sim_time=True,
        layout='kinect20',
        placements=['right_wrist', 'right_thigh'],
        checkpoint=str(held_out_checkpoint),
    )
    clock = rig.collect(Clock, '/clock')
    node = rig.add(HarNode(context=rig.context, parameter_overrides=overrides))
    wait_until(lambda: node.state == 'active', 60.0, 'the active state')
    score = (
        *('-m', 'mujo_ros.score_replay', str(bag), '--output', str(tmp_path / 'out')),
        *('--checkpoint', str(held_out_checkpoint)),
    )
    scorer = rig.start(*score, **pipes)
    listen = ('--wait-for', 'activity', *TOPICS)
    player = rig.start('-m', 'mujo_ros.play_bag', str(bag), *listen, **pipes)
    assert 'messages played' in finished(player, 180.0)
    assert 'report in' in finished(scorer, 60.0)

    # The clock goes on evenly, on whole multiples of its period.
    told = [msg.clock.sec * 10**9 + msg.clock.nanosec for msg in clock]
    assert all(abs(t * CLOCK_RATE / 1e9 - round(t * CLOCK_RATE / 1e9)) < 1e-3 for t in told)
    assert told == sorted(told)

    live = read_answers(tmp_path / 'out' / ANSWERS)
    contents = read_bag(bag)
    # A busy machine answers late and misses ticks. Whichever window it came to, ticks as dense as
    # the samples have it too. A filtered answer follows from all before it, so offline no window
    # is seen that was not answered live.
    windows = windows_of_bag(contents, held_out_checkpoint)
    assert len(live) > 0.7 * len(windows) * TICKS / DENSE
    ends = np.array([window.end for window in windows])
    seen = [int(np.abs(ends - stamp).argmin()) for stamp, _ in live]
    answers = Recognizer(held_out_checkpoint).answers([windows[place] for place in seen])
    found = agreement(live, [(a.stamp, a.label) for a in answers], 1.0 / DENSE)
    assert found['share'] >= 0.99 and found['alone'] <= 2, found
    scores = json.loads((tmp_path / 'out' / FILES[0]).read_text())
    assert scores['answers'] == len(live)
    assert scores['events']['truth'] == 2 and scores['events']['delay']['detected'] == 2
    truth = read_truth(bag.parent / f'{bag.name}.labels.csv', contents.start)
    assert [segment.label for segment in truth] == ['boxing', 'squat']
    assert all((tmp_path / 'out' / name).is_file() for name in FILES)

    # The bag comes again: time goes back, and answers begin anew.
    again = rig.collect(String, 'activity')
    arguments = ('--rate', '4', '--wait-for', *TOPICS)
    player = rig.start('-m', 'mujo_ros.play_bag', str(bag), *arguments, **pipes)
    assert 'messages played' in finished(player, 120.0)
    stamps = [json.loads(msg.data)['stamp'] for msg in again]
    assert stamps and stamps == sorted(stamps)
    assert min(stamps) < contents.start + 3.0
    assert any('time went back' in msg.msg for msg in list(rig.log))


@pytest.mark.parametrize(
    ('module', 'arguments', 'part'),
    [
        ('play_bag', ['NOWHERE'], 'NOWHERE is not there'),
        ('score_replay', ['NOWHERE'], 'NOWHERE is not there'),
        ('score_replay', ['BAG', '--truth', 'NOWHERE'], 'NOWHERE'),
        ('score_replay', ['BAG', '--checkpoint', 'NOWHERE'], 'NOWHERE'),
        ('score_replay', ['BAG', '--skeleton', '/body'], 'there is no /body'),
    ],
)
def test_bad_input_is_one_line(bag, tmp_path, capsys, module, arguments, part):
    from importlib import import_module

    places = {'BAG': str(bag), 'NOWHERE': str(tmp_path / 'NOWHERE')}
    given = [places.get(word, word) for word in arguments]
    assert import_module(f'mujo_ros.{module}').main([module, *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'{module}: ') and part in line


def test_a_person_labels_on_the_node_s_clock(rig, tmp_path):
    """With simulated time: what is typed is stamped by /clock, published, and written."""
    file = tmp_path / 'truth.csv'
    truth = rig.collect(String, 'truth')
    clock = rig.publisher(Clock, '/clock', match=False)
    arguments = ['-p', 'use_sim_time:=true', '-p', f'file:={file}', '-p', 'labels:=[walk, squat]']
    person = rig.start(
        *('-m', 'mujo_ros.record_truth', '--ros-args', *arguments),
        stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1,
    )  # fmt: skip
    wait_until(clock.get_subscription_count, 60.0, 'a subscription of /clock')
    publishers = rig.node.count_publishers
    wait_until(lambda: publishers('truth'), 60.0, 'a publisher of truth')
    for number, (seconds, typed) in enumerate([(100, '2\n'), (103, '\n')], start=1):

        def said(seconds=seconds, number=number):
            message = Clock()
            message.clock.sec = seconds
            clock.publish(message)
            return len(truth) >= number

        for _ in range(100):  # nothing tells when the other process has taken the time over
            said()
            time.sleep(0.01)
        person.stdin.write(typed)
        person.stdin.flush()
        wait_until(said, PATIENCE, 'the label on the topic')
    person.stdin.close()
    wait_until(lambda: person.poll() is not None, PATIENCE, 'the end of record_truth')
    assert person.returncode == 0, person.stderr.read()
    changes = [json.loads(msg.data) for msg in truth]
    assert [change['label'] for change in changes] == ['squat', '']
    assert [change['stamp'] for change in changes] == [100.0, 103.0]
    (segment,) = read_truth(file, 0.0)
    assert (segment.label, segment.start, segment.end) == ('squat', 100.0, 103.0)
