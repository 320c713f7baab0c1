"""Writes H.264 video that any player opens."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray


class VideoWriter:
    """A .mp4 file to which frames of one size are added.

    Args:
        path: of the file.
        rate: frames a second.
        preset: of x264; 'ultrafast' for writing beside other work.
    """

    def __init__(self, path: Path, rate: float, preset: str = 'veryfast') -> None:
        self._container = av.open(str(path), 'w')
        self._rate = Fraction(rate).limit_denominator(1001)
        self._preset = preset
        self._stream: av.VideoStream | None = None

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Add a frame (H, W, 3) uint8; an odd last row or column is left out."""
        height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
        if self._stream is None:
            stream = self._container.add_stream('libx264', rate=self._rate)
            stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
            stream.options = {'preset': self._preset, 'crf': '23'}
            self._stream = stream
        pixels = np.ascontiguousarray(rgb[:height, :width])
        frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
