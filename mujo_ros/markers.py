"""RViz markers: the skeleton as the sensor sees it, and the label above the head."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from mujo_core.skeleton import CANONICAL_JOINTS, PARENTS, canonical_joints
from mujo_ros.convert import seconds_to_stamp

LIFETIME = 1.0  # s after which RViz drops what is no longer published
ABOVE_HEAD = 0.3  # m

SENSOR_AXES = (0.0, 0.0, 1.0)  # up = +z leaves the axes of the sensor as they are


def activity_markers(
    stamp: float,
    frame_id: str,
    xyz: NDArray[np.float32],
    layout: str,
    up: tuple[float, float, float],
    text: str,
) -> MarkerArray:
    """Bones and label of one person.

    Args:
        stamp: s.
        frame_id: frame of `xyz`.
        xyz: (J, 3) joints of `layout` in m, NaN = unseen.
        up: direction of up in that frame.
        text: what to write above the head.
    """
    joints = canonical_joints(xyz, layout, up=SENSOR_AXES).astype(np.float64)
    seen = np.asarray(np.isfinite(joints).all(axis=-1))
    header = Header(stamp=seconds_to_stamp(stamp), frame_id=frame_id)
    bones = _marker(header, 'skeleton', Marker.LINE_LIST, 0.03, (0.1, 0.7, 1.0))
    for joint, parent in enumerate(PARENTS):
        if joint != parent and seen[joint] and seen[parent]:
            bones.points += [_point(joints[joint]), _point(joints[parent])]
    label = _marker(header, 'label', Marker.TEXT_VIEW_FACING, 0.2, (1.0, 1.0, 1.0))
    label.text = text
    if seen.any():
        head = CANONICAL_JOINTS.index('head')
        top = joints[head] if seen[head] else joints[seen].mean(axis=0)
        label.pose.position = _point(top + ABOVE_HEAD * np.asarray(up))
    else:
        bones.action = label.action = Marker.DELETE
    return MarkerArray(markers=[bones, label])


def _marker(
    header: Header, namespace: str, kind: int, size: float, color: tuple[float, float, float]
) -> Marker:
    marker = Marker(header=header, ns=namespace, id=0, type=kind, action=Marker.ADD)
    marker.scale.x = marker.scale.z = size
    marker.color.r, marker.color.g, marker.color.b = color
    marker.color.a = 1.0
    marker.pose.orientation.w = 1.0
    marker.lifetime.sec = int(LIFETIME)
    return marker


def _point(xyz: NDArray[np.float64]) -> Point:
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))
