"""What is kept of the pictures: frames for a model, and a strip for people to look at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from mujo_core.builder.settings import FrameSettings
from mujo_core.builder.tracks import Track, box_of
from mujo_core.video.frames import FrameMaker
from mujo_core.video.rgb import body_box, square_crop
from mujo_core.video.settings import VideoSettings

_STRIP_SIDE = 128  # pixels
_STRIP_STEP = 1.0  # s between the pictures that a strip is chosen from
_JPEG_QUALITY = 80


@dataclass
class _View:
    """What is kept of one person."""

    stamps: list[float] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    strip: list[tuple[float, np.ndarray]] = field(default_factory=list)


class Views:
    """Keeps some pictures of each person of a shot.

    Args:
        settings: which, and how many a second.

    Raises:
        BackboneError, ImportError: see `mujo_core.video.backbone.open_backbone`.
    """

    def __init__(self, settings: FrameSettings) -> None:
        self._settings = settings
        self._views: dict[int, _View] = defaultdict(_View)
        self._maker = None
        if settings.kind:
            self._maker = FrameMaker(
                VideoSettings(
                    kind=settings.kind, source='rgb', side=settings.side,
                    backbone=settings.backbone, features=settings.features,
                )
            )  # fmt: skip

    def add(self, stamp: float, rgb: np.ndarray, tracks: list[Track]) -> None:
        """Take a picture (H, W, 3) uint8 and the tracks whose last pose is in it."""
        height, width = rgb.shape[:2]
        for track in tracks:
            view = self._views[track.person]
            box = body_box(box_of(track.poses[-1]), width, height)
            if box is None:
                continue
            step = 1.0 / self._settings.rate
            if self._maker and (not view.stamps or stamp - view.stamps[-1] > 0.9 * step):
                frame = self._maker(rgb, box=box)
                if frame is not None:
                    view.stamps.append(stamp)
                    dtype = np.float16 if self._settings.kind == 'frozen' else np.uint8
                    view.frames.append(frame.astype(dtype))
            if self._settings.strip and (
                not view.strip or stamp - view.strip[-1][0] > 0.9 * _STRIP_STEP
            ):
                view.strip.append((stamp, square_crop(rgb, _STRIP_SIDE, box)))

    def frames(self, person: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return stamps (N,) s and frames (N, ...) of a person, or None where there are none."""
        view = self._views[person]
        return (np.array(view.stamps), np.stack(view.frames)) if view.frames else None

    def strip(self, person: int) -> tuple[bytes, list[float]]:
        """Return some pictures of a person side by side as JPEG, and their stamps in s."""
        taken = self._views[person].strip
        count = min(self._settings.strip, len(taken))
        if not count:
            return b'', []
        chosen = [taken[i] for i in np.linspace(0, len(taken) - 1, count).round().astype(int)]
        import cv2

        row = np.concatenate([picture for _, picture in chosen], axis=1)
        _, coded = cv2.imencode('.jpg', row[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return coded.tobytes(), [stamp for stamp, _ in chosen]
