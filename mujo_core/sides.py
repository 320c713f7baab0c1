"""Tells when left and right of the skeleton are swapped, as in a sensor's mirror mode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mujo_core.layouts import Layout, get_layout
from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, canonical_joints, rotation_to_z_up
from mujo_core.upright import Direction

FRAMES_A_LOOK = 20
"""With `LOOKS_THAT_AGREE` 1.3 s of a Kinect, which every clip of UTD-MHAD lasts."""
LOOKS_THAT_AGREE = 2
SWAPPED = -0.3
"""Below it the handedness of a body is a finding."""
_BENT = np.deg2rad(30.0)


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angles (N,) between vectors (N, 3), NaN where one is not seen."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.arctan2(across, (first * second).sum(axis=-1))


def handedness(
    xyz: np.ndarray,
    layout: str | Layout,
    up: tuple[float, float, float] | np.ndarray | None = None,
) -> float:
    """Say whether left and right of a skeleton are where a body has them.

    A body's left side, its up and the way its feet, nose, bent knees and hands point make a
    right-handed system. Where a sensor mirrors its image or swaps its names they make a
    left-handed one.

    Args:
        xyz: (N, J, 3) frames of one person.
        layout: the sensor's layout, of three dimensions.
        up: direction of up in the frame; None for the layout's usual one.

    Returns:
        -1..1: positive for a body as it is, negative for one whose left and right are swapped,
        0 where nothing tells (two dimensions, or no foot, nose, bent knee or hand seen).
        Below `SWAPPED` it is a finding.
    """
    layout = get_layout(layout)
    if layout.dimensions == 2 or not len(xyz):
        return 0.0
    turn = rotation_to_z_up(layout.up if up is None else up)
    points = np.asarray(xyz, dtype=float) @ turn.T
    joints = canonical_joints(xyz, layout, up).astype(float)
    left = joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]
    left = left + joints[:, JOINT['left_shoulder']] - joints[:, JOINT['right_shoulder']]
    forward = np.cross(left, [0.0, 0.0, 1.0])
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    evidence = [
        points[:, layout.index[tip]] - points[:, layout.index[base]] for base, tip in layout.forward
    ]
    for side in ('left', 'right'):
        hip, knee, ankle = (joints[:, JOINT[f'{side}_{n}']] for n in ('hip', 'knee', 'ankle'))
        # A knee only bends forward: it lies before the middle of the line from hip to ankle.
        # Depth sensors see a straight one bent a little backward, so that it tells nothing.
        bent = _angle(knee - hip, ankle - knee) > _BENT
        evidence.append(np.where(bent[:, None], knee - (hip + ankle) / 2, 0.0))
        # Hands work before the body, mostly.
        shoulder, wrist = joints[:, JOINT[f'{side}_shoulder']], joints[:, JOINT[f'{side}_wrist']]
        evidence.append(0.1 * (wrist - shoulder))
    score = np.stack([(vector * forward).sum(axis=-1) for vector in evidence], axis=1)
    score = score[np.isfinite(score).any(axis=1)]
    if not len(score):
        return 0.0
    total = np.nansum(score, axis=1)
    return float(total.sum() / max(np.abs(total).sum(), 1e-9))


class SidesWatch:
    """Looks at the body's handedness now and then: as samples come, live and offline alike.

    Args:
        layout: the sensor's layout; nothing is looked at in one of two dimensions.
    """

    def __init__(self, layout: str) -> None:
        self._layout = get_layout(layout)
        self.restart()

    def restart(self) -> None:
        """Forget the frames (time has jumped, or another direction is up)."""
        self._frames: list[NDArray[np.float32]] = []
        self._findings = 0
        self._up: Direction | None = None

    def __call__(self, xyz: NDArray[np.float32], up: Direction | None) -> bool:
        """Take in a skeleton (J, 3) in m; True when the last looks agree that it is mirrored."""
        if self._layout.dimensions == 2 or not np.isfinite(xyz).any():
            return False
        if up != self._up:
            self.restart()
            self._up = up
        self._frames.append(xyz)
        if len(self._frames) < FRAMES_A_LOOK:
            return False
        found = handedness(np.stack(self._frames), self._layout, up) < SWAPPED
        self._frames.clear()
        self._findings = self._findings + 1 if found else 0
        return self._findings >= LOOKS_THAT_AGREE


def is_mirrored(stream: Stream) -> bool:
    """Say whether a pose stream's left and right are swapped, as a node would have found."""
    if not stream.layout:
        return False
    layout = get_layout(stream.layout)
    watch = SidesWatch(layout.name)
    up = layout.up if stream.up is None else stream.up
    return any(watch(xyz, up) for xyz in stream.values)
