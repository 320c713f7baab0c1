"""Checks the stamps of a camera's images before any of them is worked on."""

from __future__ import annotations

from std_msgs.msg import Header

from mujo_ros.convert import MessageError, header_seconds
from mujo_ros.health import REMEDIES

BACK, AHEAD = 2.0, 10.0  # s: further back is a jump of time, further ahead of the clock is refused


class ImageOrder:
    """Lets images through whose stamps increase, and those after a jump of time."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the newest stamp (time has jumped, or the stream starts)."""
        self._newest = 0.0

    def __call__(self, header: Header, now: float) -> float:
        """Stamp in s of the image that comes at `now` s of the node's clock.

        Raises `MessageError`: 'zero_stamp', 'ahead', 'late', 'duplicate', 'bad_stamp',
        'bad_frame_id'.
        """
        stamp = header_seconds(header)
        if stamp == 0.0:
            raise MessageError('zero_stamp', REMEDIES['zero_stamp'])
        if stamp > now + AHEAD:
            raise MessageError('ahead', REMEDIES['ahead'])
        if self._newest - BACK <= stamp < self._newest:
            raise MessageError('late', 'an image older than the newest: images must come in order')
        if stamp == self._newest:
            raise MessageError('duplicate', REMEDIES['duplicate'])
        self._newest = stamp
        return stamp
