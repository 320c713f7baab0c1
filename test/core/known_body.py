"""A body whose every joint is known, as the sensor of each layout reports it."""

import numpy as np

# Facing +x, left is +y, metres; the right side mirrors the left one.
BODY = {
    'nose': (0.1, 0.0, 1.62), 'head': (0.0, 0.0, 1.7), 'head_top': (-0.1, 0.0, 1.78),
    'neck': (0.0, 0.0, 1.5), 'spine': (-0.02, 0.0, 1.2), 'pelvis': (0.0, 0.0, 0.95),
    'l_ear': (0.0, 0.08, 1.7), 'l_eye': (0.08, 0.03, 1.72), 'l_eye_inner': (0.09, 0.02, 1.72),
    'l_eye_outer': (0.08, 0.05, 1.72), 'l_mouth': (0.09, 0.02, 1.58),
    'l_shoulder': (0.0, 0.2, 1.5), 'l_elbow': (-0.05, 0.25, 1.2), 'l_wrist': (0.15, 0.22, 1.1),
    'l_hand': (0.22, 0.22, 1.1), 'l_pinky': (0.24, 0.24, 1.1), 'l_index': (0.25, 0.21, 1.1),
    'l_hand_tip': (0.3, 0.22, 1.1), 'l_thumb': (0.2, 0.19, 1.12), 'l_clavicle': (0.0, 0.05, 1.48),
    'l_hip': (0.0, 0.12, 0.95), 'l_knee': (0.03, 0.12, 0.5), 'l_ankle': (0.0, 0.12, 0.08),
    'l_heel': (-0.05, 0.12, 0.02), 'l_foot': (0.15, 0.14, 0.02), 'l_small_toe': (0.13, 0.16, 0.02),
}  # fmt: skip

