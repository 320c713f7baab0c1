"""The work on a clip of a video: a pure function of the clip, its file and the settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from mujo_core.builder.clip import Clip, ClipResult, LeftOut, Sample
from mujo_core.builder.motion import track_motion
from mujo_core.builder.people import PeopleEstimator
from mujo_core.builder.pictures import Picture, read_pictures
from mujo_core.builder.sample import make_sample
from mujo_core.builder.settings import BuildSettings
from mujo_core.builder.shots import split_shots
from mujo_core.builder.tracks import Track, Tracker
from mujo_core.builder.views import Views

_WORTH_NAMING = 0.5  # s; what is shorter is left out without a line


@dataclass(frozen=True)
class Shot:
    """A stretch without a cut, and who is in it.

    Attributes:
        stamps: (N,) s of its pictures; width, height: of them, pixels.
    """

    number: int
    stamps: np.ndarray
    width: int
    height: int
    tracks: list[Track]
    views: Views


def build_video_clip(clip: Clip, settings: BuildSettings) -> ClipResult:
    """Return the people of a clip, each in each shot a sample.

    Raises:
        ImportError: OpenCV or MediaPipe is not installed.
        OSError: the file cannot be read.
        ValueError: it holds no picture in the clip's stretch.
    """
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    pictures = read_pictures(Path(clip.path), clip.start, clip.end, settings.pose.rate)
    shots = 0
    for number, group in groupby(split_shots(pictures), key=lambda pair: pair[0]):
        shots += 1
        shot = _watch(number, (picture for _, picture in group), settings)
        tracks = shot.tracks
        if settings.pose.keep == 'main' and tracks:
            tracks = [max(tracks, key=lambda track: track.size)]
        kept = len(samples)
        for track in tracks:
            made = _sample(clip, shot, track, len(samples) + 1, settings)
            if isinstance(made, Sample):
                samples.append(made)
            elif made.end - made.start >= _WORTH_NAMING:
                left_out.append(made)
        length = float(shot.stamps[-1] - shot.stamps[0])
        if not tracks and kept == len(samples) and length >= _WORTH_NAMING:
            left_out.append(_left_out(clip, shot.stamps, 'nobody seen'))
    if shots and not samples and not left_out:
        # Each clip leaves something behind: a sample or a reason.
        seen = f'nobody is followed for {_WORTH_NAMING:g} s'
        left_out.append(LeftOut(clip.name, clip.start, clip.end, seen))
    if not shots:
        raise ValueError(
            f'{Path(clip.path).name}: expected pictures from {clip.start:g} to {clip.end:g} s, '
            'there are none'
        )
    return ClipResult(samples, left_out)


def _watch(number: int, pictures: Iterable[Picture], settings: BuildSettings) -> Shot:
    tracker, views, stamps = Tracker(), Views(settings.frames), []
    height = width = 0
    with PeopleEstimator(settings.pose.people) as estimator:
        for place, picture in enumerate(pictures):
            rgb = np.ascontiguousarray(picture.bgr[..., ::-1])
            height, width = rgb.shape[:2]
            stamps.append(picture.stamp)
            poses = estimator.estimate(picture.stamp, rgb)
            views.add(picture.stamp, rgb, tracker.add(place, picture.stamp, poses))
    return Shot(number, np.array(stamps), width, height, tracker.tracks, views)


def _sample(
    clip: Clip, shot: Shot, track: Track, number: int, settings: BuildSettings
) -> Sample | LeftOut:
    stamps = np.array(track.stamps)
    length = float(stamps[-1] - stamps[0])
    if length < settings.cut.shortest:
        reason = f'a person is seen for {length:.1f} s, expected {settings.cut.shortest:g} or more'
        return _left_out(clip, stamps, reason)
    motion = track_motion(track, shot.stamps, shot.width, shot.height, settings.pose)
    if motion is None:
        return _left_out(clip, stamps, 'the body could not be placed before the camera')
    if reason := motion.quality.shortfall(settings.quality):
        return _left_out(clip, stamps, reason)
    picture, strip = shot.views.strip(track.person)
    key = f'{clip.split}-{clip.name}-{number:02d}'
    further = {
        'shot': shot.number,
        'up': motion.up,
        'camera_pitch': round(motion.pitch, 4),
        'strip': [round(stamp - float(motion.stamps[0]), 3) for stamp in strip],
    }
    return make_sample(
        clip, key, number, motion.stamps, motion.joints, motion.quality, further,
        settings.imu, shot.views.frames(track.person), picture,
    )  # fmt: skip


def _left_out(clip: Clip, stamps: np.ndarray, reason: str) -> LeftOut:
    return LeftOut(clip.name, round(float(stamps[0]), 3), round(float(stamps[-1]), 3), reason)
