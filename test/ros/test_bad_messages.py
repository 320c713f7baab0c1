"""Bad messages among good ones: nothing else is lost, each kind is counted, and said once."""

import json

import numpy as np
import pytest
from fake_recognizer import FakeRecognizer, FakeSettings
from rclpy.serialization import serialize_message
from ros_rig import PATIENCE, wait_until
from sensor_msgs.msg import CompressedImage, Image, Imu, PointCloud2, PointField
from std_msgs.msg import String

from mujo_core.timeline import Timeline
from mujo_core.video.settings import VideoSettings
from mujo_core.window import WindowSpec
from mujo_ros.convert import joints_to_cloud, sample_to_imu
from mujo_ros.har_node import HarNode
from mujo_ros.images import rgb_to_image

RNG = np.random.default_rng(2)
REPEATS = 3


class VideoRecognizer(FakeRecognizer):
    """Takes images as well: one timeline stream with a stamp a frame."""

    settings = FakeSettings(
        modalities=('video', 'pose', 'imu'),
        video=VideoSettings('motion', 'rgb'),
        video_rate=20.0,
    )

    def add_image(self, stamp, image, now=None, box=None, focal=None):
        small = np.zeros(WindowSpec().video_shape, np.uint8)
        return self.store('video', stamp, small, now)


def imu(stamp, **values):
    sample = values.pop('sample', RNG.normal(size=6))
    msg = sample_to_imu(stamp, np.asarray(sample, float), 'wrist')
    for name, value in values.items():
        setattr(msg, name, value)
    return msg


def cloud(stamp, xyz=None, **values):
    msg = joints_to_cloud(stamp, 'kinect', RNG.normal(size=(20, 3)) if xyz is None else xyz)
    for name, value in values.items():
        setattr(msg, name, value)
    return msg


def image(stamp, **values):
    msg = rgb_to_image(stamp, 'camera', np.zeros((48, 64, 3), np.uint8))
    for name, value in values.items():
        setattr(msg, name, value)
    return msg


def one(shape, value):
    array = np.zeros(shape)
    array.flat[4] = value
    return array


ABSENT = np.array([-1.0] + [0.0] * 8)

# kind -> message of it; `t` is the stamp of the good message before, s
BAD_IMU = {
    'not_finite': lambda t: imu(t + 0.001, sample=one(6, np.nan)),
    'zero_stamp': lambda t: imu(0.0),
    'duplicate': lambda t: imu(t),
    'late': lambda t: imu(t - 100.0 - 10 * RNG.random() * 100),
    'ahead': lambda t: imu(t + 100.0 + 10 * RNG.random() * 100),
    'out_of_range': lambda t: imu(t + 0.001, sample=one(6, 1e6)),
    'no_acceleration': lambda t: imu(t, linear_acceleration_covariance=ABSENT),
    'no_angular_velocity': lambda t: imu(t, angular_velocity_covariance=ABSENT),
}
BAD_CLOUD = {
    'not_finite': lambda t: cloud(t + 0.001, one((20, 3), np.inf)),
    'zero_stamp': lambda t: cloud(0.0),
    'duplicate': lambda t: cloud(t),
    'late': lambda t: cloud(t - 100.0 - 10 * RNG.random() * 100),
    'ahead': lambda t: cloud(t + 100.0 + 10 * RNG.random() * 100),
    'out_of_range': lambda t: cloud(t + 0.001, one((20, 3), 1e6)),
    'wrong_joint_count': lambda t: cloud(t, np.zeros((33, 3))),
    'wrong_fields': lambda t: cloud(t, fields=[PointField(name='x', datatype=7, count=1)]),
    'wrong_size': lambda t: cloud(t, data=bytes(7)),
}
BAD_IMAGE = {
    'zero_stamp': lambda t: image(0.0),
    'duplicate': lambda t: image(t),
    'wrong_encoding': lambda t: image(t + 0.001, encoding='bayer_rggb8'),
    'wrong_size': lambda t: image(t + 0.001, data=bytes(100)),
}
BAD_COMPRESSED = {
    'wrong_encoding': lambda t: CompressedImage(header=image(t).header, data=b'no image'),
    'wrong_size': lambda t: CompressedImage(header=image(t).header, data=b''),
}
STREAMS = {
    'imu': ('imu/right_wrist', 'imu/right_wrist', Imu, imu, BAD_IMU, {}),
    'skeleton': ('pose', 'skeleton', PointCloud2, cloud, BAD_CLOUD, {}),
    'image': ('video', 'camera/image_raw', Image, image, BAD_IMAGE, {}),
    'compressed': (
        'video',
        'camera/image_raw/compressed',
        CompressedImage,
        None,
        BAD_COMPRESSED,
        {'camera': 'compressed'},
    ),
}


@pytest.fixture
def node(rig, request):
    made = []

    def factory(*arguments):
        made.append(VideoRecognizer(*arguments))
        return made[-1]

    overrides = rig.parameters(layout='kinect20', **request.param)
    node = rig.add(HarNode(factory, context=rig.context, parameter_overrides=overrides))
    wait_until(lambda: node.state == 'active', what='the active state')
    node.recognizer = made[-1]
    return node


