"""`pose_node` over real DDS: real frames in, clouds out; what it drops, refuses and survives."""

import signal
import subprocess
import threading

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_rig import wait_until
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from mujo_core.pose_estimator import Pose
from mujo_ros.convert import cloud_to_joints, seconds_to_stamp
from mujo_ros.images import rgb_to_image
from mujo_ros.pose_node import PoseNode

FRAME = 'camera_optical_frame'
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class FakeEstimator:
    """Sees one upright body 3 m away; `gate` holds it up, `seen` has the images it was given."""

    def __init__(self, model_complexity=1, min_confidence=0.5):
        self.settings = (model_complexity, min_confidence)
        self.gate = threading.Event()
        self.gate.set()
        self.seen = []
        self.entered = threading.Event()
        self.error = None

    def estimate(self, rgb):
        self.seen.append(rgb.copy())
        self.entered.set()
        assert self.gate.wait(10.0)
        if self.error:
            raise self.error
        if not rgb.any():
            return None
        world = np.random.default_rng(0).normal(0, 0.4, (33, 3)).astype(np.float32)
        depth = world[:, 2:] + 3.0
        focal = rgb.shape[1] / 2 / np.tan(1.15 / 2)
        image = world[:, :2] / depth * focal + (rgb.shape[1] / 2, rgb.shape[0] / 2)
        return Pose(world, image.astype(np.float32), np.full(33, 0.9, np.float32))

    def close(self):
        pass


class Bench:
    """An active node with the other end of its topics."""

    def __init__(self, rig, estimator=None, kind=Image, **parameters):
        self.rig = rig
        self.estimator = estimator
        self.clouds = rig.collect(PointCloud2, 'skeleton')
        self.diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
        factory = {'estimator_factory': lambda *settings: estimator} if estimator else {}
        self.node = rig.add(
            PoseNode(
                context=rig.context, parameter_overrides=rig.parameters(**parameters), **factory
            )
        )
        self.topic = 'camera/image_raw' + ('/compressed' if kind is CompressedImage else '')
        self.images = rig.publisher(kind, self.topic, RELIABLE)
        wait_until(lambda: rig.node.count_publishers('skeleton'), what='a publisher of skeleton')
        self.stamp = rig.node.get_clock().now().nanoseconds * 1e-9 - 100.0

    def image(self, rgb=None, after=0.04):
        """A message `after` seconds after the one before."""
        self.stamp += after
        rgb = np.full((48, 64, 3), 128, np.uint8) if rgb is None else rgb
        return rgb_to_image(self.stamp, FRAME, rgb)

    def answer(self, msg):
        """The cloud that answers an image."""
        stamp = msg.header.stamp
        self.images.publish(msg)
        return wait_until(
            lambda: next((c for c in list(self.clouds) if c.header.stamp == stamp), None),
            what='a cloud with the stamp of the image',
        )

    def figure(self, key):
        """The last value of `key` on /diagnostics, or None."""
        for array in reversed(list(self.diagnostics)):
            for status in array.status:
                for pair in status.values:
                    if pair.key == key:
                        return pair.value
        return None


def joints_of(cloud):
    return cloud_to_joints(cloud, 33)[1]


@pytest.fixture(scope='module')
def walker():
    """Frames (248, 320, 3) RGB of a woman who walks, a tenth of a second apart."""
    pytest.importorskip('mediapipe')
    from mujo_ros.demo.source import VideoSource

    try:
        source = VideoSource()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    frames = [f for i, f in enumerate(source.frames()) if i in range(84, 121, 3)]
    source.close()
    return [cv2.resize(f[:, 600:1240], (320, 248), interpolation=cv2.INTER_AREA) for f in frames]


def test_real_frames_become_bodies_with_stamp_and_frame_of_the_image(rig, walker):
    bench = Bench(rig)
    msgs = [bench.image(rgb, after=0.1) for rgb in walker]
    clouds = [bench.answer(msg) for msg in msgs]
    for msg, cloud in zip(msgs, clouds, strict=True):
        assert cloud.header == msg.header
        joints = joints_of(cloud)
        assert joints.shape == (33, 3)
        assert np.isfinite(joints).all(axis=1).sum() >= 20
        assert joints[0, 1] < joints[[23, 24], 1].mean() < joints[[27, 28], 1].mean()
    hips = [joints_of(c)[[23, 24]].mean(axis=0) for c in clouds]
    assert all(b[0] < a[0] for a, b in zip(hips, hips[3:], strict=False))  # from right to left

    black = bench.answer(bench.image(np.zeros((248, 320, 3), np.uint8)))
    assert black.width == 33 and np.isnan(joints_of(black)).all()


