"""Bags with a camera, offline: a skeleton where there is none, frames for a model of video."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='the extra bag is not installed')
pytest.importorskip('cv2', reason='OpenCV is not installed')

from mujo_core.bags.camera import choose_camera, info_topic
from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.cli.main import main
from mujo_core.evaluation.bag import describe_bag, read_bag
from mujo_core.evaluation.bag_camera import add_frames, add_skeleton
from mujo_core.evaluation.bag_play import play
from mujo_core.pose_estimator import Pose
from mujo_core.recognition.recognizer import Recognizer

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
START = 1_700_000_000.0
FRAME = 'camera_optical_frame'
WIDTH, HEIGHT, FOCAL = 64, 48, 60.0


def camera_bag(path, images, topic='/camera/image_raw', rate=30.0):
    """Write (H, W, 3) colours or (H, W) depth in mm as raw images, bytes as compressed ones."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        kind = COMPRESSED if isinstance(images[0], bytes) else IMAGE
        camera = writer.add_connection(topic, kind, typestore=store)
        kind_of_info = 'sensor_msgs/msg/CameraInfo'
        info = writer.add_connection('/camera/camera_info', kind_of_info, typestore=store)
        for number, image in enumerate(images):
            stamp = round((START + number / rate) * 1e9)
            time = types['builtin_interfaces/msg/Time'](stamp // 10**9, stamp % 10**9)
            header = types['std_msgs/msg/Header'](time, FRAME)
            if number == 0:
                roi = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
                k = np.array([FOCAL, 0, WIDTH / 2, 0, FOCAL, HEIGHT / 2, 0, 0, 1.0])
                message = types[kind_of_info](
                    header, HEIGHT, WIDTH, '', np.zeros(5), k, np.eye(3).ravel(), np.zeros(12),
                    0, 0, roi,
                )  # fmt: skip
                writer.write(info, stamp, store.serialize_cdr(message, kind_of_info))
            if kind == COMPRESSED:
                message = types[COMPRESSED](header, 'jpeg', np.frombuffer(image, np.uint8))
            else:
                encoding = 'rgb8' if image.ndim == 3 else '16UC1'
                data = np.frombuffer(image.tobytes(), np.uint8)
                height, width = image.shape[:2]
                message = types[IMAGE](
                    header, height, width, encoding, False, len(data) // height, data
                )
            writer.write(camera, stamp + 10_000_000, store.serialize_cdr(message, kind))
    return path


class Estimator:
    """Sees one body 3 m in front of the camera, and nobody in black images."""

    world = np.random.default_rng(0).normal(scale=(0.3, 0.5, 0.1), size=(33, 3)).astype(np.float32)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def estimate(self, rgb):
        if not rgb.any():
            return None
        body = self.world + np.array([0.2, 0.0, 3.0])
        image = FOCAL * body[:, :2] / body[:, 2:] + (WIDTH / 2, HEIGHT / 2)
        visibility = np.ones(33, np.float32)
        visibility[5] = 0.1
        return Pose(self.world, image.astype(np.float32), visibility)


@pytest.fixture
def colours():
    return list(np.random.default_rng(1).integers(1, 255, (40, HEIGHT, WIDTH, 3), np.uint8))


def test_a_camera_is_chosen_by_type_and_name():
    topics = {
        '/a/depth/image_raw': IMAGE, '/b/image_raw/compressed': COMPRESSED, '/c/image_raw': IMAGE,
        '/c/camera_info': 'sensor_msgs/msg/CameraInfo', '/text': 'std_msgs/msg/String',
    }  # fmt: skip
    assert choose_camera(topics) == '/c/image_raw'
    assert choose_camera(topics, source='depth') == '/a/depth/image_raw'
    assert choose_camera(topics, '/b/image_raw/compressed') == '/b/image_raw/compressed'
    assert choose_camera(topics, 'off') == '' == choose_camera({'/text': 'std_msgs/msg/String'})
    assert info_topic(topics, '/c/image_raw') == '/c/camera_info'
    assert info_topic(topics, '/c/image_raw/compressed') == '/c/camera_info'
    assert info_topic(topics, '/a/depth/image_raw') == ''
    for wrong, part in (('/text', '/text is std_msgs/msg/String'), ('/no', 'there is no /no')):
        with pytest.raises(ValueError, match=part):
            choose_camera(topics, wrong)


def test_images_take_the_place_of_a_skeleton(tmp_path, colours):
    colours[7] = np.zeros_like(colours[7])
    path = camera_bag(tmp_path / 'bag', colours)
    with pytest.raises(ValueError, match='found /camera/camera_info'):
        read_bag(path)
    assert describe_bag(path, camera='') == ({'/camera/image_raw': 'camera'}, 'mediapipe33')
    bag = read_bag(path, camera='')
    assert not bag.streams and bag.start == pytest.approx(START)
    seen = add_skeleton(bag, estimator_factory=Estimator)
    pose = seen.streams['pose']
    assert seen.layout == 'mediapipe33' and set(pose.frames) == {FRAME}
    assert pose.stamps - START == pytest.approx(np.arange(40) / 30, abs=1e-6)
    assert pose.arrivals - pose.stamps == pytest.approx(0.01, abs=1e-6)
    assert np.isnan(pose.values[7]).all() and np.isnan(pose.values[8][5]).all()
    expected = Estimator.world + np.array([0.2, 0.0, 3.0])
    kept = np.arange(33) != 5
    # The camera's calibration puts it where it stands.
    assert pose.values[8][kept] == pytest.approx(expected[kept], abs=0.1)


@pytest.mark.parametrize('source', ['rgb', 'depth'])
def test_a_model_of_video_sees_the_frames_it_would_see_live(
    tmp_path, colours, tiny_checkpoint, data_dir, source
):
    import torch

    from mujo_core.model.joint_space import JointSpace
    from mujo_core.video.settings import VideoSettings

    video = VideoSettings('motion', source, side=24)
    torch.manual_seed(0)
    model = JointSpace(replace(tiny_checkpoint.model.settings, video=video)).eval()
    window = replace(tiny_checkpoint.window, video=video)
    checkpoint = replace(
        tiny_checkpoint, model=model, window=window, modalities=model.modalities, calibration={}
    )
    recognizer, live = Recognizer(checkpoint), Recognizer(checkpoint)
    topic, images = '/camera/image_raw', colours
    if source == 'depth':
        topic = '/camera/depth/image_raw'
        with np.load(data_dir / 'utd_mhad_a27_s7_t1_squat_depth.npz') as arrays:
            images = [frame.astype('<u2') for frame in arrays['depth']]
        images = (3 * images)[:40]
    bag = read_bag(camera_bag(tmp_path / 'bag', images, topic, rate=25.0), camera=topic)
    bag = add_frames(bag, video, 5.0)
    frames = bag.streams['video']
    assert np.diff(frames.stamps).min() >= 0.1 - 1e-6 and len(frames.stamps) >= 10
    answers = list(play(replace(bag, images=None), recognizer))
    assert answers and answers[-1].modalities == ['video']
    known = Intrinsics(WIDTH, HEIGHT, FOCAL, (WIDTH / 2, HEIGHT / 2))
    for number, image in enumerate(images):
        focal, _ = known.of_image(image.shape[1], image.shape[0], 1.0)
        shown = image if source == 'rgb' else np.where(image, image * np.float32(0.001), np.nan)
        live.add_image(START + number / 25, shown, focal=focal)
    kept = live.timeline._buffers['video']
    assert kept.stamps == pytest.approx(frames.stamps, abs=1e-6)
    np.testing.assert_array_equal(kept.values, np.stack(frames.values))


def test_a_walk_in_a_video_is_recognized_from_its_images_alone(tmp_path, capsys):
    pytest.importorskip('mediapipe')
    package = find_spec('Sports2D')
    if package is None:
        pytest.skip('Sports2D, whose video is played, is not installed')
    import cv2

    video = cv2.VideoCapture(str(Path(package.origin).parent / 'Demo' / 'demo.mp4'))
    images = []
    while video.isOpened() and len(images) < 180:
        found, bgr = video.read()
        if not found:
            pytest.skip('the video of Sports2D is not there')
        small = cv2.resize(bgr[bgr.shape[0] // 2 :], None, fx=0.4, fy=0.4)
        images.append(cv2.imencode('.jpg', small)[1].tobytes())
    # The woman walks from 1.9 s to 6.0 s; twice as fast as the camera goes none of it is lost.
    path = camera_bag(tmp_path / 'walk', images[57::2], '/camera/image_raw/compressed', 15.0)
    truth = tmp_path / 'truth.csv'
    truth.write_text('start,end,label\n0.0,4.0,walk\n')
    out = tmp_path / 'out.json'
    options = ['--truth', str(truth), '--json', str(out)]
    assert main(['evaluate_bag', str(path), *options]) == 0
    scores = json.loads(out.read_text())
    assert scores['streams'] == {'pose': len(images[57::2])}
    assert scores['events']['delay']['detected'] == 1
    capsys.readouterr()
    assert main(['evaluate_bag', str(path), *options, '--camera', 'off']) == 2
    assert 'image' in capsys.readouterr().err
