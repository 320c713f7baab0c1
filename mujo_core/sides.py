"""Tells when left and right of the skeleton are swapped, as in a sensor's mirror mode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mujo_core.recording import Stream
from mujo_core.skeleton import get_layout, handedness
from mujo_core.upright import Direction

FRAMES_A_LOOK = 20
"""With `LOOKS_THAT_AGREE` 1.3 s of a Kinect, which every clip of UTD-MHAD lasts."""
LOOKS_THAT_AGREE = 2
SWAPPED = -0.3
"""Below it the handedness of a body is a finding."""


class SidesWatch:
    """Looks at the body's handedness now and then: as samples come, live and offline alike.

    Args:
        layout: the sensor's layout; nothing is looked at in one of two dimensions.
    """

    def __init__(self, layout: str) -> None:
        self._layout = get_layout(layout)
        self.restart()

    def restart(self) -> None:
        """Forget the frames (time has jumped, or another direction is up)."""
        self._frames: list[NDArray[np.float32]] = []
        self._findings = 0
        self._up: Direction | None = None

    def __call__(self, xyz: NDArray[np.float32], up: Direction | None) -> bool:
        """Take in a skeleton (J, 3) in m; True when the last looks agree that it is mirrored."""
        if self._layout.dimensions == 2 or not np.isfinite(xyz).any():
            return False
        if up != self._up:
            self.restart()
            self._up = up
        self._frames.append(xyz)
        if len(self._frames) < FRAMES_A_LOOK:
            return False
        found = handedness(np.stack(self._frames), self._layout, up) < SWAPPED
        self._frames.clear()
        self._findings = self._findings + 1 if found else 0
        return self._findings >= LOOKS_THAT_AGREE


def is_mirrored(stream: Stream) -> bool:
    """Say whether a pose stream's left and right are swapped, as a node would have found."""
    if not stream.layout:
        return False
    layout = get_layout(stream.layout)
    watch = SidesWatch(layout.name)
    up = layout.up if stream.up is None else stream.up
    return any(watch(xyz, up) for xyz in stream.values)
