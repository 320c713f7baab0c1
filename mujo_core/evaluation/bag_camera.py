"""What a bag's camera gives, offline as the nodes make it live: a skeleton, the model's frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mujo_core.bags.camera import Shot, choose_camera, read_images, read_intrinsics
from mujo_core.bags.images import depth_of, rgb_of
from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.bags.message_error import MessageError
from mujo_core.bags.reader import BagSamples, open_bag, topics_of
from mujo_core.evaluation.bag import Bag
from mujo_core.pose_estimator import (
    LAYOUT,
    SEEN,
    DepthFilter,
    PoseEstimator,
    place_in_camera,
)
from mujo_core.video.frames import FrameMaker
from mujo_core.video.rgb import Box, skeleton_box
from mujo_core.video.settings import VideoSettings

FIELD_OF_VIEW = 1.15
"""rad: horizontal, of a camera without calibration; as the nodes assume."""
NEAR = 0.2
"""Seconds at most between an image and the skeleton that shows where the person is."""
JOINTS = 33


def add_skeleton(
    bag: Bag,
    camera: str = '',
    field_of_view: float = FIELD_OF_VIEW,
    estimator_factory: Callable[[], Any] = PoseEstimator,
) -> Bag:
    """Return a bag without a skeleton with the one that `pose_node` would see in its images.

    Args:
        bag: without the stream ``'pose'``.
        camera: see `choose_camera`.
        field_of_view: horizontal, of a camera without calibration, rad.
        estimator_factory: makes what estimates.

    Raises:
        ImportError: MediaPipe is not installed.
        ValueError: no such topic, or no image of it can be used.
    """
    samples: list[tuple[Shot, np.ndarray]] = []
    refused, why, steady = 0, '', DepthFilter()
    with open_bag(bag.path) as reader, estimator_factory() as estimator:
        topics = topics_of(reader)
        topic = choose_camera(topics, camera)
        intrinsics = read_intrinsics(reader, topics, topic)
        for shot in read_images(reader, topic):
            try:
                rgb = rgb_of(shot.message)
            except MessageError as error:
                refused, why = refused + 1, str(error)
                continue
            pose = estimator.estimate(rgb)
            joints = np.full((JOINTS, 3), np.nan, np.float32)
            if pose is not None:
                height, width = rgb.shape[:2]
                placed = place_in_camera(pose, *intrinsics.of_image(width, height, field_of_view))
                joints = steady(shot.stamp, placed)
                joints[~(pose.visibility >= SEEN)] = np.nan
            samples.append((shot._replace(message=None), joints))
    if not samples:
        raise ValueError(f'{bag.path}: expected images on {topic}, none can be used. {why}'.strip())
    streams = {**bag.streams, 'pose': _stream(topic, samples, refused)}
    return replace(bag, streams=streams, layout=LAYOUT)


def add_frames(
    bag: Bag,
    settings: VideoSettings,
    rate: float,
    camera: str = '',
    field_of_view: float = FIELD_OF_VIEW,
) -> Bag:
    """Return a bag with the frames that a model of video sees; as it is where it has no camera.

    Args:
        bag: with its skeleton, by which the person is cropped.
        settings: of the model.
        rate: of frames on the model's grid, Hz; up to twice as many are made, as live.
        camera, field_of_view: see `add_skeleton`.
    """
    maker, samples, refused, last = FrameMaker(settings), [], 0, -np.inf
    with open_bag(bag.path) as reader:
        topics = topics_of(reader)
        topic = choose_camera(topics, camera, settings.source)
        if not topic:
            return bag
        intrinsics = read_intrinsics(reader, topics, topic)
        for shot in read_images(reader, topic):
            if 0.0 <= shot.stamp - last < 0.5 / rate:
                continue
            try:
                image = (depth_of if settings.source == 'depth' else rgb_of)(shot.message)
            except MessageError:
                refused += 1
                continue
            last = shot.stamp
            size = (image.shape[1], image.shape[0])
            box = _box(bag, shot, intrinsics, size, field_of_view)
            focal = intrinsics.of_image(*size, field_of_view)[0] if intrinsics.known else None
            frame = maker(image, focal, box)
            if frame is not None:
                samples.append((shot._replace(message=None), frame))
    if not samples:
        return replace(bag, unused=(*bag.unused, topic))
    return replace(bag, streams={**bag.streams, 'video': _stream(topic, samples, refused)})


def _box(
    bag: Bag, shot: Shot, intrinsics: Intrinsics, size: tuple[int, int], field_of_view: float
) -> Box | None:
    """Where the skeleton nearest to an image is in it, None where there is none in its frame."""
    pose = bag.streams.get('pose')
    if pose is None:
        return None
    nearest = int(np.abs(pose.stamps - shot.stamp).argmin())
    if abs(pose.stamps[nearest] - shot.stamp) > NEAR or pose.frames[nearest] != shot.frame:
        return None
    focal, centre = intrinsics.of_image(*size, field_of_view)
    return skeleton_box(pose.values[nearest], focal, *size, centre=centre)


def _stream(topic: str, samples: list[tuple[Shot, np.ndarray]], refused: int) -> BagSamples:
    return BagSamples(
        topic,
        np.array([shot.arrival for shot, _ in samples]),
        np.array([shot.stamp for shot, _ in samples]),
        [values for _, values in samples],
        [shot.frame for shot, _ in samples],
        refused,
    )
