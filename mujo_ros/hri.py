"""Bodies of ROS4HRI (REP-155): messages of hri_msgs to skeletons. hri_msgs is not imported here.

A `Skeleton2D` holds 18 points in the order of OpenPose's COCO model but with the left eye and ear
before the right ones; x and y are shares of the image's width and height from its upper left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mujo_ros.convert import MessageError, header_seconds

LAYOUT = 'openpose18'
POINTS = 18
MAX_POINTS = 256  # that are looked at to say what came
MAX_BODIES = 64  # identifiers that one message may list
_ORDER = [*range(14), 15, 14, 17, 16]  # LAYOUT's joints in theirs
_IDENTIFIER = re.compile(r'[A-Za-z][A-Za-z0-9_]{0,31}')


def skeleton2d_to_joints(
    msg: Any, aspect: float
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    """Stamp in s, joints (18, 3) of `LAYOUT` and visibility (18,) of a `hri_msgs/Skeleton2D`.

    Args:
        msg: the message.
        aspect: width of the image by its height, since x and y are shares of them.

    Returns:
        x right and y down in heights of the image, z 0; NaN for what lies outside of 0..1.

    Raises:
        MessageError: 'wrong_joint_count', 'bad_stamp', 'bad_frame_id'.
    """
    if len(msg.skeleton) != POINTS:
        raise MessageError(
            'wrong_joint_count',
            f'expected {POINTS} points of hri_msgs/Skeleton2D, got {len(msg.skeleton)}: '
            'fix the publisher',
        )
    points = np.array([(point.x, point.y, point.c) for point in msg.skeleton])[_ORDER]
    places = points[:, :2]
    inside = np.asarray(((places >= 0.0) & (places <= 1.0)).all(axis=1))
    joints = np.zeros((POINTS, 3), np.float32)
    joints[:, :2] = np.where(inside[:, None], places * (aspect, 1.0), np.nan)
    joints[~inside, 2] = np.nan
    visibility = np.nan_to_num(points[:, 2], nan=0.0).clip(0.0, 1.0).astype(np.float32)
    return header_seconds(msg.header), joints, visibility


def body_ids(ids: Sequence[str]) -> list[str]:
    """Identifiers of a `hri_msgs/IdsList` that can be part of a topic's name, each once."""
    found = dict.fromkeys(one for one in ids[:MAX_BODIES] if _IDENTIFIER.fullmatch(one[:64]))
    return list(found)
