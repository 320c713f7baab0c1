"""A camera's images to a model's frames, one at a time: the same offline and live."""

from __future__ import annotations

import numpy as np

from mujo_core.video import depth, rgb
from mujo_core.video.backbone import SIDE, BackboneError, open_backbone
from mujo_core.video.rgb import Box
from mujo_core.video.settings import VideoSettings

VERSION = 1
"""Counts up with every change of what frames look like, so that kept ones are made anew."""


class FrameMaker:
    """Makes frames as a model's settings say.

    Args:
        settings: of the model.

    Raises:
        BackboneError, ImportError: a backbone that cannot be opened (see `open_backbone`).
    """

    def __init__(self, settings: VideoSettings) -> None:
        if not settings.kind:
            raise ValueError('expected settings of a model with video, one without came')
        self.settings = settings
        self._backbone = open_backbone(settings.backbone) if settings.kind == 'frozen' else None

    def __call__(
        self, image: np.ndarray, focal: float | None = None, box: Box | None = None
    ) -> np.ndarray | None:
        """Return the frame of an image, or None where nobody is in view.

        Args:
            image: depth (H, W) in mm (integers) or m (floats), or (H, W, 3) uint8 colours, as the
                settings' source says.
            focal: of a depth camera, pixels; None for a Kinect's.
            box: where the person is, if that is known: left, top, right, bottom, pixels.

        Returns:
            An array of the settings' shape: uint8 for a small image, float32 for features.

        Raises:
            ValueError: an image of another kind.
        """
        side = self.settings.side if self._backbone is None else SIDE
        if self.settings.source == 'depth':
            points = depth.person_points(image, focal, box)
            if not len(points):
                return None
            centre = depth.body_centre(points)
            if self._backbone is None:
                return depth.draw_points(points, centre, side)
            # Seen closer than the sensor resolves, a body would fall into dots.
            small = depth.draw_points(points, centre, side // 4)
            crop = np.kron(small, np.ones((4, 4, 3), dtype=np.uint8))
        else:
            crop = rgb.square_crop(image, side, box)
        if self._backbone is None:
            return crop
        features = self._backbone(crop[None])[0].astype(np.float32)
        if features.shape != self.settings.shape:
            raise BackboneError(
                f'backbone {self.settings.backbone} gives {len(features)} features, the settings '
                f'say {self.settings.features}; set model.video.features to {len(features)}'
            )
        return features
