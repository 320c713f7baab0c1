"""The camera as a modality over DDS: frames at a rate, of the person, never of long ago."""

import json
import struct
import threading
import time
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from fake_recognizer import FakeRecognizer, FakeSettings
from ros_rig import wait_until
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, PointCloud2
from std_msgs.msg import Header, String

from mujo_core.video.rgb import skeleton_box
from mujo_core.video.settings import VideoSettings
from mujo_ros.convert import joints_to_cloud, sample_to_imu, seconds_to_stamp
from mujo_ros.har_node import HarNode
from mujo_ros.images import rgb_to_image
from mujo_ros.pairing import Pairing, Skeleton, new_pairing

FRAME = 'camera_optical_frame'
BODY = np.random.default_rng(4).uniform((-0.3, -0.8, 2.9), (0.3, 0.8, 3.1), (33, 3))


@pytest.fixture
def video_checkpoint():
    """Maker of an untrained checkpoint that sees 'depth' or 'rgb' beside pose and IMUs."""
    import torch

    from mujo_core.model.checkpoint import load_checkpoint
    from mujo_core.model.joint_space import JointSpace

    def make(source):
        torch.manual_seed(3)
        trained = load_checkpoint()
        settings = replace(trained.model.settings, video=VideoSettings('motion', source, side=24))
        model = JointSpace(settings).eval()
        window = replace(trained.window, video=settings.video)
        return replace(trained, model=model, window=window, modalities=model.modalities)

    return make


def body(step):
    """A body in front of the camera, 0.1 m further to the right each step."""
    return (BODY + np.array([0.1 * step, 0.0, 0.0])).astype(np.float32)


class Camera:
    """A publisher of depth or colour images at a rate, with other sensors where wanted."""

    def __init__(self, rig, source):
        self.rig = rig
        self.rng = np.random.default_rng(0)
        self.color = self.rng.integers(0, 255, (48, 64, 3), np.uint8)
        self.depth = None
        self.publisher = rig.publisher(Image, 'camera/image_raw')
        self.source = source

    def now(self):
        return self.rig.node.get_clock().now().nanoseconds * 1e-9

    def image(self, stamp):
        if self.source == 'rgb':
            return rgb_to_image(stamp, FRAME, self.color)
        height, width = self.depth.shape
        return Image(
            header=Header(stamp=seconds_to_stamp(stamp), frame_id=FRAME),
            height=height,
            width=width,
            encoding='16UC1',
            step=2 * width,
            data=self.depth.astype('<u2').tobytes(),
        )

    def publish(self, stamp, node):
        """Publish an image and wait until the node has taken it."""
        accepted = node.health['video'].accepted
        self.publisher.publish(self.image(stamp))
        wait_until(lambda: node.health['video'].accepted > accepted, what='the image')


@pytest.mark.parametrize('source', ['depth', 'rgb'])
def test_modalities_hold_video_while_the_camera_lives(rig, data_dir, video_checkpoint, source):
    from mujo_core.recognition import Recognizer

    checkpoint = video_checkpoint(source)
    activity = rig.collect(String, 'activity')
    rig.add(HarNode(lambda *_: Recognizer(checkpoint), context=rig.context))
    camera = Camera(rig, source)
    with np.load(data_dir / 'utd_mhad_a27_s7_t1_squat_depth.npz') as arrays:
        camera.depth = arrays['depth'][0]
    wrist = rig.publisher(Imu, 'imu/right_wrist')
    begin, sent = camera.now(), 0

    def answer_from(modalities, alive):
        """Play both sensors, or the IMU alone, until there is such an answer."""
        nonlocal sent
        while True:
            for _ in range(10):
                sent += 1
                wrist.publish(sample_to_imu(begin + sent / 50, camera.rng.normal(size=6), ''))
                if alive and sent % 3 == 0:
                    camera.publisher.publish(camera.image(begin + sent / 50))
            if sent < 60:  # less data than an answer needs
                continue
            activity.wait(len(activity) + 1)
            answer = json.loads(activity[-1].data)
            if answer['modalities'] == modalities:
                return answer
            assert sent < 1000, f'{answer} after {sent / 50} s of data'

    answer_from(['video', 'imu'], alive=True)
    assert answer_from(['imu'], alive=False)['coverage']['video'] < 0.2
    answer_from(['video', 'imu'], alive=True)
    # What is played runs ahead of the clock, or on a slow machine behind it.
    assert rig.warnings(late=False) == []


