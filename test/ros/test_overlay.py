"""`~/overlay` over DDS: drawn where the person is, and only while someone looks."""

import numpy as np
import pytest
from fake_recognizer import FakeActivity, FakeRecognizer
from ros_rig import PATIENCE, wait_until
from sensor_msgs.msg import Image, PointCloud2

from mujo_core.skeleton import CANONICAL_JOINTS
from mujo_ros.convert import joints_to_cloud, seconds_to_stamp
from mujo_ros.har_node import HarNode
from mujo_ros.images import image_to_rgb, rgb_to_image
from mujo_ros.overlay import BONE, WIDTH, picture_of

FRAME = 'camera_optical_frame'
WRIST, ELBOW = (CANONICAL_JOINTS.index(f'left_{part}') for part in ('wrist', 'elbow'))


class Saying(FakeRecognizer):
    """Answers from the first sample on."""

    def recognize(self, now=None):
        newest = self.timeline.newest()
        return newest and FakeActivity(newest, newest, (newest - 3.0, newest), {}, ['pose'])


@pytest.fixture
def body():
    """A canonical body (16, 3) m, 3 m in front of the camera, its left arm stretched out."""
    xyz = np.zeros((16, 3), np.float32)
    xyz[:, 1] = np.linspace(0.5, -0.6, 16)
    xyz[ELBOW], xyz[WRIST] = (0.3, 0.0, 0.0), (0.6, 0.0, 0.0)
    return xyz + np.array([0.0, 0.0, 3.0], np.float32)


def test_it_costs_nothing_until_someone_looks_and_shows_the_skeleton_then(rig, body):
    node = rig.add(
        HarNode(
            Saying,
            context=rig.context,
            parameter_overrides=rig.parameters(layout='canonical16', horizontal_fov=1.0),
        )
    )
    wait_until(lambda: node.state == 'active', what='the active state')
    skeletons = rig.publisher(PointCloud2, 'skeleton')
    camera = rig.publisher(Image, 'camera/image_raw', match=False)
    looks = rig.node.get_clock().now().nanoseconds
    wait_until(lambda: rig.node.get_clock().now().nanoseconds - looks > 1.2e9)
    assert camera.get_subscription_count() == 0 and not node._outputs._overlay.watched
    seen = rig.collect(Image, 'har_node/overlay')
    wait_until(camera.get_subscription_count, PATIENCE, 'a subscription of the camera')
    grey = np.full((240, 320, 3), 100, np.uint8)
    begin = rig.node.get_clock().now().nanoseconds * 1e-9

    def shown(at, said):
        skeletons.publish(joints_to_cloud(at, FRAME, body))
        wait_until(lambda: node._intake.pairing.nearest(at, 0.001), what='the skeleton')
        shown = node._outputs._overlay
        wait_until(lambda: shown._said[0] >= at - 0.01 or not said, what='the answer')
        camera.publish(rgb_to_image(at, FRAME, grey))
        return wait_until(
            lambda: next((m for m in seen if m.header.stamp == seconds_to_stamp(at)), None),
            what='the picture',
        )

    rgb = image_to_rgb(shown(begin, said=True))[1]
    assert rgb.shape == grey.shape
    focal = 160 / np.tan(0.5)
    between = focal * (body[WRIST, :2] + body[ELBOW, :2]) / 2 / 3.0 + (160, 120)
    column, row = np.round(between).astype(int)
    np.testing.assert_allclose(rgb[row, column], BONE, atol=2)
    # The label stands above the highest joint; the rest is as it was.
    above = rgb[: int(120 + focal * (body[:, 1].min()) / 3.0)]
    assert (above == 255).all(axis=2).any() and (above == 0).all(axis=2).any()
    assert (rgb[200:, :60] == 100).all()
    for subscription in list(rig.node.subscriptions):
        if subscription.topic_name == '/har_node/overlay':
            rig.node.destroy_subscription(subscription)
    wait_until(lambda: not camera.get_subscription_count(), PATIENCE, 'the end of the subscription')
    assert rig.warnings() == []


def test_pictures_are_made_small_and_depth_grey():
    wide = rgb_to_image(1.0, FRAME, np.full((600, 2 * WIDTH, 3), 7, np.uint8))
    picture, scale = picture_of(wide, 'rgb')
    assert picture.shape == (300, WIDTH, 3) and scale == 0.5 and (picture == 7).all()
    metres = np.array([[0.0, 1.0], [3.0, np.nan]], '<f4')
    msg = Image(height=2, width=2, encoding='32FC1', step=8, data=metres.tobytes())
    grey = picture_of(msg, 'depth')[0][..., 0]
    assert grey[0, 0] == grey[1, 1] == 0 and grey[0, 1] > grey[1, 0] > 0
