"""Places on the body where a virtual device can be worn, and how it sits there.

One near each of the 16 canonical joints: pelvis (waist), spine (back), chest, head, and on both
sides shoulder (upper arm), elbow (forearm), wrist, hip (pocket), knee (thigh) and ankle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.skeleton import JOINT

SHOULDERS = ('right_shoulder', 'left_shoulder')
HIPS = ('right_hip', 'left_hip')


@dataclass(frozen=True)
class Limb:
    """A device on a bone.

    Attributes:
        joints: hip, knee, ankle or shoulder, elbow, wrist: the two bones of the limb.
        on: 0 for a device on the first bone, 1 for the second.
        along: where on the bone, as a share of its length.
        beyond: metres further along.
        angle: turn about the bone from the hinge to the device's y, rad.
        start: direction of the bone (forward, left, up of the trunk) from which it swings.
        bend: +1 where the far bone bends forward (elbow), -1 backward (knee).
        straight: how little the limb may bend before its own plane counts less than the swing.
    """

    joints: tuple[str, str, str]
    on: int
    along: float
    beyond: float
    angle: float
    start: tuple[float, float, float]
    bend: float
    straight: float


@dataclass(frozen=True)
class Trunk:
    """A device on the trunk or head: its joint, the line that gives left, metres from the joint."""

    joint: str
    across: tuple[str, str]
    up: tuple[str, str]
    offset: tuple[float, float, float]


def _limbs() -> dict[str, Limb]:
    limbs = {}
    for side, left in (('right', -1.0), ('left', 1.0)):
        arm = (f'{side}_shoulder', f'{side}_elbow', f'{side}_wrist')
        leg = (f'{side}_hip', f'{side}_knee', f'{side}_ankle')
        # An arm comes nowhere near the opposite of forward and outward, nor a leg of its own.
        outward, ahead = (0.7, 0.7 * left, 0.0), (0.7, 0.0, -0.7)
        turn = -left * np.deg2rad(60.0)
        limbs[f'{side}_wrist'] = Limb(arm, 1, 1.0, 0.05, turn, outward, 1.0, 0.5)
        limbs[f'{side}_forearm'] = Limb(arm, 1, 0.5, 0.0, turn, outward, 1.0, 0.5)
        limbs[f'{side}_upper_arm'] = Limb(arm, 0, 0.5, 0.0, turn, outward, 1.0, 0.5)
        turn = -left * np.deg2rad(75.0)
        limbs[f'{side}_thigh'] = Limb(leg, 0, 0.5, 0.0, turn, ahead, -1.0, 0.9)
        limbs[f'{side}_pocket'] = Limb(leg, 0, 0.25, 0.0, turn, ahead, -1.0, 0.9)
        limbs[f'{side}_ankle'] = Limb(leg, 1, 1.0, -0.08, turn, ahead, -1.0, 0.9)
    return limbs


DEVICES: dict[str, Limb | Trunk] = {
    **_limbs(),
    'chest': Trunk('chest', SHOULDERS, ('pelvis', 'chest'), (0.1, 0.0, -0.1)),
    'back': Trunk('chest', SHOULDERS, ('pelvis', 'chest'), (-0.1, 0.0, -0.1)),
    'waist': Trunk('pelvis', HIPS, ('pelvis', 'chest'), (0.1, 0.0, 0.08)),
    'head': Trunk('head', SHOULDERS, ('chest', 'head'), (0.09, 0.0, 0.03)),
}

PLACEMENTS = tuple(DEVICES)
"""Placements that a virtual device can have."""


def needed_joints(device: Limb | Trunk) -> list[int]:
    """Return the canonical joints without which a device cannot be placed."""
    if isinstance(device, Trunk):
        names = {device.joint, *device.across, *device.up}
    else:
        names = {'pelvis', 'chest', *device.joints, *across(device)}
    return sorted(JOINT[name] for name in names)


def across(limb: Limb) -> tuple[str, str]:
    """Return the joints, right and left, between which a limb's own end of the trunk lies."""
    return SHOULDERS if 'shoulder' in limb.joints[0] else HIPS


def device_at(placement: str, rate: float, *cutoffs: float | None) -> Limb | Trunk:
    """Return the device of a placement; ValueError for an unknown one, or a number of 0."""
    if placement not in DEVICES:
        raise ValueError(f'expected a placement out of {", ".join(PLACEMENTS)}; {placement!r} came')
    given = [rate, *(cutoff for cutoff in cutoffs if cutoff is not None)]
    if not all(number > 0 for number in given):
        came = ' and '.join(map(str, given))
        raise ValueError(f'expected a rate and cutoffs above 0 Hz; {came} came')
    return DEVICES[placement]
