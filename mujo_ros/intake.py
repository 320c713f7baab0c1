"""What `har_node` listens to: each message is converted and stored, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import Header

from mujo_core.layouts import get_layout
from mujo_core.sides import SidesWatch
from mujo_core.upright import Direction, UpDirection
from mujo_ros.convert import clip_sample, cloud_to_joints, imu_to_sample, imus_to_samples
from mujo_ros.gravity import GravityWatch
from mujo_ros.hri import LAYOUT, skeleton2d_to_joints
from mujo_ros.live_video import LiveVideo
from mujo_ros.pairing import Skeleton, new_pairing
from mujo_ros.polling import PolledStreams

VISIBLE = 0.5  # joints less visible than this are unseen
POSE_GAP, IMU_GAP = 0.2, 0.1  # s between stamps that /diagnostics counts as a gap
POSE_DEPTH, IMU_DEPTH = 30, 200  # messages that may wait for the executor


class Intake:
    """Subscribes skeleton, IMUs and camera, and stores their samples in a recognizer.

    Args:
        node: whose subscriptions these are.
        recognizer: where samples go.
        layout: joint list of the skeleton.
        up: finds up in the skeleton's frame; may be replaced while running.
        placements: of the IMUs.
        camera: 'raw', 'compressed' or 'off'; without video in the checkpoint always off.
        field_of_view: gives the horizontal one in rad to assume while no `camera_info` comes.
        image_aspect: gives width by height of the image that skeletons of hri_msgs are in; None
            for skeletons as clouds.

    Raises:
        ImportError: skeletons of hri_msgs, and it is not installed.
        ValueError: skeletons of hri_msgs in a layout that they do not have.

    Attributes:
        skeleton: (frame_id, joints (J, 3) in m) of the last cloud, or None.
        sides: whether left and right of the skeleton are where a body has them.
        frame_id: of the last message that was stored.
        pairing: the last skeletons, by stamp.
        video: the camera, None where no video is used.
    """

    def __init__(
        self,
        node: Node,
        recognizer: Any,
        layout: str,
        up: UpDirection,
        placements: Sequence[str],
        camera: str,
        field_of_view: Callable[[], float],
        image_aspect: Callable[[], float] | None = None,
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
        if image_aspect is None:
            add('pose', PointCloud2, 'skeleton', self._cloud, POSE_DEPTH, POSE_GAP)
        else:
            skeleton_2d = _hri_type(layout)

            def body(msg: Any, now: float) -> tuple[float, bool, bool]:
                converted = skeleton2d_to_joints(msg, image_aspect())
                return self._skeleton(msg.header, *converted, now)

            add('pose', skeleton_2d, 'skeleton2d', body, POSE_DEPTH, POSE_GAP)
        for placement in placements:
            topic = f'imu/{placement}'

            def store(msg: Imu, now: float, placement: str = placement) -> tuple[float, bool, bool]:
                return self._imu(placement, msg, now)

            def store_all(
                msgs: Sequence[Imu], now: float, placement: str = placement
            ) -> NDArray[np.float64] | None:
                return self._imus(placement, msgs, now)

            add(topic, Imu, topic, store, IMU_DEPTH, IMU_GAP, store_all)
        self.pairing = new_pairing()
        self.video: LiveVideo | None = None
        if 'video' in recognizer.settings.modalities and camera != 'off':
            self.video = LiveVideo(
                node, self.streams, recognizer, self.pairing, camera, field_of_view
            )

    def close(self) -> None:
        """Unsubscribe everything."""
        self.streams.close()
        if self.video is not None:
            self.video.close()

    def restart(self) -> None:
        """Time has jumped: forget what depends on it."""
        self.pairing.restart()
        if self.video is not None:
            self.video.restart()
        self.up.restart()
        self.sides.restart()
        for watch in self._gravity.values():
            watch.restart()
        self.skeleton = None

    def _cloud(self, msg: PointCloud2, now: float) -> tuple[float, bool, bool]:
        return self._skeleton(msg.header, *cloud_to_joints(msg, len(self._layout.joints)), now)

    def _skeleton(
        self,
        header: Header,
        stamp: float,
        xyz: NDArray[np.float32],
        visibility: NDArray[np.float32] | None,
        now: float,
    ) -> tuple[float, bool, bool]:
        if visibility is not None:
            xyz[~(visibility >= VISIBLE)] = np.nan
        frame_id = header.frame_id
        up = self.up(frame_id, xyz)
        stored = self._recognizer.add_pose(stamp, xyz, self._layout.name, up, now)
        if stored:
            self.skeleton, self.skeleton_up, self.frame_id = (frame_id, xyz), up, frame_id
            self.pairing.add_skeleton(Skeleton(header, stamp, xyz, self._layout.name))
            if self.video is not None:
                self.video.on_skeleton()
            if self.sides(xyz, up):
                self.streams.note('pose', 'swapped_sides', now)
        return stamp, stored, not np.isfinite(xyz).any()

    def _imu(self, placement: str, msg: Imu, now: float) -> tuple[float, bool, bool]:
        stamp, sample = imu_to_sample(msg)
        sample, saturated = clip_sample(sample)
        stored = self._recognizer.add_imu(placement, stamp, sample, now)
        if stored:
            if saturated:
                self.streams.note(f'imu/{placement}', 'saturated', now)
            self._check(placement, stamp, sample, now)
            if self.skeleton is None:
                self.frame_id = msg.header.frame_id
        return stamp, stored, False

    def _imus(self, placement: str, msgs: Sequence[Imu], now: float) -> NDArray[np.float64] | None:
        """The same of several messages at once; None, and nothing is done, where one is odd."""
        converted = imus_to_samples(msgs)
        if converted is None or not self._recognizer.add_imus(placement, *converted, now):
            return None
        stamps, samples = converted
        self._check(placement, stamps, samples, now)
        if self.skeleton is None:
            self.frame_id = msgs[-1].header.frame_id
        return stamps

    def _check(
        self,
        placement: str,
        stamps: float | NDArray[np.float64],
        samples: NDArray[np.float32],
        now: float,
    ) -> None:
        unit = self._gravity[placement](stamps, samples)
        if unit:
            self.streams.note(f'imu/{placement}', unit, now)


def _hri_type(layout: str) -> type:
    if layout != LAYOUT:
        raise ValueError(f'expected layout {LAYOUT} with skeleton_type hri, got {layout}')
    try:
        from hri_msgs.msg import Skeleton2D
    except ImportError as error:
        raise ImportError(
            'skeleton_type hri needs hri_msgs: install ros-$ROS_DISTRO-hri-msgs, or set it to cloud'
        ) from error
    skeleton_2d: type = Skeleton2D
    return skeleton_2d
