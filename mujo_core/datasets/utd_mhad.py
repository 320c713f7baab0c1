"""UTD-MHAD (Chen, Jafari and Kehtarnavaz, ICIP 2015): 27 actions, 8 subjects, up to 4 tries.

Files: ``Inertial/a<A>_s<S>_t<T>_inertial.mat`` (`d_iner`, T x 6, g and deg/s, 50 Hz),
``Skeleton/..._skeleton.mat`` (`d_skel`, 20 x 3 x T, metres, Kinect v1) and
``Depth/..._depth.mat`` (`d_depth`, 240 x 320 x T, mm). The IMU is on the right wrist for actions
1-21 and on the right thigh for 22-27. No file holds stamps: the IMU's nominal rate is taken for
true and skeleton and depth are stretched to its length.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import cast

import numpy as np

from mujo_core.datasets._mat import read_variables, variable_shapes
from mujo_core.datasets.dataset import DataSet
from mujo_core.inertial import si_sample
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.video.stored import StoredFrames

log = logging.getLogger(__name__)

LABELS = (
    'swipe_left', 'swipe_right', 'wave', 'clap', 'throw', 'cross_arms', 'basketball_shoot',
    'draw_x', 'draw_circle_clockwise', 'draw_circle_counter_clockwise', 'draw_triangle',
    'bowling', 'boxing', 'baseball_swing', 'tennis_swing', 'arm_curl', 'tennis_serve', 'push',
    'knock', 'catch', 'pick_up_and_throw', 'jog', 'walk', 'sit_to_stand', 'stand_to_sit',
    'lunge', 'squat',
)  # fmt: skip
"""Actions 1..27."""

SPLITS = {'train': ('1', '3', '5', '7'), 'test': ('2', '4', '6', '8')}
"""The published cross-subject protocol: odd subjects train, even subjects test."""

IMU_RATE = 50.0
SKELETON_RATE = 30.0
_LAST_WRIST_ACTION = 21
_NAME = re.compile(r'a(\d+)_s(\d+)_t(\d+)_(inertial|skeleton|depth)\.mat')
_KINDS = {
    'inertial': ('Inertial', 'd_iner'),
    'skeleton': ('Skeleton', 'd_skel'),
    'depth': ('Depth', 'd_depth'),
}


def _has_shape(kind: str, array: np.ndarray) -> bool:
    if kind == 'inertial':
        return array.ndim == 2 and array.shape[1] == 6 and len(array) > 1
    if kind == 'skeleton':
        return array.ndim == 3 and array.shape[:2] == (20, 3) and array.shape[2] > 1
    return array.ndim == 3 and array.shape[2] > 1


def _read(path: Path, kind: str) -> np.ndarray | None:
    """Return the array of a file, or None (named in the log) where it is damaged."""
    try:
        (array,) = read_variables(path, _KINDS[kind][1])
    except ValueError as error:
        log.warning('%s; left out', error)
        return None
    if not _has_shape(kind, array) or not np.isfinite(array).all():
        log.warning('%s: expected finite %s data, shape %s came; left out', path, kind, array.shape)
        return None
    return array


def _depth_frames(path: Path) -> np.ndarray:
    """Return (T, 240, 320) uint16 mm."""
    array = _read(path, 'depth')
    if array is None:
        raise ValueError(f'{path}: not readable as depth images')
    return array.transpose(2, 0, 1).astype(np.uint16)


def _stored_depth(path: Path) -> StoredFrames | None:
    """Return the images of a depth file, unread; None (named in the log) for a damaged header."""
    try:
        shapes = variable_shapes(path)
    except ValueError as error:
        log.warning('%s; left out', error)
        return None
    shape = shapes.get('d_depth', ())
    if len(shape) != 3 or shape[2] < 2:
        log.warning('%s: expected d_depth (240, 320, T), %s came; left out', path, shapes)
        return None
    return StoredFrames(path, (shape[2], shape[0], shape[1]), _depth_frames)


def _files(root: Path, kinds: Collection[str]) -> dict[tuple[int, int, int], dict[str, Path]]:
    found: dict[tuple[int, int, int], dict[str, Path]] = {}
    for kind in kinds:
        folder = root / _KINDS[kind][0]
        for path in sorted(folder.glob('*.mat')) if folder.is_dir() else sorted(root.glob('*.mat')):
            match = _NAME.fullmatch(path.name)
            if match and match[4] == kind:
                action, subject, trial = int(match[1]), int(match[2]), int(match[3])
                if 1 <= action <= len(LABELS):
                    found.setdefault((action, subject, trial), {})[kind] = path
                else:
                    log.warning('%s: actions are 1 to 27, %d came; left out', path, action)
    return found


def load_utd_mhad(
    root: str | Path,
    subjects: Collection[str] | None = None,
    depth: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Recording]:
    """Yield the recordings of a UTD-MHAD folder in order of action, subject and try.

    Args:
        root: the folder that holds `Inertial`, `Skeleton` and (with `depth`) `Depth`.
        subjects: keep these alone.
        depth: the depth videos too, where they are; each stays in its file until it is used.
        progress: called with (done, all) after each recording.

    Raises:
        FileNotFoundError: no UTD-MHAD file under `root`.
    """
    root = Path(root)
    kinds = ('inertial', 'skeleton', 'depth') if depth else ('inertial', 'skeleton')
    files = _files(root, kinds)
    if not files:
        raise FileNotFoundError(
            f'expected UTD-MHAD files such as Inertial/a1_s1_t1_inertial.mat under {root}, '
            'found none; give the folder that holds Inertial and Skeleton'
        )
    if subjects is not None:
        files = {key: paths for key, paths in files.items() if str(key[1]) in set(subjects)}
    for done, (key, paths) in enumerate(sorted(files.items()), start=1):
        recording = _load(key, paths)
        if recording is not None:
            yield recording
        if progress:
            progress(done, len(files))


def _load(key: tuple[int, int, int], paths: dict[str, Path]) -> Recording | None:
    action, subject, trial = key
    arrays = {
        kind: array
        for kind, path in paths.items()
        if kind != 'depth' and (array := _read(path, kind)) is not None
    }
    frames = _stored_depth(paths['depth']) if 'depth' in paths else None
    streams = {}
    if 'inertial' in arrays:
        samples = si_sample(arrays['inertial'][:, :3], arrays['inertial'][:, 3:])
        seconds = (len(samples) - 1) / IMU_RATE
        placement = 'right_wrist' if action <= _LAST_WRIST_ACTION else 'right_thigh'
        streams[f'imu/{placement}'] = Stream(np.arange(len(samples)) / IMU_RATE, samples)
    elif 'skeleton' in arrays:
        seconds = (arrays['skeleton'].shape[2] - 1) / SKELETON_RATE
    elif frames is not None:
        seconds = (len(frames) - 1) / SKELETON_RATE
    else:
        return None
    if 'skeleton' in arrays:
        xyz = arrays['skeleton'].transpose(2, 0, 1).astype(np.float32)
        stamps = np.linspace(0.0, seconds, len(xyz))
        streams['pose'] = Stream(stamps, xyz, layout='kinect20')
    if frames is not None:
        stamps = np.linspace(0.0, seconds, len(frames))
        streams['video'] = Stream(stamps, cast(np.ndarray, frames))
    label = LABELS[action - 1]
    return Recording(
        name=f'a{action}_s{subject}_t{trial}',
        dataset='utd_mhad',
        subject=str(subject),
        streams=streams,
        segments=[Segment(label, 0.0, seconds)],
    )


DATASET = DataSet(
    name='utd_mhad',
    load=load_utd_mhad,
    title='27 actions, 8 people: one IMU, Kinect skeleton',
    citation='Chen, Jafari and Kehtarnavaz, ICIP 2015; free for research',
    labels=LABELS,
    splits=SPLITS,
    rests=True,
)
