"""What the tests of the skeleton data sets share: a standing body, and where real data lies."""

import os
from pathlib import Path

import numpy as np
import pytest

from mujo_core.layouts import get_layout
from mujo_core.recording import Recording
from mujo_core.sides import handedness
from mujo_core.skeleton import canonical_joints

# The right side of a body that faces a sensor of the Kinect's axes: x to its right, y up, z away.
_MIDDLE = {
    'head': (0, 0.6, 2.5), 'neck': (0, 0.4, 2.5), 'torso': (0, 0.2, 2.5),
    'shoulder_center': (0, 0.4, 2.5), 'spine': (0, 0.1, 2.5), 'hip_center': (0, 0.02, 2.5),
}  # fmt: skip
_SIDE = {
    'shoulder': (0.2, 0.4, 2.5), 'elbow': (0.25, 0.1, 2.45), 'wrist': (0.25, -0.1, 2.3),
    'hand': (0.25, -0.15, 2.25), 'hip': (0.1, 0.0, 2.5), 'knee': (0.1, -0.4, 2.45),
    'ankle': (0.1, -0.8, 2.5), 'foot': (0.1, -0.85, 2.4),
}  # fmt: skip


def body(joint: str) -> tuple[float, float, float]:
    """Return a joint of a standing body, metres; the person's right has the larger x."""
    side, _, name = joint.partition('_')
    if side not in ('left', 'right'):
        return _MIDDLE[joint]
    x, y, z = _SIDE[name]
    return (x if side == 'right' else -x, y, z)


def openni_text(joints: tuple[str, ...], frames: int, sign: int = 1) -> str:
    """Return frames of OpenNI's files: a joint a line, mm; `sign` is that of x."""
    rows = [[1000 * c for c in body(joint)] for joint in joints]
    return ''.join(f'{sign * x:g} {y:g} {z:g}\n' for x, y, z in rows) * frames


def real_folder(name: str) -> Path:
    """Return the folder of a real data set, or skip the test."""
    home = os.environ.get('MUJO_DATA') or Path.home() / '.cache' / 'mujo_ros_data'
    folder = Path(home) / name
    if not folder.is_dir():
        pytest.skip(f'{name} is not on this machine: set MUJO_DATA to the folder that holds it')
    return folder


def median_torso(recordings: list[Recording]) -> float:
    """Return the median length from pelvis to chest, m."""
    lengths = []
    for recording in recordings:
        pose = recording.streams['pose']
        joints = canonical_joints(pose.values, str(pose.layout))
        lengths.append(np.nanmedian(np.linalg.norm(joints[:, 2] - joints[:, 0], axis=-1)))
    return float(np.median(lengths))


def median_handedness(recordings: list[Recording]) -> float:
    """Return the median of `handedness` over recordings."""
    poses = [recording.streams['pose'] for recording in recordings]
    return float(np.median([handedness(p.values, str(p.layout)) for p in poses]))


def joint_of(recording: Recording, name: str) -> np.ndarray:
    """Return a joint (N, 3) of a recording's skeleton."""
    pose = recording.streams['pose']
    return pose.values[:, get_layout(str(pose.layout)).index[name]]
