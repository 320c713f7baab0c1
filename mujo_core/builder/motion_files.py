"""Files of motion capture to canonical joints: BVH, ASF/AMC, C3D, and CMU's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mujo_core.builder.joint_names import METRES, find_joints, find_unit
from mujo_core.datasets._acclaim import bone_ends, read_amc, read_asf
from mujo_core.datasets._bvh import joint_positions, read_bvh
from mujo_core.datasets.cmu_mocap import CAPTURE_RATE, INCH, read_first
from mujo_core.skeleton import JOINT, rotation_to_z_up

Motion = tuple[np.ndarray, float]


def read_motion(path: Path, reading: Mapping[str, str]) -> Motion:
    """Return joints (T, 16, 3) float32, metres, z up, NaN where not seen, and frames a second.

    Args:
        reading: of CMU's clips, each format of the trial to its step and added frames; else empty.

    Raises:
        ImportError: what reads this kind of file is not installed.
        OSError, ValueError: the file cannot be read.
    """
    if reading:
        return read_first(path.parent, reading)
    return _READERS[path.suffix.lower()](path)


def read_bvh_joints(path: Path) -> Motion:
    """Read a BVH file whose joints have names in use (Mixamo, CMU, MotionBuilder, Xsens ...)."""
    bvh = read_bvh(path)
    if not 1e-4 < bvh.frame_time < 1.0:
        raise ValueError(f'{path.name}: expected a Frame Time in seconds, {bvh.frame_time:g} came')
    joints = find_joints(joint_positions(bvh), path.name)
    # BVH names no unit and no axis; by convention y is up.
    return _upright(joints, find_unit(joints, path.name), 'y'), 1.0 / bvh.frame_time


def read_amc_joints(path: Path) -> Motion:
    """Read an AMC file by the ASF skeleton beside it, of the same name, its subject or alone."""
    beside = sorted(path.parent.glob('*.asf'))
    names = (path.stem, path.stem.rpartition('_')[0])
    named = [file for name in names for file in beside if file.stem == name]
    chosen = named or (beside if len(beside) == 1 else [])
    if not chosen:
        raise ValueError(
            f'{path.name}: expected its skeleton as {path.stem}.asf beside it; '
            f'{", ".join(file.name for file in beside) or "none"} came'
        )
    skeleton = read_asf(chosen[0])
    joints = find_joints(bone_ends(skeleton, read_amc(path, skeleton)), path.name)
    return _upright(joints, INCH / skeleton.length_unit, 'y'), CAPTURE_RATE


def read_c3d_joints(path: Path) -> Motion:
    """Read the markers of a C3D file, named as in the Plug-in Gait or Helen Hayes sets.

    Raises:
        ImportError: ezc3d is not installed.
        OSError, ValueError: the file cannot be read, or its markers are not known.
    """
    try:
        import ezc3d
    except ImportError as error:
        raise ImportError("C3D files need ezc3d: pip install 'mujo_ros[build]'") from error
    try:
        content = ezc3d.c3d(str(path))
    except Exception as error:  # The library raises whatever its parser meets.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f'{path.name}: expected a C3D file ({reason})') from error
    points = content['parameters']['POINT']
    rate = float(points['RATE']['value'][0])
    names = [str(name).rpartition(':')[2].upper() for name in points['LABELS']['value']]
    values = np.moveaxis(content['data']['points'][:3], 0, -1)
    if rate <= 0 or not values.size:
        raise ValueError(f'{path.name}: expected markers over time, there are none')
    places = {}
    for name, track in zip(names, values, strict=False):
        # A marker that is lost is stored as zeros, or as not a number.
        lost = ~np.isfinite(track).all(axis=1) | (track == 0).all(axis=1)
        places[name] = np.where(lost[:, None], np.nan, track)
    unit = str((points.get('UNITS') or {'value': ['mm']})['value'][0]).lower()
    if unit not in METRES:
        raise ValueError(f'{path.name}: expected a unit out of {", ".join(METRES)}, {unit!r} came')
    joints = find_joints(places, path.name)
    return _upright(joints, METRES[unit], 'z'), rate


def _upright(joints: np.ndarray, metres: float, up: str) -> np.ndarray:
    """Return joints in metres with z up and their centre joints as everywhere.

    Args:
        up: the format's usual axis; the body itself decides where it clearly says otherwise.
    """
    pelvis = joints[:, [JOINT['left_hip'], JOINT['right_hip']]].mean(axis=1)
    chest = joints[:, [JOINT['left_shoulder'], JOINT['right_shoulder']]].mean(axis=1)
    joints[:, JOINT['pelvis']], joints[:, JOINT['chest']] = pelvis, chest
    joints[:, JOINT['spine']] = (pelvis + chest) / 2
    feet = joints[:, [JOINT['left_ankle'], JOINT['right_ankle']]].mean(axis=1)
    along = np.nanmedian(chest - feet, axis=0) if np.isfinite(chest - feet).any() else np.zeros(3)
    axis = np.eye(3)['xyz'.index(up)]
    length = float(np.linalg.norm(along))
    if length > 0 and abs(along @ axis) < 0.5 * length:
        strongest = int(np.argmax(np.abs(along)))
        if abs(along[strongest]) > 0.85 * length:
            axis = np.eye(3)[strongest] * np.sign(along[strongest])
    turned: np.ndarray = (joints * metres) @ rotation_to_z_up(axis).T
    return turned.astype(np.float32)


_READERS: dict[str, Callable[[Path], Motion]] = {
    '.bvh': read_bvh_joints,
    '.amc': read_amc_joints,
    '.c3d': read_c3d_joints,
}
