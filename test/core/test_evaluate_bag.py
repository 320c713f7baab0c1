"""Real clips as bags of both kinds, scored offline: like live, from the command line, when broken.

The checkpoint has not seen the person of the clips.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='the extra bag is not installed')

from mujo_core.bags.reader import open_bag
from mujo_core.bags.truth import read_truth
from mujo_core.bags.writer import STORAGES, write_bag
from mujo_core.cli.main import main
from mujo_core.datasets.bag import load_bag
from mujo_core.evaluation.bag import choose_topics, describe_bag, read_bag
from mujo_core.evaluation.bag_play import play
from mujo_core.evaluation.track_report import FILES
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.recording import Recording, Segment

CHECKPOINT = Path(__file__).parents[1] / 'data' / 'without_subject_7'
START = 1_700_000_000.0
LABELS = ['boxing', 'jog', 'squat']


@pytest.fixture(scope='module')
def sequence(clips_in_sequence):
    return clips_in_sequence(LABELS)


@pytest.fixture(scope='module')
def bags(sequence, tmp_path_factory):
    root = tmp_path_factory.mktemp('bags')
    for storage in STORAGES:
        write_bag(sequence, root / storage, storage, delay=0.01)
    return root


@pytest.fixture(scope='module')
def recognizer():
    return Recognizer(CHECKPOINT)


@pytest.fixture(scope='module')
def played(bags, recognizer):
    """What is said of the bag, tick by tick."""
    recognizer.reset()
    return list(play(read_bag(bags / 'mcap'), recognizer))


def test_clips_follow_each_other_with_rest_between(sequence):
    assert [segment.label for segment in sequence.segments] == LABELS
    gaps = [b.start - a.end for a, b in zip(sequence.segments, sequence.segments[1:], strict=False)]
    assert gaps == pytest.approx([2.0, 2.0])
    assert sequence.segments[0].start - sequence.start == pytest.approx(2.0, abs=0.1)
    pose = sequence.streams['pose']
    assert (np.diff(pose.stamps) > 0).all() and np.diff(pose.stamps).max() < 0.1
    inside = (pose.stamps > sequence.segments[0].end) & (pose.stamps < sequence.segments[1].start)
    speed = np.linalg.norm(np.diff(pose.values[inside], axis=0), axis=-1) / 0.05
    assert speed.max() < 3.0  # m/s: nobody jumps from clip to clip


@pytest.mark.parametrize('storage', STORAGES)
def test_a_bag_holds_what_was_written(bags, sequence, storage):
    bag = read_bag(bags / storage)
    assert bag.layout == 'kinect20' and not bag.unused
    assert set(bag.streams) == set(sequence.streams)
    for name, stream in sequence.streams.items():
        samples = bag.streams[name]
        assert samples.stamps - START == pytest.approx(stream.stamps, abs=1e-6)
        assert samples.arrivals - samples.stamps == pytest.approx(0.01, abs=1e-6)
        assert np.stack(samples.values) == pytest.approx(stream.values, abs=1e-6)
    truth = read_truth(bags / f'{storage}.labels.csv', bag.start)
    assert [segment.label for segment in truth] == LABELS
    assert truth[0].start == pytest.approx(sequence.segments[0].start - sequence.start, abs=1e-5)
    # The data set `bag` reads the same file of truth.
    (recording,) = (r for r in load_bag(bags) if r.name == storage)
    assert recording.segments == truth


def test_what_was_taught_is_scored_too(sequence, bags, tmp_path, encoder):
    where = sequence.segments[1]
    words = [str(bags / 'mcap'), '--from', f'{where.start:.2f}', '--to', f'{where.end:.2f}']
    there = ['--checkpoint', str(CHECKPOINT)]
    file, report = tmp_path / 'taught.yaml', tmp_path / 'report.json'
    assert main(['teach', 'run in place', '--bag', *words, '--file', str(file), *there]) == 0
    truth = tmp_path / 'truth.csv'
    lines = (bags / 'mcap.labels.csv').read_text().replace('jog', 'run_in_place')
    truth.write_text(lines)
    command = ['evaluate_bag', str(bags / 'mcap'), '--truth', str(truth), *there]
    assert main([*command, '--taught', str(file), '--json', str(report)]) == 0
    assert json.loads(report.read_text())['frames']['per_class']['run_in_place']['f1'] > 0.5
    assert main(command) == 2


def test_offline_says_what_a_recognizer_says_that_is_fed_live(bags, recognizer, played):
    """Sample by sample in the order of arrival, one window at a time."""
    bag = read_bag(bags / 'mcap')
    recognizer.reset()
    arrivals = sorted(
        (float(arrival), name, float(stamp), values)
        for name, samples in bag.streams.items()
        for arrival, stamp, values in zip(
            samples.arrivals, samples.stamps, samples.values, strict=True
        )
    )
    live, given = [], 0
    for tick in range(int(np.ceil(arrivals[0][0] * 10)), int(arrivals[-1][0] * 10) + 1):
        while given < len(arrivals) and arrivals[given][0] <= tick / 10:
            _, name, stamp, values = arrivals[given]
            if name == 'pose':
                recognizer.add_pose(stamp, values, 'kinect20', now=tick / 10)
            else:
                recognizer.add_imu(name.partition('/')[2], stamp, values, now=tick / 10)
            given += 1
        activity = recognizer.recognize()
        live += [activity] if activity is not None else []
    assert len(live) > 100
    for ours, theirs in zip(played, live, strict=False):
        assert ours.stamp == theirs.stamp and ours.modalities == theirs.modalities
        covered = [{n: c for n, c in a.coverage.items() if c} for a in (ours, theirs)]
        assert covered[0] == covered[1]
        assert ours.label == theirs.label and ours.event == theirs.event
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-3)
    # Beyond the last sample offline goes on for the second in which a node does.
    assert len(live) <= len(played) <= len(live) + 11


def test_activities_of_a_person_not_seen_are_found(played, sequence):
    for segment in sequence.segments:
        inside = [a.label for a in played if segment.start < a.stamp - START < segment.end + 1.0]
        assert inside.count(segment.label) > 0.3 * len(inside), segment


def test_nothing_is_said_while_all_is_silent(sequence, tmp_path, recognizer):
    first = sequence.segments[0]
    early, late = sequence.cut(0.0, first.end), sequence.cut(first.end + 6.0, sequence.end)
    streams = {
        name: type(stream)(
            np.concatenate([stream.stamps, late.streams[name].stamps]),
            np.concatenate([stream.values, late.streams[name].values]),
            stream.layout,
        )
        for name, stream in early.streams.items()
        if name in late.streams
    }
    write_bag(Recording('gap', '', '', streams), tmp_path / 'gap')
    recognizer.reset()
    stamps = np.array([a.stamp for a in play(read_bag(tmp_path / 'gap'), recognizer)]) - START
    assert np.diff(stamps).min() >= 0.0
    assert not ((stamps > first.end + 0.1) & (stamps < first.end + 6.0)).any()
    # It goes on for a second after the last sample, about that sample.
    assert 8 <= (stamps == stamps[stamps <= first.end].max()).sum() <= 12
    assert stamps.max() > first.end + 6.0


def test_a_bag_that_was_recorded_while_time_jumped_back(sequence, tmp_path, recognizer):
    """Header time starts anew half way, as when a bag is recorded while another one loops."""
    whole = sequence.only(['pose'])
    write_bag(whole, tmp_path / 'bag')
    bag = read_bag(tmp_path / 'bag')
    samples = bag.streams['pose']
    samples.stamps[samples.stamps > START + 8.0] -= 7.0
    recognizer.reset()
    before = recognizer.jumps
    stamps = np.array([a.stamp for a in play(bag, recognizer)])
    assert recognizer.jumps == before + 1
    assert (np.diff(stamps) < -5.0).sum() == 1


def test_topics_are_chosen_by_type_and_name():
    kinds = {'imu': 'sensor_msgs/msg/Imu', 'cloud': 'sensor_msgs/msg/PointCloud2'}
    topics = {
        '/a/points': kinds['cloud'], '/b/points': kinds['cloud'], '/imu/head': kinds['imu'],
        '/imu': kinds['imu'], '/text': 'std_msgs/msg/String', '/watch/imu': kinds['imu'],
    }  # fmt: skip
    chosen, unused = choose_topics(topics)
    assert chosen == {'/a/points': 'pose', '/imu/head': 'imu/head', '/watch/imu': 'imu/watch'}
    assert unused == ('/b/points', '/imu')
    chosen, _ = choose_topics(topics, '/b/points', {'left_wrist': '/imu'})
    assert chosen == {'/b/points': 'pose', '/imu': 'imu/left_wrist'}


def test_a_bag_is_described_by_its_first_skeleton(bags):
    topics, layout = describe_bag(bags / 'sqlite3')
    assert topics == {
        '/imu/right_thigh': 'imu/right_thigh', '/imu/right_wrist': 'imu/right_wrist',
        '/skeleton': 'pose',
    }  # fmt: skip
    assert layout == 'kinect20'


def run(capsys, *arguments):
    """Run the verb; return the exit status, what it prints and what it complains of."""
    status = main(['evaluate_bag', *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_command_writes_figures_and_pictures(bags, tmp_path, capsys):
    live = tmp_path / 'activity.jsonl'
    live.write_text(f'{{"stamp": {START + 4.0}, "label": "boxing"}}\n')
    arguments = ['--checkpoint', CHECKPOINT, '--json', tmp_path / 'out.json', '--against', live]
    status, said, _ = run(
        capsys, bags / 'sqlite3', *arguments, '--report', tmp_path / 'report'
    )  # fmt: skip
    assert status == 0
    scores = json.loads((tmp_path / 'out.json').read_text())
    assert scores['events']['truth'] == 3 and set(scores['events']['iou']) == {
        '0.10', '0.25', '0.50',
    }  # fmt: skip
    assert scores['frames']['count'] == pytest.approx(10 * scores['seconds'], abs=2)
    assert scores['agreement']['compared'] == 1
    assert 'times as fast as real time' in said and 'same label as the live run' in said
    assert {path.name for path in (tmp_path / 'report').iterdir()} == set(FILES)
    for name in FILES[1:]:
        assert (tmp_path / 'report' / name).read_bytes().startswith(b'\x89PNG')
    assert json.loads((tmp_path / 'report' / FILES[0]).read_text()) == scores


def damaged(bags, tmp_path, keep):
    """A bag of which only the first part of the file is left."""
    shutil.copytree(bags / 'mcap', tmp_path / 'torn')
    file = next((tmp_path / 'torn').glob('*.mcap'))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])
    return tmp_path / 'torn'


@pytest.mark.parametrize(
    ('arguments', 'part'),
    [
        ('NOWHERE', 'NOWHERE is not there'),
        ('BAG --skeleton /body', 'there is no /body'),
        ('BAG --skeleton /imu/right_wrist', '/imu/right_wrist is sensor_msgs/msg/Imu'),
        ('BAG --imu head=/imu/head', '/imu/right_wrist'),
        ('BAG --imu /imu/head', 'PLACEMENT=TOPIC'),
        ('BAG --truth MISSING', 'MISSING'),
        ('BAG --truth OUTSIDE', 'is it the truth of this bag'),
        ('BAG --truth UNKNOWN', 'moonwalk'),
        ('BAG --layout h36m', 'kinect20'),
        ('BAG --up w', '-y'),
        ('BAG --rate 0', '--rate'),
        ('BAG --against MISSING', 'MISSING'),
        ('BAG --checkpoint NOWHERE', 'NOWHERE'),
        ('TORN', 'torn'),
        ('EMPTY', 'empty'),
        ('TEXT', 'not readable as a bag'),
        ('UNLABELLED', 'mujo record_truth'),
    ],
)
def test_bad_input_is_one_line(bags, sequence, tmp_path, capsys, arguments, part):
    places = {'BAG': bags / 'mcap', 'NOWHERE': tmp_path / 'NOWHERE'}
    for name, rows in (('OUTSIDE', '90,95,walk'), ('UNKNOWN', '1,2,moonwalk')):
        places[name] = tmp_path / f'{name}.csv'
        places[name].write_text(f'start,end,label\n{rows}\n')
    places['MISSING'] = tmp_path / 'MISSING'
    if 'TORN' in arguments:
        places['TORN'] = damaged(bags, tmp_path, 0.6)
    elif 'EMPTY' in arguments:
        places['EMPTY'] = tmp_path / 'empty'
        places['EMPTY'].mkdir()
    elif 'TEXT' in arguments:
        places['TEXT'] = tmp_path / 'text.mcap'
        places['TEXT'].write_text('no bag\n')
    elif 'UNLABELLED' in arguments:
        places['UNLABELLED'] = tmp_path / 'alone'
        write_bag(Recording('alone', '', '', sequence.streams), places['UNLABELLED'])
    words = [str(places.get(word, word)) for word in arguments.split()]
    checkpoint = [] if '--checkpoint' in words else ['--checkpoint', CHECKPOINT]
    status, _, errors = run(capsys, *words, *checkpoint)
    assert status == 2
    (line,) = (line for line in errors.splitlines() if line.startswith('mujo'))
    assert part in line and 'Traceback' not in errors


def test_truth_may_be_a_topic_of_the_bag(bags, tmp_path, capsys):
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store, kind = get_typestore(Stores.ROS2_HUMBLE), 'std_msgs/msg/String'
    with (
        open_bag(bags / 'mcap') as reader,
        Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        into = {
            c.topic: writer.add_connection(c.topic, c.msgtype, typestore=store)
            for c in reader.connections
        }
        truth = writer.add_connection('/truth', kind, typestore=store)
        for connection, stamp, raw in reader.messages():
            writer.write(into[connection.topic], stamp, raw)
        for seconds, label in ((2.0, 'boxing'), (5.0, '')):
            text = store.types[kind](json.dumps({'stamp': START + seconds, 'label': label}))
            arrival = int((START + seconds + 0.2) * 1e9)
            writer.write(truth, arrival, store.serialize_cdr(text, kind))
    bag = read_bag(tmp_path / 'bag', truth_topic='/truth')
    from mujo_core.evaluation.bag_truth import truth_of

    (segment,) = truth_of(bag, '', '/truth', ['boxing'], [])
    expected = Segment('boxing', 2.0 - (bag.start - START), 5.0 - (bag.start - START))
    assert segment.label == 'boxing'
    assert (segment.start, segment.end) == pytest.approx((expected.start, expected.end), abs=1e-5)


def test_what_is_written_once_is_not_written_over(bags, sequence):
    with pytest.raises(FileExistsError, match='mcap'):
        write_bag(sequence, bags / 'mcap')
    with pytest.raises(ValueError, match='sqlite3'):
        write_bag(sequence, bags / 'other', 'rosbag1')
