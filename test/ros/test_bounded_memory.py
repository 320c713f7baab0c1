"""Whatever arrives is refused for little memory, and what is kept of it is bounded."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_recognizer import FakeRecognizer, FakeSettings
from ros_rig import wait_until
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, PointCloud2, PointField

from mujo_core.bags import images
from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.video.settings import VideoSettings
from mujo_ros.convert import (
    MAX_FRAME_ID,
    MessageError,
    cloud_to_joints,
    imu_to_sample,
    joints_to_cloud,
    sample_to_imu,
)
from mujo_ros.har_node import HarNode
from mujo_ros.images import image_to_depth, image_to_rgb
from mujo_ros.settings import MAX_TEXT

MEGABYTE = 1 << 20
LONG = 'x' * (8 * MEGABYTE)
POINTS = joints_to_cloud(1.0, 'camera', np.zeros((1_000_000, 3), np.float32))


def png(width, height):
    """A PNG of a few bytes that claims to be of that size."""
    ok, data = cv2.imencode('.png', np.zeros((2, 2, 3), np.uint8))
    assert ok
    data = bytearray(data.tobytes())
    data[16:24] = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    return bytes(data)


def depth_png(width, height):
    """A whole PNG of 16 bits."""
    ok, data = cv2.imencode('.png', np.zeros((height, width), np.uint16))
    assert ok
    return data.tobytes()


def image(**values):
    return Image(encoding='rgb8', **values)


HUGE = {
    'a million points': (lambda m: cloud_to_joints(m, 33), POINTS),
    'ten thousand long field names': (
        lambda m: cloud_to_joints(m, 1),
        PointCloud2(
            height=1,
            width=1,
            point_step=12,
            row_step=12,
            fields=[PointField(name='x' * 10_000, datatype=7) for _ in range(10_000)],
            data=bytes(12),
        ),
    ),
    'a frame_id of 8 MB': (imu_to_sample, sample_to_imu(1.0, np.ones(6), LONG)),
    'an encoding of 8 MB': (image_to_rgb, Image(encoding=LONG, height=1, width=1)),
    'a depth encoding of 8 MB': (image_to_depth, Image(encoding=LONG, height=1, width=1)),
    'a format of 8 MB': (image_to_rgb, CompressedImage(format=LONG, data=b'no image')),
    'sides that multiply beyond memory': (
        image_to_rgb,
        image(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1, data=bytes(100)),
    ),
    'more pixels than any camera has': (
        image_to_rgb,
        Image(encoding='mono8', height=8192, width=8192, step=8192, data=bytes(8192**2)),
    ),
    'a PNG that unpacks to gigabytes': (image_to_rgb, CompressedImage(data=png(30_000, 30_000))),
    'a depth PNG of more pixels': (image_to_depth, CompressedImage(data=depth_png(8192, 4100))),
    'a JPEG of 33 MB': (image_to_rgb, CompressedImage(data=b'\xff\xd8' + bytes(33 * MEGABYTE))),
    'a camera_info with a million coefficients': (
        Intrinsics.from_message,
        CameraInfo(d=np.zeros(1_000_000)),
    ),
}


@pytest.mark.parametrize('what', HUGE)
def test_refusing_costs_little_memory(what):
    convert, msg = HUGE[what]
    tracemalloc.start()
    try:
        with pytest.raises(MessageError) as caught:
            convert(msg)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEGABYTE
    assert len(str(caught.value)) < 1000 and '\n' not in str(caught.value)


def test_a_message_may_not_bring_much_more_than_its_image(monkeypatch):
    msg = image(height=2, width=2, step=6, data=bytes(4096))
    assert image_to_rgb(msg)[1].shape == (2, 2, 3)
    monkeypatch.setattr(images, 'MAX_IMAGE_BYTES', 4095)
    with pytest.raises(MessageError):
        image_to_rgb(msg)


def test_the_longest_frame_id_that_is_kept():
    assert imu_to_sample(sample_to_imu(1.0, np.ones(6), 'x' * MAX_FRAME_ID))[0] == 1.0


class VideoRecognizer(FakeRecognizer):
    settings = FakeSettings(
        modalities=('video', 'pose', 'imu'), video=VideoSettings('motion', 'rgb')
    )


def resident():
    """Memory of this process, bytes."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096


def test_a_node_does_not_grow_by_what_it_refuses(rig):
    """Clouds of 12 MB, images of 8 MB that claim more, frames with names of 8 MB."""
    reliable = {
        f'qos_overrides./{topic}.subscription.reliability': 'reliable'
        for topic in ('skeleton', 'camera/image_raw', 'imu/right_wrist')
    }
    node = rig.add(
        HarNode(
            VideoRecognizer, context=rig.context, parameter_overrides=rig.parameters(**reliable)
        )
    )
    wait_until(lambda: node.state == 'active', what='the active state')
    huge = image(height=8192, width=8192, step=24576, data=bytes(8 * MEGABYTE))
    kinds = (
        ('pose', rig.publisher(PointCloud2, 'skeleton', 1), POINTS),
        ('video', rig.publisher(Image, 'camera/image_raw', 1), huge),
        (
            'imu/right_wrist',
            rig.publisher(Imu, 'imu/right_wrist', 1),
            sample_to_imu(1.0, np.ones(6), LONG),
        ),
    )
    sizes = []
    for count in range(1, 13):
        for name, publisher, msg in kinds:
            publisher.publish(msg)
            wait_until(
                lambda n=name, c=count: node.health[n].refused.total() >= c, 30.0, f'{name} {count}'
            )
        sizes.append(resident())
    assert sizes[-1] - sizes[3] < 40 * MEGABYTE, [size >> 20 for size in sizes]
    # Three kinds of trouble, each said once; none of the lines is long.
    said = [line for line in rig.warnings() if 'said once' in line]
    assert len(said) == 3 and max(map(len, rig.warnings())) < 1000
    wrist = kinds[2][1]
    wrist.publish(sample_to_imu(rig.node.get_clock().now().nanoseconds * 1e-9, np.ones(6), 'a'))
    wait_until(lambda: node.health['imu/right_wrist'].accepted, what='a good message after all')


def test_a_text_parameter_is_no_longer_than_a_line(rig):
    node = rig.add(HarNode(VideoRecognizer, context=rig.context))
    (result,) = node.set_parameters(rig.parameters(person='x' * (MAX_TEXT + 1)))
    assert not result.successful and 'characters' in result.reason and len(result.reason) < 200
    (result,) = node.set_parameters(rig.parameters(person='x' * MAX_TEXT))
    assert result.successful
