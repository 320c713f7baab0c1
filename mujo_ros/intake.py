"""What `har_node` listens to: each message is converted and stored, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, Imu, PointCloud2

from mujo_core.skeleton import get_layout
from mujo_ros.convert import clip_sample, cloud_to_joints, image_to_rgb, imu_to_sample
from mujo_ros.gravity import GravityWatch
from mujo_ros.polling import PolledStreams
from mujo_ros.sides import SidesWatch
from mujo_ros.upright import Direction, UpDirection

VISIBLE = 0.5  # joints less visible than this are unseen
POSE_GAP, IMU_GAP, IMAGE_GAP = 0.2, 0.1, 0.5  # s between stamps that /diagnostics counts as a gap
POSE_DEPTH, IMU_DEPTH, IMAGE_DEPTH = 30, 200, 1  # messages that may wait for the executor


class Intake:
    """Subscribes skeleton, IMUs and camera, and stores their samples in a recognizer.

    Args:
        node: whose subscriptions these are.
        recognizer: where samples go.
        layout: joint list of the skeleton.
        up: finds up in the skeleton's frame; may be replaced while running.
        placements: of the IMUs.
        camera: 'raw', 'compressed' or 'off'; without video in the checkpoint always off.

    Attributes:
        skeleton: (frame_id, joints (J, 3) in m) of the last cloud, or None.
        sides: whether left and right of the skeleton are where a body has them.
        frame_id: of the last message that was stored.
    """

    def __init__(
        self,
        node: Node,
        recognizer: Any,
        layout: str,
        up: UpDirection,
        placements: Sequence[str],
        camera: str,
    ) -> None:
        self.up = up
        self.skeleton: tuple[str, NDArray[np.float32]] | None = None
        self.skeleton_up: Direction | None = None
        self.frame_id = ''
        self.streams = PolledStreams(node, lambda: recognizer.refused)
        self._recognizer = recognizer
        self._layout = get_layout(layout)
        self.sides = SidesWatch(layout)
        self._gravity = {placement: GravityWatch() for placement in placements}
        add = self.streams.add
        add('pose', PointCloud2, 'skeleton', self._skeleton, POSE_DEPTH, POSE_GAP)
        for placement in placements:
            topic = f'imu/{placement}'

            def store(msg: Imu, now: float, placement: str = placement) -> tuple[float, bool, bool]:
                return self._imu(placement, msg, now)

            add(topic, Imu, topic, store, IMU_DEPTH, IMU_GAP)
        if 'video' in recognizer.settings.modalities and camera == 'raw':
            add('video', Image, 'camera/image_raw', self._image, IMAGE_DEPTH, IMAGE_GAP)
        elif 'video' in recognizer.settings.modalities and camera == 'compressed':
            topic = 'camera/image_raw/compressed'
            add('video', CompressedImage, topic, self._image, IMAGE_DEPTH, IMAGE_GAP)

    def restart(self) -> None:
        """Time has jumped: forget what depends on it."""
        self.up.restart()
        self.sides.restart()
        for watch in self._gravity.values():
            watch.restart()
        self.skeleton = None

    def _skeleton(self, msg: PointCloud2, now: float) -> tuple[float, bool, bool]:
        stamp, xyz, visibility = cloud_to_joints(msg, len(self._layout.joints))
        if visibility is not None:
            xyz[~(visibility >= VISIBLE)] = np.nan
        frame_id = msg.header.frame_id
        up = self.up(frame_id, xyz)
        stored = self._recognizer.add_pose(stamp, xyz, self._layout.name, up, now)
        if stored:
            self.skeleton, self.skeleton_up, self.frame_id = (frame_id, xyz), up, frame_id
            if self.sides(xyz, up):
                self.streams.note('pose', 'swapped_sides', now)
        return stamp, stored, not np.isfinite(xyz).any()

    def _imu(self, placement: str, msg: Imu, now: float) -> tuple[float, bool, bool]:
        stamp, sample = imu_to_sample(msg)
        sample, saturated = clip_sample(sample)
        stored = self._recognizer.add_imu(placement, stamp, sample, now)
        if stored:
            self._check(placement, stamp, sample, saturated, now)
            if self.skeleton is None:
                self.frame_id = msg.header.frame_id
        return stamp, stored, False

    def _check(
        self,
        placement: str,
        stamp: float,
        sample: NDArray[np.float32],
        saturated: bool,
        now: float,
    ) -> None:
        if saturated:
            self.streams.note(f'imu/{placement}', 'saturated', now)
        unit = self._gravity[placement](stamp, sample)
        if unit:
            self.streams.note(f'imu/{placement}', unit, now)

    def _image(self, msg: Image | CompressedImage, now: float) -> tuple[float, bool, bool]:
        stamp, rgb = image_to_rgb(msg)
        return stamp, self._recognizer.add_image(stamp, rgb, now), False
