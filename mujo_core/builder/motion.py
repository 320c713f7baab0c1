"""A track of poses to the path of a body: joints in metres on a floor, z up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mujo_core.builder.floor import find_up, stand_on_floor
from mujo_core.builder.quality import Quality, measure_quality
from mujo_core.builder.settings import PoseSettings
from mujo_core.builder.smoothing import bridge_gaps, smooth, without_spikes
from mujo_core.builder.tracks import Track, box_of
from mujo_core.pose_estimator import LAYOUT, SEEN, focal_from_field_of_view, locate_in_camera
from mujo_core.skeleton import canonical_joints

_AS_IT_IS = (0.0, 0.0, 1.0)
_SPIKE = 0.25  # m, by which no joint is off for a moment, nor a body within _BODY_SPAN pictures
_JOINT_SPAN, _BODY_SPAN = 5, 9
_DEPTH_SLOWEST, _DEPTH_GAIN = 0.5, 1.5  # Hz, Hz per unit of the logarithm of distance


@dataclass(frozen=True)
class Motion:
    """A body over time.

    Attributes:
        stamps: (T,) s in the file.
        joints: (T, 16, 3) float32 canonical joints, metres, z up, NaN where not seen.
        quality: figures of it; up: how up was found; pitch: of the camera, rad, down positive.
    """

    stamps: np.ndarray
    joints: np.ndarray
    quality: Quality
    up: str
    pitch: float


def track_motion(
    track: Track, stamps: np.ndarray, width: int, height: int, settings: PoseSettings
) -> Motion | None:
    """Return the motion of a track, or None where the body cannot be placed.

    Args:
        track: of one shot.
        stamps: (N,) s of all pictures of the shot, which `track.places` counts.
        width, height: of the pictures, pixels.
    """
    first, last = track.places[0], track.places[-1]
    stamps = stamps[first : last + 1]
    focal = focal_from_field_of_view(width, np.deg2rad(settings.field_of_view))
    centre = ((width - 1) / 2, (height - 1) / 2)
    body = np.full((len(stamps), 33, 3), np.nan)
    root = np.full((len(stamps), 1, 3), np.nan)
    for place, pose in zip(track.places, track.poses, strict=True):
        found = locate_in_camera(pose, focal, centre)
        if found is not None:
            turn, root[place - first, 0] = found
            body[place - first] = pose.world @ turn.T
            body[place - first, pose.visibility < SEEN] = np.nan
    relative = canonical_joints(body, LAYOUT, up=_AS_IT_IS, worn=True).astype(float)
    if np.isfinite(relative).all(axis=2).any(axis=1).sum() < 2:
        return None
    gap = settings.max_gap
    steady = bridge_gaps(stamps, without_spikes(relative, _JOINT_SPAN, _SPIKE), gap)
    smoothed = smooth(stamps, steady, settings.slowest, settings.gain, gap)
    path = bridge_gaps(stamps, without_spikes(root, _BODY_SPAN, _SPIKE), gap)
    joints = smoothed + _steady_path(stamps, path, settings)
    ground = find_up(stamps, joints)
    upright, _ = stand_on_floor(joints, ground.up)
    heights = np.array([box_of(pose)[3] - box_of(pose)[1] for pose in track.poses])
    return Motion(
        stamps=stamps,
        joints=upright.astype(np.float32),
        quality=measure_quality(relative, smoothed, heights),
        up=ground.found_by,
        pitch=float(np.arctan2(-ground.up[2], -ground.up[1])),
    )


def _steady_path(stamps: np.ndarray, root: np.ndarray, settings: PoseSettings) -> np.ndarray:
    """Smooth where a body stands: its direction as joints are, its distance much more.

    A body's distance comes from its size in pixels and trembles far more than its direction.
    """
    distance = root[..., 2:]
    direction = smooth(stamps, root / distance, settings.slowest, settings.gain, settings.max_gap)
    steady = smooth(stamps, np.log(distance), _DEPTH_SLOWEST, _DEPTH_GAIN, settings.max_gap)
    path: np.ndarray = direction * np.exp(steady)
    return path