# The published orders, written down apart from the code.
ORDERS = {
    'mediapipe33': (
        'nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear l_mouth '
        'r_mouth l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index '
        'r_index l_thumb r_thumb l_hip r_hip l_knee r_knee l_ankle r_ankle l_heel r_heel l_foot '
        'r_foot'
    ),
    'kinect20': (
        'head neck spine pelvis l_shoulder l_elbow l_wrist l_hand r_shoulder r_elbow r_wrist '
        'r_hand l_hip l_knee l_ankle l_foot r_hip r_knee r_ankle r_foot'
    ),
    'h36m17': (
        'pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle spine neck nose head_top l_shoulder '
        'l_elbow l_wrist r_shoulder r_elbow r_wrist'
    ),
    'coco17': (
        'nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist '
        'l_hip r_hip l_knee r_knee l_ankle r_ankle'
    ),
    'openpose18': (
        'nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle '
        'l_hip l_knee l_ankle r_eye l_eye r_ear l_ear'
    ),
    'kinect25': (
        'pelvis spine neck head l_shoulder l_elbow l_wrist l_hand r_shoulder r_elbow r_wrist '
        'r_hand l_hip l_knee l_ankle l_foot r_hip r_knee r_ankle r_foot neck l_hand_tip l_thumb '
        'r_hand_tip r_thumb'
    ),
    'azure32': (
        'pelvis spine spine neck l_clavicle l_shoulder l_elbow l_wrist l_hand l_hand_tip l_thumb '
        'r_clavicle r_shoulder r_elbow r_wrist r_hand r_hand_tip r_thumb l_hip l_knee l_ankle '
        'l_foot r_hip r_knee r_ankle r_foot head nose l_eye l_ear r_eye r_ear'
    ),
    'openni15': (
        'head neck l_shoulder r_shoulder l_elbow r_elbow l_hand r_hand spine l_hip r_hip l_knee '
        'r_knee l_foot r_foot'
    ),
    'zed34': (
        'pelvis spine spine neck l_clavicle l_shoulder l_elbow l_wrist l_hand l_hand_tip l_thumb '
        'r_clavicle r_shoulder r_elbow r_wrist r_hand r_hand_tip r_thumb l_hip l_knee l_ankle '
        'l_foot r_hip r_knee r_ankle r_foot head nose l_eye l_ear r_eye r_ear l_heel r_heel'
    ),
    'zed38': (
        'pelvis spine spine spine neck nose l_eye r_eye l_ear r_ear l_clavicle r_clavicle '
        'l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle '
        'r_ankle l_foot r_foot l_small_toe r_small_toe l_heel r_heel l_thumb r_thumb l_index '
        'r_index l_hand_tip r_hand_tip l_pinky r_pinky'
    ),
    'smpl24': (
        'pelvis l_hip r_hip spine l_knee r_knee spine l_ankle r_ankle spine l_foot r_foot neck '
        'l_clavicle r_clavicle head l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hand '
        'r_hand'
    ),
    'body25': (
        'nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist pelvis r_hip r_knee '
        'r_ankle l_hip l_knee l_ankle r_eye l_eye r_ear l_ear l_foot l_small_toe l_heel r_foot '
        'r_small_toe r_heel'
    ),
    'halpe26': (
        'nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist '
        'l_hip r_hip l_knee r_knee l_ankle r_ankle head_top neck pelvis l_foot r_foot '
        'l_small_toe r_small_toe l_heel r_heel'
    ),
    'canonical16': (
        'pelvis spine neck head l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip '
        'l_knee r_knee l_ankle r_ankle'
    ),
}
# Rows: where the sensor's x, y and z point, in the body's frame, for a body that faces it.
_OPTICAL = ((0, 1, 0), (0, 0, -1), (-1, 0, 0))  # x right, y down, z forward
_IMAGE = ((0, 1, 0), (0, 0, -1), (0, 0, 0))  # x right, y down
_DEPTH = ((0, -1, 0), (0, 0, 1), (-1, 0, 0))  # x to the sensor's left, y up, z forward
_LEVEL = ((-1, 0, 0), (0, -1, 0), (0, 0, 1))  # REP-103 of the camera's body
_ITSELF = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
FRAMES = {
    'mediapipe33': _OPTICAL,
    'kinect20': ((0, 1, 0), (0, 0, 1), (1, 0, 0)),  # x to the body's left, y up, z to the sensor
    'kinect25': _DEPTH,
    'azure32': _OPTICAL,
    'openni15': _DEPTH,
    'zed34': _LEVEL,
    'zed38': _LEVEL,
    'smpl24': ((0, 1, 0), (0, 0, 1), (1, 0, 0)),  # the model's: x to its left, y up, z forward
    'h36m17': _ITSELF,
    'coco17': _IMAGE,
    'openpose18': _IMAGE,
    'body25': _IMAGE,
    'halpe26': _IMAGE,
    'canonical16': _ITSELF,
}
FLAT = tuple(name for name, frame in FRAMES.items() if frame is _IMAGE)
SOLID = tuple(name for name in FRAMES if name not in FLAT)
# Arms end in the hand where there is one; OpenNI's feet stand for the ankles that it lacks.
_HAND = {'wrist': 'hand'}
STAND_INS = {
    'kinect20': _HAND, 'kinect25': _HAND, 'azure32': _HAND, 'zed34': _HAND, 'smpl24': _HAND,
    'openni15': {**_HAND, 'ankle': 'foot'},
}  # fmt: skip


def place(name: str) -> np.ndarray:
    if name.startswith('r_'):
        return np.array(BODY['l_' + name[2:]]) * (1, -1, 1)
    return np.array(BODY[name], dtype=float)


def body(layout: str, order: str | None = None) -> np.ndarray:
    """The body (J, 3) in z-up world axes, in a layout's order."""
    return np.stack([place(name) for name in (order or ORDERS[layout]).split()])


def as_seen(layout: str) -> np.ndarray:
    """The body (J, 3) as that layout's sensor reports it, two metres away."""
    return body(layout) @ np.array(FRAMES[layout], dtype=float).T + (0.3, 0.1, 2.0)


def expected_canonical(layout: str = 'canonical16') -> np.ndarray:
    """(16, 3): pelvis at the origin, torso 0.5, written down from the body alone."""
    order = ORDERS['canonical16']
    for joint, end in STAND_INS.get(layout, {}).items():
        order = order.replace(joint, end)
    joints = body('canonical16', order)
    joints[1] = (joints[0] + joints[2]) / 2
    return (joints - joints[0]) * (0.5 / 0.55)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn about z."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]).T


def mirrored(points: np.ndarray, layout: str) -> np.ndarray:
    """The same frames with the names of left and right swapped."""
    order = ORDERS[layout].split()
    swap = {'l': 'r', 'r': 'l'}
    other = [swap[n[0]] + n[1:] if n[:2] in ('l_', 'r_') else n for n in order]
    return points[..., [order.index(name) for name in other], :]
