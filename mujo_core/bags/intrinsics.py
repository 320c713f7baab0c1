"""A camera's focal length and principal point, from `sensor_msgs/CameraInfo` or assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mujo_core.bags.message_error import MessageError
from mujo_core.pose_estimator import focal_from_field_of_view


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera as calibrated for an image of `width` x `height` pixels; lens distortion is
    left out. Without a calibration (`focal` 0) a field of view is assumed."""

    width: int = 0
    height: int = 0
    focal: float = 0.0
    center: tuple[float, float] = (0.0, 0.0)

    @property
    def known(self) -> bool:
        """Whether there is a calibration."""
        return self.focal > 0.0

    @classmethod
    def from_message(cls, msg: Any) -> Intrinsics:
        """Of the image that the message is about, its region of interest being cut out.

        Raises `MessageError` 'not_calibrated' for one without size or focal length.
        """
        fx, _, cx, _, fy, cy = (float(value) for value in msg.k[:6])
        values = (fx, fy, cx, cy)
        if not (all(map(math.isfinite, values)) and min(fx, fy) > 0 and msg.width and msg.height):
            raise MessageError(
                'not_calibrated',
                f'expected a size and K with a focal length, got {msg.width} x {msg.height}, '
                f'fx={fx:g} fy={fy:g}: calibrate the camera; horizontal_fov is assumed until then',
            )
        roi = msg.roi
        cut = roi.width > 0 and roi.height > 0
        return cls(
            width=roi.width if cut else msg.width,
            height=roi.height if cut else msg.height,
            focal=(fx + fy) / 2,
            center=(cx - roi.x_offset, cy - roi.y_offset) if cut else (cx, cy),
        )

    def of_image(
        self, width: int, height: int, horizontal_fov: float
    ) -> tuple[float, tuple[float, float]]:
        """Focal length and principal point in px for an image of that size, scaled to it."""
        if not self.known:
            return focal_from_field_of_view(width, horizontal_fov), (width / 2, height / 2)
        across, down = width / self.width, height / self.height
        return self.focal * across, (self.center[0] * across, self.center[1] * down)
