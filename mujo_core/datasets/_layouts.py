"""Skeletons of one's own: ``layout.yaml`` beside the recordings.

my_sensor:
  joints: [Hips, LUpLeg, LKnee, ...]                 # in the sensor's order
  canonical: {LUpLeg: left_hip, LKnee: left_knee}    # canonical names of those that have one
  up: [0, 1, 0]                                      # direction of up in the sensor's axes
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mujo_core.layouts import LAYOUTS, Layout
from mujo_core.skeleton import CANONICAL_JOINTS, canonical_joints
from mujo_core.yaml_file import read_yaml


@dataclass(frozen=True)
class OwnLayout:
    """A joint list that `mujo_core.layouts` does not know."""

    joints: tuple[str, ...]
    canonical: dict[str, str]
    up: tuple[float, float, float]

    def to_canonical(self, xyz: np.ndarray) -> np.ndarray:
        """Take joints (T, J, 3) to the canonical ones (T, 16, 3) with z up, NaN where none is."""
        names = tuple(self.canonical.get(joint, joint) for joint in self.joints)
        return canonical_joints(xyz, Layout('own', names, up=self.up))


def read_layouts(path: Path) -> dict[str, OwnLayout]:
    """Read a layout file; none where there is no file.

    Raises:
        ValueError: it is not one; the line says what was expected.
    """
    if not path.is_file():
        return {}
    data = read_yaml(path.read_bytes(), str(path))
    if not isinstance(data, dict):
        raise ValueError(f'{path}: expected a mapping of layout to joints, canonical and up')
    return {str(name): _layout(f'{path}: layout {name}', entry) for name, entry in data.items()}


def _layout(where: str, entry: object) -> OwnLayout:
    if not isinstance(entry, dict) or not isinstance(entry.get('joints'), list):
        raise ValueError(f'{where}: expected joints, canonical and up; {entry!r} came')
    joints = tuple(map(str, entry['joints']))
    canonical = entry.get('canonical') or {}
    if not isinstance(canonical, dict):
        raise ValueError(f'{where}: canonical maps joints to canonical names; {canonical!r} came')
    for joint, name in canonical.items():
        if joint not in joints or name not in CANONICAL_JOINTS:
            raise ValueError(
                f'{where}: canonical maps its joints to {", ".join(CANONICAL_JOINTS)}; '
                f'{joint}: {name} came'
            )
    needed = {f'{side}_{part}' for side in ('left', 'right') for part in ('hip', 'shoulder')}
    if missing := sorted(needed - {*canonical.values(), *joints}):
        raise ValueError(f'{where}: {", ".join(missing)} has no joint; name it under canonical')
    up = entry.get('up', [0, 0, 1])
    try:
        x, y, z = map(float, up)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where}: up is a direction such as [0, 0, 1]; {up!r} came') from error
    return OwnLayout(joints, {str(k): str(v) for k, v in canonical.items()}, (x, y, z))


def layout_of(name: str, own: dict[str, OwnLayout]) -> Layout | OwnLayout:
    """Return a layout by name; ValueError lists those there are."""
    if name in own:
        return own[name]
    if name not in LAYOUTS:
        raise ValueError(
            f'expected a layout out of {", ".join(sorted({*LAYOUTS, *own}))}; {name!r} came; '
            'describe it in layout.yaml'
        )
    return LAYOUTS[name]