@pytest.mark.parametrize(
    'node, stream', [(STREAMS[s][-1], s) for s in STREAMS], ids=list(STREAMS), indirect=['node']
)
def test_bad_messages_cost_nothing_but_themselves(rig, node, stream):
    name, topic, msg_type, good, bad, _ = STREAMS[stream]
    health = node.health[name]
    publisher = rig.publisher(msg_type, topic)
    start = rig.node.get_clock().now().nanoseconds * 1e-9
    stamps = []

    def send_good():
        if good is None:
            stamps.append(start)
            return start
        stamps.append(start + 0.05 * len(stamps))
        publisher.publish(good(stamps[-1]))
        # Of images only the newest is looked at, so the next one waits until this one is stored.
        stored = node.recognizer.stored
        wait_until(
            lambda: health.accepted == len(stored.get(name, ())) == len(stamps),
            what=f'good message {len(stamps)}',
        )
        return stamps[-1]

    for repeat in range(1, REPEATS + 1):
        for kind, make in bad.items():
            publisher.publish(make(send_good()))
            wait_until(lambda k=kind, n=repeat: health.refused[k] == n, what=f'{kind} {repeat}')
    send_good()
    assert health.refused == dict.fromkeys(bad, REPEATS)
    if good is not None:
        np.testing.assert_allclose(node.recognizer.stored[name], stamps, atol=1e-6)
    for kind in bad:
        said = [line for line in rig.warnings() if line.startswith(f'{topic}: {kind}: ')]
        assert len(said) == 1 and '\n' not in said[0]
    assert node.recognizer.jumps == 0 and node.state == 'active'


@pytest.mark.parametrize('node', [{}], indirect=True)
def test_unordered_messages_are_put_in_place(rig, node):
    publisher = rig.publisher(Imu, 'imu/right_wrist')
    start = rig.node.get_clock().now().nanoseconds * 1e-9
    for step in RNG.permutation(100):
        publisher.publish(imu(start + step / 100, sample=[step / 2] * 6))
    wait_until(lambda: node.health['imu/right_wrist'].accepted == 100, what='all messages')
    window = node.recognizer.timeline.cut()
    seen = window.imu['right_wrist'][window.imu_mask['right_wrist']]
    assert len(seen) == 50
    np.testing.assert_allclose(np.diff(seen, axis=0), 1.0, atol=1e-3)
    assert rig.warnings() == []


@pytest.mark.parametrize('node', [{}], indirect=True)
def test_saturated_samples_are_used_counted_and_said_once(rig, node):
    publisher = rig.publisher(Imu, 'imu/right_wrist')
    start = rig.node.get_clock().now().nanoseconds * 1e-9
    for step in range(10):
        publisher.publish(imu(start + step / 100, sample=[900, 9.8, 0, 0, 0, -90]))
    health = node.health['imu/right_wrist']
    wait_until(lambda: health.accepted == 10, what='all messages')
    assert health.noted == {'saturated': 10} and not health.refused
    newest = node.recognizer.timeline.cut().imu['right_wrist'][-1]
    np.testing.assert_allclose(newest, [400, 9.8, 0, 0, 0, -70], rtol=1e-6)
    wait_until(lambda: rig.warnings(), what='the warning')
    assert [line.split(':')[1] for line in rig.warnings()] == [' saturated']


@pytest.mark.parametrize('node', [{}], indirect=True)
def test_other_streams_do_not_notice(rig, node):
    """A good IMU at 50 Hz loses no message while garbage floods the skeleton."""
    activity = rig.collect(String, 'activity')
    skeletons = rig.publisher(PointCloud2, 'skeleton')
    wrist = rig.publisher(Imu, 'imu/right_wrist')
    kinds = list(BAD_CLOUD.values())
    sent = []

    def send():
        now = rig.node.get_clock().now().nanoseconds * 1e-9
        wrist.publish(imu(now))
        sent.append(now)
        for step in range(4):
            skeletons.publish(kinds[(4 * len(sent) + step) % len(kinds)](now))

    timer = rig.node.create_timer(0.02, send)
    activity.wait(40, timeout=PATIENCE)
    timer.cancel()
    wait_until(lambda: node.health['imu/right_wrist'].accepted == len(sent), what='all samples')
    answer = json.loads(activity[-1].data)
    alone = Timeline()
    alone.insert('imu/right_wrist', np.array(sent), np.zeros((len(sent), 6)))
    covered = alone.cut(answer['stamp']).coverage['imu/right_wrist']
    assert answer['coverage']['imu/right_wrist'] == pytest.approx(covered, abs=0.01)
    assert len(rig.warnings()) <= len(BAD_CLOUD)


@pytest.mark.parametrize('node', [{}], indirect=True)
def test_bytes_that_are_no_message_are_survived(rig, node):
    """Serialized messages with bytes changed and cut, and text that is no UTF-8."""
    skeletons = rig.publisher(PointCloud2, 'skeleton')
    wrist = rig.publisher(Imu, 'imu/right_wrist')
    whole = {
        wrist: serialize_message(imu(1.0)).replace(b'wrist', b'\xff\xfe\x80\x81\x82'),
        skeletons: serialize_message(cloud(1.0)),
    }
    for step in range(300):
        publisher = (wrist, skeletons)[step % 2]
        data = bytearray(whole[publisher])
        for at in RNG.integers(4, len(data), step % 10):
            data[at] = RNG.integers(256)
        publisher.publish(bytes(data[: RNG.integers(4, len(data))] if step % 3 else data))
    now = rig.node.get_clock().now().nanoseconds * 1e-9
    before = node.health['imu/right_wrist'].accepted, node.health['pose'].accepted

    def both_came():
        wrist.publish(imu(now + RNG.random()))
        skeletons.publish(cloud(now + RNG.random()))
        return all(
            node.health[name].accepted > count
            for name, count in zip(('imu/right_wrist', 'pose'), before, strict=True)
        )

    wait_until(both_came, what='good messages after garbage')
    assert node.state == 'active'
