"""Joint lists of the common sensors and pose estimators, each in its published order.

Frames follow REP-103: metres, x forward, y left, z up. A joint that is not seen is NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """A sensor's joint list.

    Attributes:
        name: how parameters and files call it.
        joints: joint names in the sensor's order.
        dimensions: 3, or 2 for image coordinates (x right, y down, z zero).
        up: direction of up in the frame in which the sensor usually reports.
        head: joints whose mean is the centre of the head, in order of preference.
        forward: (from, to) pairs of joints that point where a body faces.
    """

    name: str
    joints: tuple[str, ...]
    dimensions: int = 3
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    head: tuple[tuple[str, ...], ...] = (('head',),)
    forward: tuple[tuple[str, str], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Joint name to its place in the list."""
        return {name: index for index, name in enumerate(self.joints)}

    def find(self, *names: str) -> list[int] | None:
        """Return the places of `names`, or None when the layout lacks one of them."""
        if all(name in self.index for name in names):
            return [self.index[name] for name in names]
        return None


def _sided(*names: str) -> tuple[str, ...]:
    """Return left and right of each name in turn."""
    return tuple(f'{side}_{name}' for name in names for side in ('left', 'right'))


def _one_side(side: str, *names: str) -> tuple[str, ...]:
    return tuple(f'{side}_{name}' for name in names)


_IMAGE_UP = (0.0, -1.0, 0.0)
_Y_UP = (0.0, 1.0, 0.0)
_FACE = (('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',))
_TOES = (('left_ankle', 'left_foot'), ('right_ankle', 'right_foot'))
_SOLES = (('left_heel', 'left_foot'), ('right_heel', 'right_foot'))
_NOSE = (('left_ear', 'nose'), ('right_ear', 'nose'))
_ARM = ('shoulder', 'elbow', 'wrist')
_LEG = ('hip', 'knee', 'ankle')
_HAND = ('hand', 'hand_tip', 'thumb')
_COCO = ('nose', *_sided('eye', 'ear', *_ARM, *_LEG))
_OPENPOSE_ARMS = ('nose', 'neck', *_one_side('right', *_ARM), *_one_side('left', *_ARM))

LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            'canonical16',
            ('pelvis', 'spine', 'chest', 'head', *_sided(*_ARM), *_sided(*_LEG)),
        ),
        Layout(
            'mediapipe33',
            (
                'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner',
                'right_eye', 'right_eye_outer', *_sided('ear'), 'mouth_left', 'mouth_right',
                *_sided(*_ARM, 'pinky', 'index', 'thumb', *_LEG, 'heel', 'foot'),
            ),
            up=_IMAGE_UP,
            head=_FACE,
            forward=(*_SOLES, *_NOSE),
        ),
        # NuiSkeletonPositionIndex of the first Kinect, the spine from its upper end.
        Layout(
            'kinect20',
            (
                'head', 'shoulder_center', 'spine', 'hip_center',
                *_one_side('left', *_ARM, 'hand'), *_one_side('right', *_ARM, 'hand'),
                *_one_side('left', *_LEG, 'foot'), *_one_side('right', *_LEG, 'foot'),
            ),
            up=_Y_UP,
            forward=_TOES,
        ),
        # JointType of the second Kinect; NTU RGB+D.
        Layout(
            'kinect25',
            (
                'spine_base', 'spine_mid', 'neck', 'head',
                *_one_side('left', *_ARM, 'hand'), *_one_side('right', *_ARM, 'hand'),
                *_one_side('left', *_LEG, 'foot'), *_one_side('right', *_LEG, 'foot'),
                'spine_shoulder',
                'left_hand_tip', 'left_thumb', 'right_hand_tip', 'right_thumb',
            ),
            up=_Y_UP,
            forward=_TOES,
        ),
        # k4abt_joint_id_t, in the frame of the depth camera.
        Layout(
            'azure32',
            (
                'pelvis', 'spine_navel', 'spine_chest', 'neck',
                *_one_side('left', 'clavicle', *_ARM, *_HAND),
                *_one_side('right', 'clavicle', *_ARM, *_HAND),
                *_one_side('left', *_LEG, 'foot'), *_one_side('right', *_LEG, 'foot'),
                'head', 'nose', 'left_eye', 'left_ear', 'right_eye', 'right_ear',
            ),
            up=_IMAGE_UP,
            head=(('head',), *_FACE),
            forward=(*_TOES, *_NOSE),
        ),
        # NiteJointType of NiTE 2, in OpenNI's real-world axes.
        Layout(
            'openni15',
            (
                'head', 'neck', *_sided('shoulder', 'elbow', 'hand'), 'torso',
                *_sided('hip', 'knee', 'foot'),
            ),
            up=_Y_UP,
        ),
        # BODY_34 and BODY_38 of the ZED SDK, with z up as its ROS 2 wrapper reports.
        Layout(
            'zed34',
            (
                'pelvis', 'spine_navel', 'spine_chest', 'neck',
                *_one_side('left', 'clavicle', *_ARM, *_HAND),
                *_one_side('right', 'clavicle', *_ARM, *_HAND),
                *_one_side('left', *_LEG, 'foot'), *_one_side('right', *_LEG, 'foot'),
                'head', 'nose', 'left_eye', 'left_ear', 'right_eye', 'right_ear', *_sided('heel'),
            ),
            head=(('head',), *_FACE),
            forward=(*_SOLES, *_NOSE),
        ),
        Layout(
            'zed38',
            (
                'pelvis', 'spine_1', 'spine_2', 'spine_3', 'neck', 'nose',
                *_sided('eye', 'ear', 'clavicle', *_ARM, *_LEG, 'big_toe', 'small_toe', 'heel',
                        'thumb', 'index', 'hand_tip', 'pinky'),
            ),
            head=_FACE,
            forward=(('left_heel', 'left_big_toe'), ('right_heel', 'right_big_toe'), *_NOSE),
        ),
        # The model's own axes; an estimate of a camera's image has that camera's.
        Layout(
            'smpl24',
            (
                'pelvis', *_sided('hip'), 'spine_1', *_sided('knee'), 'spine_2', *_sided('ankle'),
                'spine_3', *_sided('foot'), 'neck', *_sided('collar'), 'head',
                *_sided(*_ARM, 'hand'),
            ),
            up=_Y_UP,
            forward=_TOES,
        ),
        Layout(
            'h36m17',
            (
                'pelvis', *_one_side('right', *_LEG), *_one_side('left', *_LEG), 'spine', 'thorax',
                'nose', 'head_top', *_one_side('left', *_ARM), *_one_side('right', *_ARM),
            ),
            head=(('nose', 'head_top'), ('head_top',), ('nose',)),
            forward=(('head_top', 'nose'),),
        ),
        Layout('coco17', _COCO, dimensions=2, up=_IMAGE_UP, head=_FACE),
        Layout(
            'openpose18',
            (
                *_OPENPOSE_ARMS, *_one_side('right', *_LEG), *_one_side('left', *_LEG),
                'right_eye', 'left_eye', 'right_ear', 'left_ear',
            ),
            dimensions=2,
            up=_IMAGE_UP,
            head=_FACE,
        ),
        # BODY_25 of OpenPose.
        Layout(
            'body25',
            (
                *_OPENPOSE_ARMS, 'mid_hip', *_one_side('right', *_LEG), *_one_side('left', *_LEG),
                'right_eye', 'left_eye', 'right_ear', 'left_ear',
                *_one_side('left', 'big_toe', 'small_toe', 'heel'),
                *_one_side('right', 'big_toe', 'small_toe', 'heel'),
            ),
            dimensions=2,
            up=_IMAGE_UP,
            head=_FACE,
        ),
        # The body of Halpe-FullBody; what it calls the head is the top of it.
        Layout(
            'halpe26',
            (
                *_COCO, 'head_top', 'neck', 'mid_hip', *_sided('big_toe', 'small_toe', 'heel'),
            ),
            dimensions=2,
            up=_IMAGE_UP,
            head=_FACE,
        ),
    )
}  # fmt: skip


def get_layout(name: str | Layout) -> Layout:
    """Return the layout of that name; ValueError names the known ones."""
    if isinstance(name, Layout):
        return name
    if name not in LAYOUTS:
        raise ValueError(
            f'expected a skeleton layout out of {", ".join(sorted(LAYOUTS))}; {name!r} came'
        )
    return LAYOUTS[name]


def guess_layout(skeletons: Sequence[np.ndarray] | np.ndarray) -> Layout | None:
    """Return the layout with as many joints as most skeletons (J, 3) have, None if there is none.

    Where both a flat and a solid layout have that many (`body25`, `kinect25`), depths that are
    all 0 mean the flat one.
    """
    joints = Counter(map(len, skeletons)).most_common(1)[0][0]
    found = {each.dimensions: each for each in LAYOUTS.values() if len(each.joints) == joints}
    depths = np.concatenate([xyz[:, 2] for xyz in skeletons if len(xyz) == joints])
    depths = depths[np.isfinite(depths)]
    return found.get(2 if 2 in found and len(depths) and not depths.any() else 3)