def test_camera_info_takes_the_place_of_the_assumed_field_of_view(rig, walker):
    bench = Bench(rig)
    near = joints_of(bench.answer(bench.image(walker[0])))[[23, 24]].mean(axis=0)
    focal = 160 / np.tan(1.15 / 2)
    k = [2 * focal, 0.0, 320.0, 0.0, 2 * focal, 248.0, 0.0, 0.0, 1.0]
    infos = rig.publisher(CameraInfo, 'camera/camera_info')
    infos.publish(CameraInfo(width=640, height=496, k=k))  # twice as large: the same camera
    wait_until(lambda: bench.figure('camera_info') == 'yes', what='camera_info')
    same = joints_of(bench.answer(bench.image(walker[0], after=2.0)))[[23, 24]].mean(axis=0)
    k[0] = k[4] = 4 * focal
    infos.publish(CameraInfo(width=640, height=496, k=k))
    wait_until(lambda: bench.node._intrinsics.focal > 3.9 * focal, what='the second camera_info')
    far = joints_of(bench.answer(bench.image(walker[0], after=2.0)))[[23, 24]].mean(axis=0)
    assert same[2] == pytest.approx(near[2], rel=0.15)  # the model settles from frame to frame
    assert far[2] / same[2] == pytest.approx(2.0, rel=0.15)

    infos.publish(CameraInfo(width=640, height=496))  # as an uncalibrated driver does
    wait_until(lambda: any('not_calibrated' in w for w in rig.warnings('pose_node')))
    assert bench.node._intrinsics.known


def test_compressed_images(rig, walker):
    bench = Bench(rig, kind=CompressedImage, image_transport='compressed')
    encoded = cv2.imencode('.jpg', walker[0][..., ::-1])[1].tobytes()
    msg = CompressedImage(header=bench.image().header, format='jpeg', data=encoded)
    assert np.isfinite(joints_of(bench.answer(msg))).any()
    bench.images.publish(
        CompressedImage(header=bench.image().header, format='jpeg', data=encoded[:40])
    )
    wait_until(lambda: any('wrong_encoding' in w for w in rig.warnings('pose_node')))


def test_only_the_newest_of_the_waiting_images_is_estimated(rig):
    estimator = FakeEstimator()
    bench = Bench(rig, estimator)
    estimator.gate.clear()
    estimator.entered.clear()
    first = bench.image()
    bench.images.publish(first)
    assert estimator.entered.wait(10.0)
    msgs = [bench.image() for _ in range(20)]
    accepted = bench.node._streams.health['video']
    for msg in msgs:
        bench.images.publish(msg)
        wait_until(
            lambda stamp=msg.header.stamp: accepted.newest >= stamp.sec + stamp.nanosec / 1e9
        )
    estimator.gate.set()
    bench.clouds.wait(2)
    last = bench.answer(bench.image())
    assert [c.header.stamp for c in bench.clouds] == [
        first.header.stamp,
        msgs[-1].header.stamp,
        last.header.stamp,
    ]
    wait_until(lambda: bench.figure('dropped for a newer one') == '19', what='19 dropped')


def test_what_does_not_fit_is_refused_counted_and_said_once(rig):
    bench = Bench(rig, FakeEstimator())
    assert np.isfinite(joints_of(bench.answer(bench.image()))).all()

    def bad(**fields):
        msg = bench.image()
        for name, value in fields.items():
            setattr(msg, name, value)
        return msg

    now = rig.node.get_clock().now().nanoseconds * 1e-9
    health = bench.node._streams.health['video']
    makers = {
        'wrong_encoding': lambda: bad(encoding='yuv422'),
        'wrong_size': lambda: bad(height=100),
        'zero_stamp': lambda: rgb_to_image(0.0, FRAME, np.ones((48, 64, 3), np.uint8)),
        'ahead': lambda: rgb_to_image(now + 1000, FRAME, np.ones((48, 64, 3), np.uint8)),
        'late': lambda: rgb_to_image(bench.stamp - 1, FRAME, np.ones((48, 64, 3), np.uint8)),
    }
    for kind, make in makers.items():
        for count in (1, 2, 3):
            bench.images.publish(make())
            wait_until(lambda k=kind, n=count: health.refused[k] == n, what=f'{count} of {kind}')
        bench.answer(bench.image())  # lives on
    for kind in makers:
        wait_until(lambda k=kind: bench.figure(f'refused {k}') == '3', what=f'3 {kind} counted')
        assert len([w for w in rig.warnings('pose_node') if kind in w]) == 1


def test_time_that_goes_back_as_a_looping_bag_does_is_followed(rig):
    bench = Bench(rig, FakeEstimator())
    bench.answer(bench.image())
    bench.stamp -= 50.0
    bench.answer(bench.image())
    bench.answer(bench.image())


