"""A video file as the values of a stream: frames are decoded when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def _cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError("reading a video needs OpenCV: pip install 'mujo_ros[video]'") from error
    return cv2


class VideoFrames:
    """Frames of a video, (N, H, W, 3) uint8 rgb, read from the file piece by piece.

    A slice is as lazy; an index, or `numpy.asarray`, decodes.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, shape: tuple[int, int, int, int], frames: range) -> None:
        self.path = path
        self.shape = (len(frames), *shape[1:])
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, key: int | slice) -> VideoFrames | np.ndarray:
        if isinstance(key, slice):
            return VideoFrames(self.path, self.shape, self._frames[key])
        return self._decode(self._frames[key : key + 1 or None])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._decode(self._frames), dtype=dtype)

    def _decode(self, frames: range) -> np.ndarray:
        cv2 = _cv2()
        wanted = set(frames)
        images: dict[int, np.ndarray] = {}
        capture = cv2.VideoCapture(str(self.path))
        try:
            capture.set(cv2.CAP_PROP_POS_FRAMES, min(frames, default=0))
            for number in range(min(frames, default=0), max(frames, default=-1) + 1):
                found, image = capture.read()
                if not found:
                    raise OSError(f'{self.path}: frame {number + 1} cannot be decoded')
                if number in wanted:
                    images[number] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()
        if not images:
            return np.empty(self.shape, np.uint8)
        return np.stack([images[number] for number in frames])


def open_video(path: Path) -> tuple[np.ndarray, VideoFrames]:
    """Return the stamps (N,) s from the file's start, at its nominal rate, and its frames.

    Raises:
        ImportError: OpenCV is not installed.
        OSError: the file is not a video that can be read.
    """
    cv2 = _cv2()
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        size = (
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        )
    finally:
        capture.release()
    if rate <= 0 or count < 2 or not all(size):
        raise OSError(f'{path}: expected a video of two frames or more, it cannot be read')
    return np.arange(count) / rate, VideoFrames(path, (count, *size, 3), range(count))
