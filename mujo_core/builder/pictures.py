"""The pictures of a stretch of a video, one after the other, with their stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_SEEK = 2.0  # s before the start from which pictures are read and passed over


@dataclass(frozen=True)
class Picture:
    """A picture of a video: seconds from the file's start, (H, W, 3) uint8 bgr."""

    stamp: float
    bgr: np.ndarray


def open_capture(path: Path) -> Any:
    """Return OpenCV's reader of a file.

    Raises:
        ImportError: OpenCV is not installed.
        OSError: it is no video that can be read.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError("reading a video needs OpenCV: pip install 'mujo_ros[build]'") from error
    cv2.setNumThreads(1)
    # One core a worker: a decoder takes as many threads as there are cores where it is not told.
    capture = cv2.VideoCapture(str(path), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        # A reader that knows no such setting.
        capture = cv2.VideoCapture(str(path))
    if not capture.isOpened() or capture.get(cv2.CAP_PROP_FPS) <= 0:
        capture.release()
        raise OSError(f'{path.name}: expected a video, it cannot be read')
    return capture


def video_seconds(path: Path) -> float:
    """Return how long a video is by its header."""
    import cv2

    capture = open_capture(path)
    try:
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    finally:
        capture.release()
    if count < 2:
        raise OSError(f'{path.name}: expected a video of two pictures or more, it cannot be read')
    return float(count / rate)


def read_pictures(path: Path, start: float, end: float, rate: float) -> Iterator[Picture]:
    """Yield the pictures of a stretch, thinned to about `rate` a second.

    Stamps are the file's own, so that a video of varying rate keeps its time.

    Raises:
        ImportError, OSError: see `open_capture`.
    """
    import cv2

    capture = open_capture(path)
    try:
        nominal = capture.get(cv2.CAP_PROP_FPS)
        if start > _SEEK:
            # Where a file cannot be sought, it is read from its start.
            capture.set(cv2.CAP_PROP_POS_MSEC, 1000.0 * (start - _SEEK))
        due, before = -np.inf, -np.inf
        while capture.grab():
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if stamp <= before:
                stamp = before + 1.0 / nominal
            before = stamp
            if stamp >= end - 1e-6:
                break
            if stamp < start - 1e-6 or stamp < due - 0.25 / nominal:
                continue
            due = max(due + 1.0 / rate, stamp + 0.5 / rate)
            found, image = capture.retrieve()
            if found:
                yield Picture(round(stamp, 4), image)
    finally:
        capture.release()