def test_a_failing_estimate_is_said_once_and_the_next_image_is_estimated(rig):
    estimator = FakeEstimator()
    bench = Bench(rig, estimator)
    bench.answer(bench.image())
    estimator.error = RuntimeError('model broke')
    for count in (1, 2, 3):
        bench.images.publish(bench.image())
        wait_until(lambda n=count: bench.node._counts['failures'] == n)
    estimator.error = None
    bench.answer(bench.image())
    wait_until(lambda: any('model broke' in w for w in rig.warnings('pose_node')))
    assert len([w for w in rig.warnings('pose_node') if 'model broke' in w]) == 1


def test_lifecycle(rig):
    estimator = FakeEstimator()
    node = rig.add(
        PoseNode(
            lambda *settings: estimator,
            context=rig.context,
            parameter_overrides=rig.parameters(autostart=False, min_confidence=0.3),
        )
    )
    assert node.state == 'unconfigured'
    for _ in range(2):
        node.trigger_configure()
        assert node.state == 'inactive' and len(estimator.seen) > 0
        assert not node.get_subscriptions_info_by_topic('/camera/image_raw')
        node.trigger_activate()
        assert node.state == 'active'
        refused = node.set_parameters(rig.parameters(min_confidence=0.8))[0]
        assert not refused.successful and 'when the node is configured' in refused.reason
        assert node.set_parameters(rig.parameters(horizontal_fov=1.5))[0].successful
        wait_until(lambda: node.get_subscriptions_info_by_topic('/camera/image_raw'))
        node.trigger_deactivate()
        wait_until(lambda: not node.get_subscriptions_info_by_topic('/camera/image_raw'))
        node.trigger_cleanup()
        assert node.state == 'unconfigured'
    assert node.set_parameters(rig.parameters(min_confidence=0.8))[0].successful
    assert not node.set_parameters(rig.parameters(image_transport='theora'))[0].successful
    assert not node.set_parameters(rig.parameters(horizontal_fov=9.0))[0].successful
    assert node.get_parameter('min_confidence').value == 0.8


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_process_with_exit_0(rig, number):
    pytest.importorskip('mediapipe')
    process = rig.start('-m', 'mujo_ros.pose_node', stderr=subprocess.PIPE)
    rig.publisher(Image, 'camera/image_raw')  # matched: it is active
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b'Traceback' not in errors


def test_what_cannot_be_configured_ends_with_one_line(rig):
    arguments = ('-m', 'mujo_ros.pose_node', '--ros-args', '-p', 'image_transport:=theora')
    process = rig.start(*arguments, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"expected image_transport out of raw, compressed, got 'theora'" in errors
    hide = "import sys; sys.modules['mediapipe'] = None; "
    process = rig.start(
        '-c',
        hide + 'from mujo_ros.pose_node import main; sys.exit(main())',
        stderr=subprocess.PIPE,
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b'pip install "mujo_ros[pose]"' in errors


def test_two_nodes_started_by_python_share_nothing(rig):
    """Two cameras in two namespaces: each image is answered in its own."""
    nodes, clouds, images = [], [], []
    for name in ('left', 'right'):
        nodes.append(
            rig.add(
                PoseNode(lambda *settings: FakeEstimator(), context=rig.context, namespace=name)
            )
        )
        clouds.append(rig.collect(PointCloud2, f'/{name}/skeleton'))
        images.append(rig.publisher(Image, f'/{name}/camera/image_raw', RELIABLE))
    for publisher, frame in zip(images, ('a', 'b'), strict=True):
        rgb = np.ones((48, 64, 3), np.uint8)
        publisher.publish(rgb_to_image(seconds_to_stamp(5.0), frame, rgb))
    assert [c.wait(1)[0].header.frame_id for c in clouds] == ['a', 'b']


def test_interrupted_before_its_thread_started_it_still_leaves_cleanly(rig, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    parameters = rig.parameters(autostart=False)
    node = PoseNode(
        lambda *settings: FakeEstimator(), context=rig.context, parameter_overrides=parameters
    )
    node.trigger_configure()
    monkeypatch.setattr(threading.Thread, 'start', interrupted)
    with pytest.raises(KeyboardInterrupt):
        node.trigger_activate()
    monkeypatch.undo()
    node.destroy_node()


def test_diagnostics_hold_gaps_and_the_time_of_an_estimate(rig):
    bench = Bench(rig, FakeEstimator())
    for after in (0.04, 0.04, 1.0):
        bench.answer(bench.image(after=after))
    wait_until(lambda: bench.figure('images') == '3', what='the figures')
    assert bench.figure('gaps') == '1' and float(bench.figure('largest gap (s)')) > 0.9
    assert float(bench.figure('estimate p50 (ms)')) <= float(bench.figure('estimate max (ms)'))
    wait_until(lambda: bench.figure('rate (Hz)') == '0.0', what='a second without images')
