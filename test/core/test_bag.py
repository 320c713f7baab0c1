"""Recorded bags, written by rosbags as a recorder writes them: sqlite3 and mcap."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets.bag import load_bag
from mujo_core.layouts import LAYOUTS
from mujo_core.recording import Segment

pytest.importorskip('rosbags', reason='the extra bag is not installed')

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_HUMBLE)
TYPES = STORE.types
START = 1_700_000_000.0


def header(stamp: float, frame: str):
    nanoseconds = round(stamp * 1e9)
    time = TYPES['builtin_interfaces/msg/Time'](nanoseconds // 10**9, nanoseconds % 10**9)
    return TYPES['std_msgs/msg/Header'](time, frame)


def imu(stamp: float, absent: bool = False):
    vector, quaternion = TYPES['geometry_msgs/msg/Vector3'], TYPES['geometry_msgs/msg/Quaternion']
    zeros, none = np.zeros(9), np.array([-1.0, *[0.0] * 8])
    return TYPES['sensor_msgs/msg/Imu'](
        header(stamp, 'wrist'), quaternion(0.0, 0.0, 0.0, 1.0), none,
        vector(0.1, 0.2, stamp - START), none if absent else zeros, vector(0.0, 0.0, 9.81), zeros,
    )  # fmt: skip


def cloud(stamp: float, joints: np.ndarray, frame: str = 'camera_optical_frame', shown=None):
    """One point a joint; a field that is not of ours lies between."""
    field = TYPES['sensor_msgs/msg/PointField']
    names = ['x', 'y', 'z', 'intensity'] + (['visibility'] if shown is not None else [])
    points = np.zeros((len(joints), len(names)), np.float32)
    points[:, :3] = joints
    if shown is not None:
        points[:, 4] = shown
    fields = [field(name, 4 * i, 7, 1) for i, name in enumerate(names)]
    step = 4 * len(names)
    data = np.frombuffer(points.tobytes(), np.uint8)
    return TYPES['sensor_msgs/msg/PointCloud2'](
        header(stamp, frame), 1, len(joints), fields, False, step, step * len(joints), data, False
    )


def write(path: Path, topics: dict[str, list], storage=StoragePlugin.SQLITE3) -> None:
    with Writer(path, version=9, storage_plugin=storage) as writer:
        for topic, messages in topics.items():
            kind = messages[0].__msgtype__
            connection = writer.add_connection(topic, kind, typestore=STORE)
            for message in messages:
                stamp = message.header.stamp
                arrived = int((stamp.sec + stamp.nanosec * 1e-9 + 0.3) * 1e9)  # header time counts
                writer.write(connection, arrived, STORE.serialize_cdr(message, kind))


def wrist(count: int = 200) -> list:
    return [imu(START + 0.5 + i * 0.02) for i in range(count)]


def body(count: int = 60) -> list:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(33, 3))
    shown = np.ones(33)
    shown[15] = 0.1
    return [cloud(START + i / 15, joints + i, shown=shown) for i in range(count)]


@pytest.mark.parametrize('storage', list(StoragePlugin))
def test_a_bag_with_labels(tmp_path, storage):
    write(tmp_path / 'take1', {'/imu/right_wrist': wrist(), '/skeleton': body()}, storage)
    (tmp_path / 'take1.labels.csv').write_text('start,end,label\n2,3,jogging\n0.5,1.5,tie shoes\n')
    for root in (tmp_path, tmp_path / 'take1'):
        (recording,) = load_bag(root)
        assert (recording.name, recording.subject) == ('take1', 'take1')
        assert recording.segments == [Segment('tie_shoes', 0.5, 1.5), Segment('jog', 2.0, 3.0)]
        sensor = recording.streams['imu/right_wrist']
        assert sensor.stamps[[0, -1]] == pytest.approx([0.5, 0.5 + 199 * 0.02], abs=1e-5)
        expected = np.array([0.0, 0.0, 9.81, 0.1, 0.2, 0.5])
        assert sensor.values[0] == pytest.approx(expected, abs=1e-5)
        pose = recording.streams['pose']
        assert pose.layout == 'mediapipe33' and pose.up == (0.0, -1.0, 0.0)
        assert pose.stamps[0] == 0.0 and pose.values.shape == (60, 33, 3)
        assert np.isnan(pose.values[:, 15]).all() and np.isfinite(pose.values[:, 14]).all()
        assert np.diff(pose.values[:, 3], axis=0) == pytest.approx(1.0, abs=1e-4)


def test_a_single_file_is_a_bag_too(tmp_path):
    write(tmp_path / 'bag', {'/imu/head': wrist()}, StoragePlugin.MCAP)
    (tmp_path / 'alone').mkdir()
    (tmp_path / 'bag/bag.mcap').rename(tmp_path / 'alone/walk.mcap')
    (tmp_path / 'alone/walk.labels.csv').write_text('start,end,label,subject\n0,1,walk,ann\n')
    (recording,) = load_bag(tmp_path / 'alone')
    assert (recording.name, recording.subject, recording.label) == ('walk', 'ann', 'walk')
    assert len(recording.streams['imu/head']) == 200


@pytest.mark.parametrize(
    ('topic', 'placement'),
    [
        ('/imu/left_thigh', 'left_thigh'),
        ('/robot/imu/chest/data', 'chest'),
        ('/left_ankle/imu/data_raw', 'left_ankle'),
        ('/watch', 'watch'),
    ],
)
def test_a_topic_names_its_placement(tmp_path, topic, placement):
    write(tmp_path / 'bag', {topic: wrist(5)})
    (recording,) = load_bag(tmp_path)
    assert list(recording.streams) == [f'imu/{placement}']


def test_a_layout_of_ones_own_and_a_level_frame(tmp_path):
    joints = ', '.join(LAYOUTS['canonical16'].joints[:14])
    layout = '{joints: [' + joints + '], up: [0, 0, 1]}'
    (tmp_path / 'layout.yaml').write_text(f'mine: {layout}\n')
    rng = np.random.default_rng(2)
    frames = [cloud(START + i / 10, rng.normal(size=(14, 3)), 'map') for i in range(20)]
    write(tmp_path / 'bag', {'/body': frames})
    (recording,) = load_bag(tmp_path)
    pose = recording.streams['pose']
    assert pose.layout == 'canonical16' and pose.values.shape == (20, 16, 3)


def test_what_cannot_be_read_is_named_and_the_rest_loads(tmp_path, caplog):
    half = [*wrist(10), imu(START + 9, absent=True), imu(0.0)]
    write(tmp_path / 'good', {'/imu/right_wrist': half, '/x/imu/right_wrist': wrist(5)})
    write(tmp_path / 'clouds', {'/points': [cloud(START + i, np.zeros((7, 3))) for i in range(3)]})
    write(tmp_path / 'torn', {'/imu/head': wrist(10)})
    (tmp_path / 'torn/metadata.yaml').write_text('no')
    (tmp_path / 'bad.mcap').write_bytes(b'\x89MCAP0 and no more')
    (tmp_path / 'good.labels.csv').write_text('start,end,label\n0,x,walk\n3,2,walk\n0,0.1,jog\n')
    with caplog.at_level(logging.WARNING):
        (recording,) = load_bag(tmp_path)
    assert recording.name == 'good' and len(recording.streams['imu/right_wrist']) == 10
    assert recording.segments == [Segment('jog', 0.0, 0.1)]
    lines = [record.getMessage() for record in caplog.records]
    for parts in (
        ('/imu/right_wrist', '2 messages'), ('/x/imu/right_wrist', 'second'),
        ('7 joints', 'layout.yaml'), ('torn',), ('bad.mcap',),
        ('good.labels.csv, row 2',), ('good.labels.csv, row 3', 'start lies before end'),
    ):  # fmt: skip
        assert any(all(part in line for part in parts) for line in lines), parts
    assert not any('\n' in line for line in lines)


def test_a_bag_with_another_definition_of_a_message_is_named_and_the_rest_loads(tmp_path, caplog):
    wrong = tmp_path / 'two.mcap'
    write(tmp_path / 'one', {'/imu/right_wrist': wrist(20)}, StoragePlugin.MCAP)
    (file,) = (tmp_path / 'one').glob('*.mcap')
    whole = file.read_bytes()
    wrong.write_bytes(whole.replace(b'Vector3 angular_velocity', b'Vector3 angular_spin____'))
    with caplog.at_level(logging.WARNING):
        assert [recording.name for recording in load_bag(tmp_path)] == ['one']
    lines = [record.getMessage() for record in caplog.records if 'two' in record.getMessage()]
    assert len(lines) == 1
    assert 'its definition of sensor_msgs/msg/Imu has no angular_velocity' in lines[0]


def test_labels_beyond_the_bag_twice_and_overlapping_are_named(tmp_path, caplog):
    write(tmp_path / 'take', {'/imu/right_wrist': wrist(), '/skeleton': body(300)})
    rows = ['8,90,walk', '1,2,squat', '1,2,squat', '1.2,2.4,wave', '30,40,jog']
    (tmp_path / 'take.labels.csv').write_text('\n'.join(['start,end,label', *rows]))
    with caplog.at_level(logging.WARNING):
        (recording,) = load_bag(tmp_path)
    assert recording.segments == [
        Segment('squat', 1.0, 2.0), Segment('wave', 1.2, 2.4), Segment('walk', 8.0, recording.end),
    ]  # fmt: skip
    assert recording.end == pytest.approx(299 / 15, abs=1e-5)
    lines = [record.getMessage() for record in caplog.records if 'labels' in record.getMessage()]
    assert len(lines) == 4
    for row, part in ((2, 'cut'), (4, 'counted once'), (5, 'overlaps squat'), (6, 'left out')):
        assert any(f'take.labels.csv, row {row}: ' in line and part in line for line in lines), row


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'metadata\.yaml'):
        list(load_bag(tmp_path))
