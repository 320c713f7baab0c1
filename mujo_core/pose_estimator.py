"""One image to the joints of one person: MediaPipe's pose model behind a small interface.

MediaPipe gives a body twice: in pixels, and in metres around the middle of its hips. Neither alone
says where the body stands; `place_in_camera` finds the place at which both agree.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYOUT = 'mediapipe33'
SEEN = 0.5
"""Visibility from which on a joint counts as seen."""

_FEWEST_JOINTS = 4
_ROUNDS = 6  # of reweighting
_INLIER = 0.02  # residual at which a joint starts to count less, as a share of the body's size
_NEAREST = 0.1  # m, no joint lies nearer to the camera than this


@dataclass(frozen=True)
class Pose:
    """One body in one image, joints in the order of layout `mediapipe33`.

    Attributes:
        world: (33, 3) float32, metres from the middle of the hips; x right, y down, z away from
            the camera.
        image: (33, 2) float32, pixels from the upper left corner, x right, y down; joints that
            the model assumes outside of the image lie outside.
        visibility: (33,) float32 in 0..1.
    """

    world: NDArray[np.float32]
    image: NDArray[np.float32]
    visibility: NDArray[np.float32]


class PoseEstimator:
    """MediaPipe's single-person pose model over the frames of one video.

    It follows a person from frame to frame, so that one estimator serves one camera. Not
    thread-safe.

    Args:
        model_complexity: 0 (lite), 1 (full, the one inside MediaPipe's package) or 2 (heavy);
            MediaPipe downloads the others on first use.
        min_confidence: below it, 0..1, a body is not reported.

    Raises:
        ImportError: MediaPipe, or the part of it that holds the pose model, is not installed.
        ValueError: a setting outside of its range.
    """

    def __init__(self, model_complexity: int = 1, min_confidence: float = 0.5) -> None:
        if model_complexity not in (0, 1, 2):
            raise ValueError(f'expected model_complexity 0, 1 or 2, got {model_complexity}')
        if not 0.0 <= min_confidence <= 1.0:
            raise ValueError(f'expected min_confidence in 0..1, got {min_confidence}')
        os.environ.setdefault('GLOG_minloglevel', '2')
        warnings.filterwarnings('ignore', 'SymbolDatabase.GetPrototype', UserWarning)
        try:
            from mediapipe.python.solutions.pose import Pose as Model
        except ImportError as error:
            raise ImportError(
                'expected MediaPipe 0.10.14 to 0.10.21, which holds the pose model, got '
                f'{error}: pip install "mujo_ros[pose]"'
            ) from error
        self._model = Model(
            model_complexity=model_complexity,
            min_detection_confidence=min_confidence,
            min_tracking_confidence=min_confidence,
        )

    def estimate(self, rgb: NDArray[np.uint8]) -> Pose | None:
        """The person in an image (H, W, 3) uint8 RGB, or None with nobody in view."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise ValueError(
                f'expected an RGB image (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}: convert it'
            )
        found = self._model.process(np.ascontiguousarray(rgb))
        if found.pose_landmarks is None or found.pose_world_landmarks is None:
            return None
        flat, world = found.pose_landmarks.landmark, found.pose_world_landmarks.landmark
        return pose_of_landmarks(flat, world, rgb.shape)

    def close(self) -> None:
        """Free the model; the estimator is of no use afterwards."""
        self._model.close()

    def __enter__(self) -> PoseEstimator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def pose_of_landmarks(flat: Iterable[Any], world: Iterable[Any], shape: tuple[int, ...]) -> Pose:
    """Return MediaPipe's landmarks of one body as a pose.

    Args:
        flat: in shares of the picture; world: in metres; shape: of the picture (H, W, 3).
    """
    seen = np.array([(p.x, p.y, p.visibility) for p in flat])
    return Pose(
        world=np.array([(p.x, p.y, p.z) for p in world], dtype=np.float32),
        image=(seen[:, :2] * (shape[1], shape[0])).astype(np.float32),
        visibility=seen[:, 2].astype(np.float32),
    )


def focal_from_field_of_view(width: int, horizontal_fov: float) -> float:
    """Focal length in pixels of a camera `width` pixels wide that sees `horizontal_fov` rad."""
    if not 0.0 < horizontal_fov < math.pi:
        raise ValueError(f'expected a field of view in 0..pi rad, got {horizontal_fov}')
    return width / 2 / math.tan(horizontal_fov / 2)


