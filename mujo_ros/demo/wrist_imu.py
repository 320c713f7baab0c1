"""The demo's wearable: what IMUs on the wrists would measure, computed from `skeleton` as it comes.

Each wrist is a device of its own on `imu/<placement>`; it is silent while the camera does not see
that arm.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import Imu, PointCloud2

from mujo_core.layouts import get_layout
from mujo_core.skeleton import canonical_joints
from mujo_core.virtual_imu import OnlineVirtualImu
from mujo_ros.convert import MessageError, cloud_to_joints, sample_to_imu
from mujo_ros.run import run

LAYOUT = get_layout('mediapipe33')


class WristImu(Node):
    """Skeleton in, `imu/<placement>` out; parameter `placements` says which."""

    def __init__(self) -> None:
        super().__init__('wrist_imu')
        self.failure: Future[str] = Future()
        self.declare_parameter('placements', ['right_wrist', 'left_wrist'])
        self._devices = {
            placement: (
                OnlineVirtualImu(placement),
                self.create_publisher(Imu, f'imu/{placement}', QoSProfile(depth=50)),
            )
            for placement in self.get_parameter('placements').value
        }
        self.create_subscription(PointCloud2, 'skeleton', self._measure, QoSProfile(depth=10))

    def _measure(self, msg: PointCloud2) -> None:
        try:
            stamp, xyz, _ = cloud_to_joints(msg, len(LAYOUT.joints))
        except MessageError as error:
            self.get_logger().warning(f'skeleton: {error}', once=True)
            return
        # The player's camera is level, so up in its optical frame is the layout's usual -y.
        joints = canonical_joints(np.asarray(xyz), LAYOUT, worn=True)
        for placement, (device, publisher) in self._devices.items():
            samples = device.add(stamp, joints)
            if samples is None:
                continue
            for at, sample in zip(samples.stamps, samples.values, strict=True):
                publisher.publish(sample_to_imu(float(at), sample, placement))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(WristImu, args)


if __name__ == '__main__':
    sys.exit(main())
