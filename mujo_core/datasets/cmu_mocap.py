"""CMU motion capture (mocap.cs.cmu.edu): AMC/ASF and BVH clips to recordings of joints.

A folder holds the clips, one ``<subject>.asf`` skeleton a subject and ``labels.csv`` with the
columns ``file, subject, label, step, tpose_first_frame`` (step: every how manieth frame of the
captured 120 a second was kept). The data used in this project was obtained from mocap.cs.cmu.edu.
The database was created with funding from NSF EIA-0196217.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mujo_core.datasets._acclaim import AcclaimSkeleton, bone_ends, read_amc, read_asf
from mujo_core.datasets._bvh import Bvh, Joint, joint_positions, read_bvh
from mujo_core.datasets.dataset import DataSet
from mujo_core.labels import merge
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import CANONICAL_JOINTS, JOINT

CAPTURE_RATE = 120.0
"""Frames a second of the capture. Files hold no rate (AMC) or sometimes a wrong one (BVH)."""

INCH = 0.0254
_LENGTH_UNIT = 0.45  # inches to file units, as every skeleton of this database states
_DAZ_METRES = 0.01
_DAZ_BLEND = 7  # captured frames that move in from a rest pose
_DAZ_EARS = np.array([0.0, 5.5, 0.0])  # cm from the head joint, level with the eyes' lower rim

# The wrist bone turns with the forearm; the hand bends where it ends.
_AMC = {
    'head': 'head', 'shoulder': '{0}clavicle', 'elbow': '{0}humerus', 'wrist': '{0}wrist',
    'hip': '{0}hipjoint', 'knee': '{0}femur', 'ankle': '{0}tibia',
}  # fmt: skip
_BVH = (
    {'hip': '{0}UpLeg', 'knee': '{0}Leg', 'ankle': '{0}Foot', 'shoulder': '{0}Arm',
     'elbow': '{0}ForeArm', 'hand': '{0}Hand', 'wrist': '{0}FingerBase',
     'head': 'Head/end', 'thorax': 'Spine1'},
    {'hip': '{0}Hip', 'knee': '{0}Knee', 'ankle': '{0}Ankle', 'shoulder': '{0}Shoulder',
     'elbow': '{0}Elbow', 'hand': '{0}Wrist', 'wrist': '{1}hand',
     'head': 'Head/end', 'thorax': 'Chest2'},
    {'hip': '{0}femur', 'knee': '{0}tibia', 'ankle': '{0}foot', 'shoulder': '{0}humerus',
     'elbow': '{0}radius', 'hand': '{0}wrist', 'wrist': '{0}hand',
     'head': 'head/end', 'thorax': 'thorax'},
)  # fmt: skip
_DAZ = {
    'hip': '{0}Thigh', 'knee': '{0}Shin', 'ankle': '{0}Foot', 'shoulder': '{0}Shldr',
    'elbow': '{0}ForeArm', 'wrist': '{0}Hand', 'head': 'ears',
}  # fmt: skip
_LONG = {'left': ('Left', 'l'), 'right': ('Right', 'r')}
_SHORT = {'left': ('l', 'l'), 'right': ('r', 'r')}

_WORDS = {'basketball': 'basketball_dribble'}
"""Words of the index that mean something else in the taxonomy."""

_FASTEST = 20.0  # m/s; no limb here moves faster, a swapped marker does

_LOG = logging.getLogger(__name__)


def load_cmu_mocap(root: Path | str, labels: Iterable[str] | None = None) -> Iterator[Recording]:
    """Yield a recording a trial, with a `pose` stream of layout ``canonical16``.

    Joints are in metres, x forward and y left of the subject's rest pose, z up, at the rate of
    the kept frames; stamps start at 0. A trial that is there in two formats comes once, from AMC
    where that can be read. A file that is missing or damaged is named in one warning.

    Args:
        root: the folder.
        labels: only trials with one of these labels of the taxonomy; None for all, even those
            without one.

    Raises:
        OSError: there is no ``labels.csv`` in the folder.
        ValueError: ``labels.csv`` lacks a column.
    """
    root = Path(root)
    wanted = None if labels is None else set(labels)
    rows = _read_index(root / 'labels.csv')
    for row in rows:
        row['label'] = trial_label(row['label'])
    return _load(root, trials_of(r for r in rows if wanted is None or r['label'] in wanted))


def trial_label(word: str) -> str:
    """Return the taxonomy's label for a word of the index."""
    return merge(_WORDS.get(word, word))