def locate_in_camera(
    pose: Pose, focal_px: float, center_px: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Find how a body is turned and where it stands in front of the camera.

    The model sees a body as if the camera pointed at it, so its axes are turned to the line of
    sight first. Then comes the translation that makes the projected world landmarks meet the image
    landmarks: in the translation each projection equation is linear; joints count by their
    visibility, and less the further they stay off (iteratively reweighted least squares, Huber's
    weights). Line of sight and translation are found in turns.

    Args:
        pose: the body.
        focal_px: focal length of the camera in pixels.
        center_px: its principal point (x, y) in pixels.

    Returns:
        Rotation (3, 3) and translation (3,) in m that take the pose's world landmarks to the
        camera's optical frame (REP-103: x right, y down, z forward); None where the body cannot
        be placed (fewer than 4 joints seen, or an answer that lies behind the camera).
    """
    seen = pose.visibility >= SEEN
    if seen.sum() < _FEWEST_JOINTS:
        return None
    world = pose.world.astype(float)
    rays = (pose.image[seen].astype(float) - center_px) / focal_px
    visibility = pose.visibility[seen].astype(float)
    size = float(np.std(world[seen], axis=0).max())

    # (X + tx) / (Z + tz) = ray_x  is  tx - ray_x tz = ray_x Z - X, and the same for y.
    left = np.zeros((len(rays), 2, 3))
    left[:, 0, 0] = left[:, 1, 1] = 1.0
    left[:, :, 2] = -rays
    sight = np.append(np.average(rays, axis=0, weights=visibility), 1.0)
    weight = visibility
    for _ in range(_ROUNDS):
        turn = _facing(sight)
        body = world[seen] @ turn.T
        right = rays * body[:, 2:] - body[:, :2]
        root = np.sqrt(weight)[:, None]
        translation, *_ = np.linalg.lstsq(
            (left * root[..., None]).reshape(-1, 3), (right * root).ravel(), rcond=None
        )
        if not translation[2] > _NEAREST:
            return None
        residual = np.linalg.norm(left @ translation - right, axis=1)
        weight = visibility * np.minimum(1.0, _INLIER * size / np.maximum(residual, 1e-12))
        sight = translation
    depth = body[:, 2] + translation[2]
    if not np.isfinite(depth).all() or depth.min() < _NEAREST:
        return None
    return turn, translation


def place_in_camera(
    pose: Pose, focal_px: float, center_px: tuple[float, float]
) -> NDArray[np.float32]:
    """Put a body where it stands in front of the camera (see `locate_in_camera`).

    Returns:
        (33, 3) float32 metres in the camera's optical frame (REP-103: x right, y down, z forward).
        Unseen joints are NaN; all are where the body cannot be placed.
    """
    found = locate_in_camera(pose, focal_px, center_px)
    if found is None:
        return np.full(pose.world.shape, np.nan, dtype=np.float32)
    turn, translation = found
    placed = pose.world.astype(float) @ turn.T + translation
    placed[pose.visibility < SEEN] = np.nan
    return placed.astype(np.float32)


def _facing(sight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation (3, 3) from the axes of a camera that points along `sight` and holds its x axis
    level to the axes of the camera in which `sight` is given."""
    forward = sight / np.linalg.norm(sight)
    right = np.array([forward[2], 0.0, -forward[0]])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=1)


class DepthFilter:
    """Steadies how far away a body is, frame by frame, without moving it in the image.

    A body's distance comes from its size in pixels and trembles much more than its direction. A
    one-euro filter (Casiez et al. 2012) on the distance takes that away; it follows fast motion
    sooner than slow. Starts anew after a gap of half a second.
    """

    _SLOWEST = 0.5  # Hz, cutoff at rest
    _GAIN = 0.7  # Hz per m/s
    _SPEED_CUTOFF = 1.0  # Hz
    _GAP = 0.5  # s

    def __init__(self) -> None:
        self._stamp = -math.inf
        self._depth = 0.0
        self._speed = 0.0

    def __call__(self, stamp: float, joints: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shift (33, 3) joints of `place_in_camera`, seen at `stamp` (s), along the line of sight.

        Depth is that of the middle of the hips, or of the seen joints where no hip is seen.
        """
        middle = joints[[23, 24]].astype(float).mean(axis=0)
        if not np.isfinite(middle).all():
            seen = np.isfinite(joints).all(axis=1)
            if not seen.any():
                return joints
            middle = joints[seen].astype(float).mean(axis=0)
        step = stamp - self._stamp
        if not 0.0 < step <= self._GAP:
            self._depth, self._speed = middle[2], 0.0
        else:
            speed = (middle[2] - self._depth) / step
            self._speed += self._share(self._SPEED_CUTOFF, step) * (speed - self._speed)
            cutoff = self._SLOWEST + self._GAIN * abs(self._speed)
            self._depth += self._share(cutoff, step) * (middle[2] - self._depth)
        self._stamp = stamp
        shift = middle * (self._depth / middle[2] - 1.0)
        return (joints + shift).astype(np.float32)

    @staticmethod
    def _share(cutoff: float, step: float) -> float:
        """Share of the new value in a first-order low pass."""
        return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff * step))