class Watching(FakeRecognizer):
    """Keeps what `add_image` is given; `gate` holds it up."""

    def __init__(self, source, rate=5.0):
        super().__init__()
        self.settings = FakeSettings(
            modalities=('video', 'pose', 'imu'), video=VideoSettings('motion', source),
            video_rate=rate,
        )  # fmt: skip
        self.seen = []
        self.gate = threading.Event()
        self.gate.set()

    def add_image(self, stamp, image, now=None, box=None, focal=None):
        self.seen.append((stamp, image.copy(), box, focal))
        self.gate.wait(10.0)
        return True

    def has_seen(self, count):
        return len(self.seen) >= count


def start(rig, recognizer, **parameters):
    node = rig.add(
        HarNode(
            lambda *_: recognizer,
            context=rig.context,
            parameter_overrides=rig.parameters(**parameters),
        )
    )
    wait_until(lambda: node.state == 'active', what='the active state')
    return node


def test_frames_come_at_twice_the_rate_of_the_grid(rig):
    recognizer = Watching('rgb')
    node = start(rig, recognizer)
    camera = Camera(rig, 'rgb')
    begin = camera.now()
    for step in range(90):
        camera.publish(begin + step / 30, node)
    wait_until(lambda: recognizer.seen and recognizer.seen[-1][0] > begin + 2.85, what='frames')
    stamps = np.array([stamp for stamp, *_ in recognizer.seen])
    assert 18 <= len(stamps) <= 30 and np.diff(stamps).min() > 0.099


def test_what_is_late_is_dropped_for_the_newest(rig):
    recognizer = Watching('rgb', rate=50.0)
    node = start(rig, recognizer)
    camera = Camera(rig, 'rgb')
    begin = camera.now()
    recognizer.gate.clear()
    camera.publisher.publish(camera.image(begin))
    wait_until(lambda: recognizer.seen, what='the first frame')
    for step in range(1, 21):
        camera.publish(begin + step / 30, node)
    recognizer.gate.set()
    wait_until(lambda: len(recognizer.seen) == 2, what='the next frame')
    assert recognizer.seen[1][0] == pytest.approx(begin + 20 / 30, abs=1e-6)
    assert node.health['video'].accepted == 21


@pytest.mark.parametrize('calibrated', [True, False])
def test_the_person_is_cropped_by_the_skeleton_of_the_image(rig, calibrated):
    recognizer = Watching('rgb')
    node = start(rig, recognizer)
    camera = Camera(rig, 'rgb')
    skeletons = rig.publisher(PointCloud2, 'skeleton')
    if calibrated:
        infos = rig.publisher(CameraInfo, 'camera/camera_info')
        k = [200.0, 0.0, 66.0, 0.0, 200.0, 44.0, 0.0, 0.0, 1.0]
        infos.publish(CameraInfo(width=128, height=96, k=k))
        wait_until(lambda: node._intake.video.intrinsics.known, what='camera_info')
    begin = camera.now()
    for step in range(5):
        camera.publish(begin + step / 5, node)
        skeletons.publish(joints_to_cloud(begin + step / 5, FRAME, body(step)))
        wait_until(partial(recognizer.has_seen, step + 1), what='its frame')
    # The first image came before any skeleton, and waits for none.
    assert recognizer.seen[0][2] is None
    focal, center = (100.0, (33.0, 22.0)) if calibrated else (32 / np.tan(0.575), (32.0, 24.0))
    for step, (stamp, _, box, known) in enumerate(recognizer.seen[1:], start=1):
        assert stamp == pytest.approx(begin + step / 5, abs=1e-6)
        expected = skeleton_box(body(step), focal, 64, 48, centre=center)
        np.testing.assert_allclose(box, expected, rtol=1e-4)
        assert known == (pytest.approx(100.0) if calibrated else None)
    # In another frame than the image's it says nothing about where the person is.
    camera.publisher.publish(camera.image(begin + 1.0))
    skeletons.publish(joints_to_cloud(begin + 1.0, 'kinect', BODY))
    wait_until(lambda: len(recognizer.seen) == 6, what='the last frame')
    assert recognizer.seen[5][2] is None


def test_an_image_whose_skeleton_does_not_come_goes_with_the_next(rig):
    recognizer = Watching('rgb')
    node = start(rig, recognizer)
    camera = Camera(rig, 'rgb')
    skeletons = rig.publisher(PointCloud2, 'skeleton')
    begin = camera.now()
    skeletons.publish(joints_to_cloud(begin, FRAME, BODY))
    wait_until(lambda: node.health['pose'].accepted, what='the skeleton')
    for step in (1, 2):
        camera.publish(begin + 0.12 * step, node)
    wait_until(lambda: recognizer.seen, what='the first frame')
    assert recognizer.seen[0][0] == pytest.approx(begin + 0.12, abs=1e-6)
    assert recognizer.seen[0][2] is not None
    time.sleep(0.05)
    assert len(recognizer.seen) == 1