def trials_of(rows: Iterable[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each trial by its name, the format to prefer first."""
    trials: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        trials.setdefault(Path(row['file']).stem, []).append(row)
    return {
        name: sorted(formats, key=lambda row: not row['file'].endswith('.amc'))
        for name, formats in trials.items()
    }


def read_first(root: Path, formats: Mapping[str, str]) -> tuple[np.ndarray, float]:
    """Return a trial by the first of its formats that can be read.

    Args:
        root: the folder.
        formats: file to its step and its added frames, such as ``'3 1'``.

    Returns:
        Joints (N, 16, 3) float32 metres, x forward, y left, z up, and frames a second.

    Raises:
        OSError, ValueError: none can be read; the line is that of the first.
    """
    errors: list[OSError | ValueError] = []
    for name, numbers in formats.items():
        step, drop = numbers.split()
        row = {'file': name, 'step': step, 'tpose_first_frame': drop}
        try:
            return _read_trial(root, row, {})
        except (OSError, ValueError) as error:
            errors.append(error)
    raise errors[0]


def _read_index(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(
            f'expected {path.name} in {path.parent}, there is none; give the folder that holds '
            'the motion capture and its labels.csv'
        )
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        needed = {'file', 'subject', 'label', 'step', 'tpose_first_frame'}
        missing = sorted(needed - set(reader.fieldnames or ()))
        if missing:
            raise ValueError(
                f'{path}: expected the columns {", ".join(sorted(needed))}; '
                f'{", ".join(missing)} is missing'
            )
        return list(reader)


def _load(root: Path, trials: dict[str, list[dict[str, str]]]) -> Iterator[Recording]:
    skeletons: dict[str, AcclaimSkeleton] = {}
    for name, rows in trials.items():
        for row in rows:
            try:
                joints, rate = _read_trial(root, row, skeletons)
            except (OSError, ValueError) as error:
                _LOG.warning('left out %s: %s', row['file'], error)
                continue
            stamps = np.arange(len(joints)) / rate
            label = row['label']
            yield Recording(
                name=name,
                dataset='cmu_mocap',
                subject=row['subject'] or name.partition('_')[0],
                streams={'pose': Stream(stamps, joints, 'canonical16', (0.0, 0.0, 1.0))},
                segments=[Segment(label, 0.0, float(stamps[-1]))] if label else [],
            )
            break


def _read_trial(
    root: Path, row: dict[str, str], skeletons: dict[str, AcclaimSkeleton]
) -> tuple[np.ndarray, float]:
    """Return joints (N, 16, 3) float32 and frames a second."""
    path = root / row['file']
    step, drop = int(row['step']), int(row['tpose_first_frame'])
    if path.suffix == '.amc':
        subject = path.stem.rpartition('_')[0]
        if subject not in skeletons:
            skeletons[subject] = read_asf(root / f'{subject}.asf')
        skeleton = skeletons[subject]
        ends = bone_ends(skeleton, read_amc(path, skeleton))
        joints = _gather(ends, _AMC, _SHORT, path) * (INCH / skeleton.length_unit)
    else:
        bvh = read_bvh(path)
        if 'lThigh' in bvh.joints:
            joints = _daz_joints(bvh, path)
            drop += -(-_DAZ_BLEND // step)
        else:
            joints = _converted_joints(bvh, path)
    if len(joints) <= drop + 1:
        raise ValueError(f'expected motion after {drop} frames of rest pose, {len(joints)} came')
    rate = CAPTURE_RATE / step
    # y is up and z forward in these files
    return _longest_steady(joints[drop:][..., [2, 0, 1]], rate, path).astype(np.float32), rate


def _longest_steady(joints: np.ndarray, rate: float, path: Path) -> np.ndarray:
    """Return the longest piece in which no joint jumps."""
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=2).max(axis=1) * rate
    jumps = np.flatnonzero(speed > _FASTEST)
    if not len(jumps):
        return joints
    edges = np.concatenate([[0], jumps + 1, [len(joints)]])
    longest = int(np.argmax(np.diff(edges)))
    first, last = edges[longest], edges[longest + 1]
    _LOG.warning(
        '%s: a joint jumps at %.0f m/s; kept frames %d to %d of %d, the longest piece without',
        path.name, speed.max(), first + 1, last, len(joints),
    )  # fmt: skip
    return joints[first:last]


def _daz_joints(bvh: Bvh, path: Path) -> np.ndarray:
    bvh.joints['ears'] = Joint('head', _DAZ_EARS, ())
    return _gather(joint_positions(bvh), _DAZ, _SHORT, path) * _DAZ_METRES


def _converted_joints(bvh: Bvh, path: Path) -> np.ndarray:
    """Joints of a BVH made from AMC, given back the bones that the conversion lost.

    It drops the length of a bone at which several others start: the thorax, as long as the bone
    below it in each of these skeletons, and the wrist, which is half of the radius.
    """
    for names in _BVH:
        for sides in (_LONG, _SHORT):
            if names['elbow'].format(*sides['left']) in bvh.joints:
                return _gather(_restored(bvh, names, sides), names, sides, path) * (
                    INCH / _LENGTH_UNIT
                )
    raise ValueError(
        f'{path.name}: expected joints named as in a conversion of this database, '
        f'{", ".join(list(bvh.joints)[:4])}... came; convert it to AMC'
    )


def _restored(
    bvh: Bvh, names: dict[str, str], sides: dict[str, tuple[str, str]]
) -> dict[str, np.ndarray]:
    joints = bvh.joints
    thorax = np.array([0.0, np.linalg.norm(joints[names['thorax']].offset), 0.0])
    children = [name for name, joint in joints.items() if joint.parent == names['thorax']]
    if all(not joints[child].offset.any() for child in children):
        for child in children:
            joints[child] = replace(joints[child], offset=thorax)
    for side in sides.values():
        hand, wrist = names['hand'].format(*side), names['wrist'].format(*side)
        if wrist in joints and hand in joints and not joints[wrist].offset.any():
            joints[wrist] = replace(joints[wrist], offset=joints[hand].offset / 2)
    return joint_positions(bvh)


def _gather(
    places: dict[str, np.ndarray],
    names: dict[str, str],
    sides: dict[str, tuple[str, str]],
    path: Path,
) -> np.ndarray:
    """Return the canonical joints (N, 16, 3) in the file's unit and axes."""
    joints = np.empty((len(next(iter(places.values()))), len(CANONICAL_JOINTS), 3))
    for joint, index in JOINT.items():
        side, _, part = joint.rpartition('_')
        if part not in names:
            continue
        name = names[part].format(*sides.get(side, ()))
        if name not in places:
            raise ValueError(f'{path.name}: expected a joint {name}, none came; get the file again')
        joints[:, index] = places[name]
    pelvis = (joints[:, JOINT['left_hip']] + joints[:, JOINT['right_hip']]) / 2
    chest = (joints[:, JOINT['left_shoulder']] + joints[:, JOINT['right_shoulder']]) / 2
    joints[:, JOINT['pelvis']], joints[:, JOINT['chest']] = pelvis, chest
    joints[:, JOINT['spine']] = (pelvis + chest) / 2
    return joints


DATASET = DataSet(
    name='cmu_mocap',
    load=load_cmu_mocap,
    title='motion capture of many people and activities',
    citation='mocap.cs.cmu.edu, created with funding from NSF EIA-0196217; free to use',
    products=True,
)
