"""Which way is up in the frame of the skeleton."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from mujo_core.layouts import Layout
from mujo_core.skeleton import JOINT, canonical_joints

Direction = tuple[float, float, float]

FRAMES_A_LOOK = 15
LOOKS_THAT_AGREE = 4

AXES: dict[str, Direction] = {
    'x': (1.0, 0.0, 0.0),
    'y': (0.0, 1.0, 0.0),
    'z': (0.0, 0.0, 1.0),
    '-x': (-1.0, 0.0, 0.0),
    '-y': (0.0, -1.0, 0.0),
    '-z': (0.0, 0.0, -1.0),
}


def estimate_up(xyz: np.ndarray, layout: str | Layout) -> Direction | None:
    """Find which signed axis of the sensor's frame is up for an upright body.

    Args:
        xyz: (N, J, 3) frames of one person in the sensor's frame.
        layout: the sensor's layout.

    Returns:
        One of the six signed axes, or None where too little is seen or no axis stands out (a body
        that leans, lies or bends over).
    """
    joints = canonical_joints(xyz, layout, up=(0.0, 0.0, 1.0))
    ankles = joints[:, [JOINT['left_ankle'], JOINT['right_ankle']]].mean(axis=1)
    torso = joints[:, 2] - joints[:, 0]
    legs = np.where(np.isfinite(ankles), joints[:, 0] - ankles, 0.0)
    upward = torso + legs
    upward = upward[np.isfinite(upward).all(axis=1)]
    if not len(upward):
        return None
    mean = upward.sum(axis=0)
    length = np.linalg.norm(mean)
    axis = int(np.argmax(np.abs(mean)))
    if length < 1e-6 or abs(mean[axis]) / length < 0.75:
        return None
    result = [0.0, 0.0, 0.0]
    result[axis] = float(np.sign(mean[axis]))
    return (result[0], result[1], result[2])


class UpDirection:
    """Finds up for each cloud.

    Args:
        mode: an axis ('-y'), or 'auto': in frames that end in `_optical_frame` -y, turned by the
            camera's pitch; in any other frame what the body says, once four looks at half a second
            each have agreed, and until then None (the layout's usual up).
        camera_pitch: rad, positive when the camera looks down.
        layout: the sensor's layout.
    """

    def __init__(self, mode: str, camera_pitch: float, layout: str) -> None:
        self._fixed = AXES.get(mode)
        self._optical = (0.0, -math.cos(camera_pitch), -math.sin(camera_pitch))
        self._layout = layout
        self.restart()

    def restart(self) -> None:
        """Forget what the body said (the sensor may have changed)."""
        self._frames: list[NDArray[np.float32]] = []
        self._looks: deque[Direction | None] = deque(maxlen=LOOKS_THAT_AGREE)
        self._found: Direction | None = None
        self._frame_id = ''

    def __call__(self, frame_id: str, xyz: NDArray[np.float32]) -> Direction | None:
        """Up in `frame_id` for a skeleton (J, 3) in m."""
        if self._fixed:
            return self._fixed
        if frame_id.endswith('_optical_frame'):
            return self._optical
        if frame_id != self._frame_id:
            self.restart()
            self._frame_id = frame_id
        if self._found is None and np.isfinite(xyz).any():
            self._look(xyz)
        return self._found

    def _look(self, xyz: NDArray[np.float32]) -> None:
        self._frames.append(xyz)
        if len(self._frames) < FRAMES_A_LOOK:
            return
        self._looks.append(estimate_up(np.stack(self._frames), self._layout))
        self._frames.clear()
        if len(self._looks) == LOOKS_THAT_AGREE and len(set(self._looks)) == 1:
            self._found = self._looks[0]