def encoded(form, extension, array):
    ok, data = cv2.imencode(extension, array)
    assert ok
    return CompressedImage(format=form, data=data.tobytes())


def inverse(metres):
    """16-bit PNG of inverse depth behind its 12 bytes, as image_transport makes it."""
    a, b = 1200.0, -20.0
    raw = np.where(np.isfinite(metres), np.round(a / metres + b), 0).astype(np.uint16)
    msg = encoded('32FC1; compressedDepth png', '.png', raw)
    msg.data = struct.pack('<iff', 0, a, b) + bytes(msg.data)
    return msg


METRES = np.random.default_rng(1).uniform(1.0, 4.0, (48, 64))
GREY = np.full((48, 64, 3), 90, np.uint8)
MILLIMETRES = (METRES * 1000).astype(np.uint16)
COMPRESSED = {
    'jpeg': ('rgb', lambda: encoded('rgb8; jpeg compressed bgr8', '.jpg', GREY)),
    'mono': ('rgb', lambda: encoded('mono8; png compressed', '.png', GREY[..., 0])),
    'depth': ('depth', lambda: encoded('16UC1; png compressed', '.png', MILLIMETRES)),
    'inverse depth': ('depth', lambda: inverse(METRES)),
}


@pytest.mark.parametrize('kind', COMPRESSED)
def test_compressed_cameras(rig, kind):
    source, make = COMPRESSED[kind]
    recognizer = Watching(source)
    start(rig, recognizer, camera='compressed')
    name = 'compressedDepth' if source == 'depth' else 'compressed'
    camera = rig.publisher(CompressedImage, f'camera/image_raw/{name}')
    msg = make()
    msg.header.stamp = rig.node.get_clock().now().to_msg()
    camera.publish(msg)
    wait_until(lambda: recognizer.seen, what='the frame')
    image = recognizer.seen[0][1]
    if source == 'rgb':
        assert image.shape == (48, 64, 3) and np.abs(image.astype(int) - 90).max() <= 3
    else:
        np.testing.assert_allclose(image, METRES, rtol=0.01)
    assert rig.warnings() == []


def test_damaged_data_and_the_wrong_kind_of_camera_are_refused(rig):
    recognizer = Watching('depth')
    node = start(rig, recognizer)
    camera = Camera(rig, 'rgb')
    camera.publisher.publish(camera.image(camera.now()))
    wait_until(lambda: node.health['video'].refused['wrong_encoding'] == 1, what='the refusal')
    assert not recognizer.seen
    wait_until(lambda: rig.warnings(), what='the warning')
    assert "expected 16UC1, mono16, 32FC1, got 'rgb8': use the depth topic" in rig.warnings()[0]


def skeleton(stamp):
    return Skeleton(Header(stamp=seconds_to_stamp(stamp)), stamp, BODY, 'mediapipe33')


@pytest.mark.parametrize('make', [Pairing, new_pairing])
def test_an_image_gets_the_skeleton_nearest_in_time(make):
    pairing = make()
    assert pairing.match(10.0) is None and not pairing.is_awaited(10.0)
    pairing.add_skeleton(skeleton(9.9))
    pairing.add_image(Header(stamp=seconds_to_stamp(10.0)))
    assert pairing.is_awaited(10.0) and pairing.match(10.0) is None
    assert pairing.nearest(10.0).stamp == 9.9
    pairing.add_skeleton(skeleton(10.0))
    assert pairing.match(10.0).stamp == 10.0
    pairing.add_skeleton(skeleton(10.1))
    assert pairing.match(10.0).stamp == 10.0 and pairing.nearest(10.06).stamp == 10.1
    assert pairing.nearest(11.0) is None and not pairing.is_awaited(11.0)
    pairing.restart()
    assert pairing.nearest(10.0) is None and pairing.match(10.0) is None


def test_message_filters_keep_headers_only():
    pytest.importorskip('message_filters')
    pairing = new_pairing()
    assert type(pairing) is not Pairing
    for step in range(1000):
        pairing.add_image(Header(stamp=seconds_to_stamp(100.0 + step / 30)))
        pairing.add_skeleton(skeleton(100.001 + step / 30))
        assert pairing.match(100.0 + step / 30).stamp == 100.001 + step / 30
    assert len(pairing._matched) <= 32
