"""ASSIST-IoT (Danilenka et al., Zenodo 2023): 18 videos of daily activities, falls and lying still.

``adl_01_walking_slowly.mp4``, ``fall_05_vertical_fall_faint.mp4`` and so on, 3 to 16 s, cut from
the published mosaics of two cameras: RGB, 30 fps, not calibrated. Skeletons are what `pose_node`
would see in each frame; they are kept in the cache, since MediaPipe takes two minutes for all.

Traps: a padded block hides the legs in most videos, and in some the person comes into view late or
leaves. Without legs a skeleton does not tell when one sits down: `SHOWN` has times by eye, to about
0.1 s; walking to a chair has no label. Subjects are two people told apart by their T-shirts.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mujo_core.builder.pictures import read_pictures
from mujo_core.cache import cache_dir, write_atomically
from mujo_core.datasets._archive import read_arrays
from mujo_core.datasets._joints import files_under
from mujo_core.datasets.dataset import DataSet
from mujo_core.pose_estimator import (
    LAYOUT,
    DepthFilter,
    PoseEstimator,
    focal_from_field_of_view,
    place_in_camera,
)
from mujo_core.recording import Recording, Segment, Stream

log = logging.getLogger(__name__)

FIELD_OF_VIEW = 1.15  # rad, horizontal, as everywhere for a camera without calibration
_FORM = f'1 {LAYOUT} {FIELD_OF_VIEW}'  # of what is kept: another one is another file

SHOWN = {
    'adl_01_walking_slowly': ('grey', '0 walk'),
    'adl_02_walking_quickly': ('grey', '0.5 walk'),
    'adl_03_jogging_slowly': ('white', '1.1 jog'),
    'adl_04_jogging_quickly': ('white', '1.1 jog'),
    'adl_07_sitting_high_chair': ('grey', '3.4 stand_to_sit 5.0 sit 11.1 sit_to_stand 12.5'),
    'adl_08_low_chair_sitting_slowly': ('white', '2.4 stand_to_sit 4.2 sit 9.4 sit_to_stand 10.7'),
    'adl_09_low_chair_sitting_quickly': ('white', '3.0 stand_to_sit 4.1 sit 6.5 sit_to_stand 7.5'),
    'adl_10_collapsing_onto_chair': ('white', '0 sit 1.5 collapse_onto_chair 3.2 sit'),
    'adl_13_bending_at_knees': ('grey', '0.5 squat 4.0'),
    'adl_14_bending_wo_knees': ('grey', '2.2 waist_bend 9.1'),
    'adl_15_stumbling': ('grey', '1.2 stumble 3.4'),
    'adl_16_jumping_reaching': ('white', '1.9 jump 3.6'),
    'adl_17_crawling': ('grey', '0 crawl'),
    'adl_18_multiple_jumps': ('white', '0 jump'),
    'fall_05_vertical_fall_faint': ('white', '2.0 fall 4.0 lie'),
    'fall_07_fall_to_knees_forward': ('grey', '0.9 fall 2.9 lie'),
    'imm_01_imm_back': ('grey', '0 lie'),
    'imm_02_imm_stomach': ('grey', '0 lie'),
}
"""By file: whose T-shirt; labels, each between its first and last second (or the video's end).

A fall is 1.2 s before the trunk hits the mat to 0.8 s after; the knees do so 0.3 to 0.6 s sooner.
"""


def _watch(path: Path) -> Stream:
    """Return the skeleton that `pose_node` would see in a video."""
    samples: list[tuple[float, np.ndarray]] = []
    steady = DepthFilter()
    with PoseEstimator() as estimator:
        for picture in read_pictures(path, 0.0, math.inf, math.inf):
            joints = np.full((33, 3), np.nan, np.float32)
            pose = estimator.estimate(np.ascontiguousarray(picture.bgr[..., ::-1]))
            if pose is not None:
                height, width = picture.bgr.shape[:2]
                focal = focal_from_field_of_view(width, FIELD_OF_VIEW)
                placed = place_in_camera(pose, focal, (width / 2, height / 2))
                joints = steady(picture.stamp, placed)
            samples.append((picture.stamp, joints))
    if len(samples) < 2:
        raise OSError(f'{path.name}: expected two frames or more, got {len(samples)}')
    stamps, poses = zip(*samples, strict=True)
    return Stream(np.array(stamps), np.stack(poses), layout=LAYOUT)


def _kept(path: Path) -> Stream:
    """Return a video's skeleton out of the cache, where it is put the first time."""
    digest = hashlib.sha256(_FORM.encode() + path.read_bytes()).hexdigest()
    file = cache_dir() / 'assist_iot' / f'{digest[:32]}.npz'
    if file.is_file():
        try:
            arrays = read_arrays(file)
            return Stream(arrays['stamps'], arrays['joints'], layout=LAYOUT)
        except (ValueError, KeyError) as error:
            log.warning('%s: %s; made anew', file, error)
    stream = _watch(path)
    packed = io.BytesIO()
    np.savez_compressed(packed, stamps=stream.stamps, joints=stream.values)
    write_atomically(file, packed.getvalue())
    return stream


def _segments(shown: str, last: float) -> list[Segment]:
    words = shown.split()
    cuts = [min(float(word), last) for word in words[::2]]
    spans = zip(words[1::2], cuts, [*cuts[1:], last], strict=False)
    return [Segment(label, start, end) for label, start, end in spans if start < end]


def load_assist_iot(root: str | Path) -> Iterator[Recording]:
    """Yield a recording a video, with its skeleton in the camera's optical frame.

    Args:
        root: the folder with the ``*.mp4`` files, or the one above it. A file that is damaged or
            not of the set is named in the log and left out.

    Raises:
        FileNotFoundError: no video under `root`.
        ImportError: MediaPipe is not installed and a video's skeleton is not in the cache.
    """
    example = 'adl_01_walking_slowly.mp4'
    for path in files_under(root, '*_*.mp4', example, 'assist_iot'):
        if path.stem not in SHOWN:
            log.warning('%s: expected a name of the set such as %s; left out', path, example)
            continue
        try:
            pose = _kept(path)
        except OSError as error:
            log.warning('%s; get the file again; left out', error)
            continue
        except ImportError as error:
            raise ImportError(
                f"expected MediaPipe, got: {error.__cause__ or error}; do pip install '.[pose]'"
            ) from error
        subject, shown = SHOWN[path.stem]
        segments = _segments(shown, float(pose.stamps[-1]))
        yield Recording(path.stem, 'assist_iot', subject, {'pose': pose}, segments)


DATASET = DataSet(
    name='assist_iot',
    load=load_assist_iot,
    title='daily activities, falls and lying still, 2 people: skeleton from RGB video',
    citation='Danilenka et al., ASSIST-IoT Multimodal Fall Detection Dataset, Zenodo 2023, '
    'doi:10.5281/zenodo.8340378; CC BY 4.0',
    labels=tuple(dict.fromkeys(w for _, shown in SHOWN.values() for w in shown.split()[1::2])),
    products=True,
)
