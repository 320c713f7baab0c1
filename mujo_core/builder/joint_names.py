"""Which joint of a motion capture file is which: names that programs and marker sets use."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from mujo_core.skeleton import CANONICAL_JOINTS, JOINT

METRES = {'mm': 1e-3, 'cm': 1e-2, 'dm': 1e-1, 'm': 1.0}

_SHORTEST, _TALLEST = 1.0, 2.4
"""Metres from ankles to head of a person, also of one who crouches or jumps."""
_UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)

# Where a bone begins is the joint; the first name that is there counts.
_SIDED = {
    'shoulder': ('arm', 'upperarm', 'uparm', 'shldr', 'shoulder', 'humerus', 'upper_arm'),
    'elbow': ('forearm', 'lowerarm', 'lowarm', 'elbow', 'radius', 'lower_arm'),
    'wrist': ('hand', 'wrist'),
    'hip': ('upleg', 'upperleg', 'thigh', 'hip', 'femur', 'upper_leg'),
    'knee': ('leg', 'lowerleg', 'lowleg', 'shin', 'calf', 'knee', 'tibia', 'lower_leg'),
    'ankle': ('foot', 'ankle'),
}
_HEAD = ('head/end', 'headtop_end', 'head_end', 'head')
# Acclaim names a bone by itself and gives where it ends.
_ACCLAIM = {
    'shoulder': '{0}clavicle', 'elbow': '{0}humerus', 'wrist': '{0}wrist',
    'hip': '{0}hipjoint', 'knee': '{0}femur', 'ankle': '{0}tibia',
}  # fmt: skip
# Plug-in Gait (Vicon) and Helen Hayes; several markers are around a joint.
_MARKERS = {
    'shoulder': (('{0}SHO',), ('{0}ACR',), ('{0}.SHOULDER',)),
    'elbow': (('{0}ELB', '{0}ELBM'), ('{0}ELB',), ('{0}EL', '{0}EM'), ('{0}.ELBOW',)),
    'wrist': (('{0}WRA', '{0}WRB'), ('{0}WRI',), ('{0}.WRIST',)),
    'hip': (('{0}HJC',), ('{0}ASI', '{0}PSI'), ('{0}ASI',), ('{0}.ASIS',)),
    'knee': (('{0}KNE', '{0}KNM'), ('{0}KNE',), ('{0}.KNEE',)),
    'ankle': (('{0}ANK', '{0}MED'), ('{0}ANK',), ('{0}.ANKLE',)),
}
_HEAD_MARKERS = (('LFHD', 'RFHD', 'LBHD', 'RBHD'), ('LFHD', 'RFHD'), ('HEAD',), ('V.HEAD',))
_HIP_DEPTH = 0.12
"""Of a leg's length: a hip lies that much below the markers on the pelvis."""


def find_joints(places: Mapping[str, np.ndarray], source: str) -> np.ndarray:
    """Return the canonical joints (T, 16, 3) that names say, in the file's unit and axes.

    The centre joints are left NaN: they follow from hips and shoulders.

    Args:
        places: name of a joint, bone or marker to (T, 3), NaN where not seen.
        source: how messages call the file.

    Raises:
        ValueError: hips or shoulders have no name that is known.
    """
    count = len(next(iter(places.values()))) if places else 0
    joints = np.full((count, len(CANONICAL_JOINTS), 3), np.nan)
    for find in (_by_markers, _by_acclaim, _by_names):
        found = find(places)
        if all(f'{side}_{part}' in found for side in _SIDES for part in ('hip', 'shoulder')):
            for name, path in found.items():
                joints[:, JOINT[name]] = path
            return joints
    raise ValueError(
        f'{source}: expected joints or markers with names in use (such as LeftUpLeg, lThigh, '
        f'LASI), {", ".join(list(places)[:6])} came; rename hips, shoulders and the others'
    )


def find_unit(joints: np.ndarray, source: str) -> float:
    """Return the metres of a file's unit: that which makes a person of it.

    Raises:
        ValueError: none does.
    """
    ankles = joints[:, [JOINT['left_ankle'], JOINT['right_ankle']]].mean(axis=1)
    head = joints[:, JOINT['head']]
    tall = np.linalg.norm(head - ankles, axis=1)
    size = float(np.nanquantile(tall, 0.8)) if np.isfinite(tall).any() else 0.0
    fitting = [unit for unit in _UNITS if _SHORTEST <= size * unit <= _TALLEST]
    if not fitting:
        raise ValueError(
            f'{source}: a body of {size:.4g} units from ankles to head is none in metres, '
            'centimetres, millimetres or inches; scale the file'
        )
    return fitting[0]


_SIDES = {
    'left': ('left', 'l'),
    'right': ('right', 'r'),
}


def _by_names(places: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    plain = {_plain(name): path for name, path in reversed(list(places.items()))}
    found = {}
    for side, words in _SIDES.items():
        for part, names in _SIDED.items():
            for name in names:
                forms = [f'{w}{name}' for w in words] + [f'{name}{w}' for w in words]
                forms = [form.replace('_', '') for form in forms]
                known = next((form for form in forms if form in plain), None)
                if known is not None:
                    found[f'{side}_{part}'] = plain[known]
                    break
    head = next((name for name in _HEAD if name.replace('_', '') in plain), None)
    if head is not None:
        found['head'] = plain[head.replace('_', '')]
    return found


def _plain(name: str) -> str:
    """``'mixamorig:LeftUpLeg'`` and ``'Left_Up_Leg'`` are ``'leftupleg'``."""
    return re.sub(r'[\s_.-]', '', name.rpartition(':')[2].lower())


def _by_acclaim(places: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {
        f'{side}_{part}': places[name.format(side[0])]
        for side in _SIDES
        for part, name in _ACCLAIM.items()
        if name.format(side[0]) in places
    }
    return found | ({'head': places['head']} if found and 'head' in places else {})


def _by_markers(places: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for side in _SIDES:
        for part, choices in _MARKERS.items():
            for names in choices:
                filled = [name.format(side[0].upper()) for name in names]
                if all(name in places for name in filled):
                    found[f'{side}_{part}'] = _middle(places, filled)
                    break
    heads = [list(names) for names in _HEAD_MARKERS if all(name in places for name in names)]
    if found and heads:
        found['head'] = _middle(places, heads[0])
    if 'LASI' in places and 'LHJC' not in places:
        for side in _SIDES:
            hip, knee = found.get(f'{side}_hip'), found.get(f'{side}_knee')
            if hip is not None and knee is not None:
                found[f'{side}_hip'] = hip + _HIP_DEPTH * (knee - hip)
    return found


def _middle(places: Mapping[str, np.ndarray], names: list[str]) -> np.ndarray:
    middle: np.ndarray = np.mean([places[name] for name in names], axis=0)
    return middle
