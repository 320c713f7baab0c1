"""Samples in: what a sensor sent, refused or stored in the timeline that windows are cut from."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mujo_core.inertial import check_placement
from mujo_core.layouts import get_layout
from mujo_core.skeleton import canonical_joints
from mujo_core.thinning import Thinning
from mujo_core.timeline import Timeline
from mujo_core.video.frames import FrameMaker
from mujo_core.video.rgb import Box
from mujo_core.video.settings import VideoSettings
from mujo_core.window import WindowSpec


class Samples:
    """A timeline behind doors that check and thin what comes.

    The `add_*` methods only store. Of a stream faster than four times its rate on the grid they
    store as many samples as are needed.

    Args:
        spec: window and grid.
        video: which images are wanted; None for none.
    """

    def __init__(self, spec: WindowSpec, video: VideoSettings | None) -> None:
        self.timeline = Timeline(spec)
        self._thinning = Thinning(spec)
        self._frames = FrameMaker(video) if video is not None else None
        self._least_step = 0.5 / spec.video_rate
        self._last_frame = -np.inf

    def forget_samples(self) -> None:
        """Forget all samples."""
        self.timeline.clear()
        self._thinning.reset()
        self._last_frame = -np.inf

    @property
    def refused(self) -> dict[str, Counter[str]]:
        """Stream to the count of refused samples by kind."""
        return self.timeline.refused

    @property
    def jumps(self) -> int:
        """How often time has jumped and everything was reset."""
        return self.timeline.jumps

    def add_pose(
        self,
        stamp: float,
        xyz: np.ndarray,
        layout: str,
        up: tuple[float, float, float] | None = None,
        now: float | None = None,
    ) -> bool:
        """Store a skeleton.

        Args:
            stamp: header time, seconds.
            xyz: (J, 3) metres in the sensor's frame, NaN where a joint is not seen; all NaN says
                that nobody is in view.
            layout: the sensor's joint list.
            up: direction of up in that frame; None for the layout's usual one.
            now: the clock, seconds.

        Returns:
            False for a sample that was refused (and counted).
        """
        with np.errstate(over='ignore'):
            xyz = np.asarray(xyz, dtype=np.float32)
        if xyz.shape != (len(get_layout(layout).joints), 3):
            self.timeline.refuse('pose', 'wrong_shape')
            return False
        if np.isinf(xyz).any():
            self.timeline.refuse('pose', 'not_finite')
            return False
        if not self._thinning.needs('pose', stamp):
            return True
        return bool(self.timeline.insert('pose', stamp, canonical_joints(xyz, layout, up), now))

    def add_imu(
        self, placement: str, stamp: float, sample: np.ndarray, now: float | None = None
    ) -> bool:
        """Store an IMU sample (6,): m/s^2 with gravity, rad/s, in the device's axes."""
        name = f'imu/{check_placement(placement)}'
        sample = np.asarray(sample)
        if not self._thinning.needs(name, stamp) and np.isfinite(sample).all():
            return True
        return bool(self.timeline.insert(name, stamp, sample, now))

    def add_imus(
        self, placement: str, stamps: np.ndarray, samples: np.ndarray, now: float | None = None
    ) -> bool:
        """Store IMU samples (N, 6), all finite, of stamps (N,): all or none.

        Returns:
            False, and nothing is stored or counted, where they do not simply go on from what is
            held; then each has to be given to `add_imu`.
        """
        name = f'imu/{check_placement(placement)}'
        if not self.timeline.follow(name, stamps, now):
            return False
        needed = self._thinning.needed(name, stamps.tolist())
        if any(needed):
            self.timeline.insert(name, stamps[needed], samples[needed], now)
        return True

    def add_image(
        self,
        stamp: float,
        image: np.ndarray,
        now: float | None = None,
        box: Box | None = None,
        focal: float | None = None,
    ) -> bool:
        """Make an image to the model's frame and store that, where the checkpoint sees video.

        An image that comes sooner than half a step of the video's grid after the one before is
        not needed, and costs nothing.

        Args:
            stamp: header time, seconds.
            image: depth (H, W) in mm (integers) or m (floats), or colours (H, W, 3) uint8 in the
                order red, green, blue; which of them, the checkpoint says.
            now: the clock, seconds.
            box: left, top, right, bottom of the person in pixels, where that is known.
            focal: of a depth camera, pixels; None for a Kinect's.

        Returns:
            False for an image that was refused (and counted), and without video in the checkpoint.
        """
        if self._frames is None:
            return False
        if 0.0 <= stamp - self._last_frame < self._least_step:
            return True
        try:
            frame = self._frames(image, focal, box)
        except ValueError:
            self.timeline.refuse('video', 'wrong_shape')
            return False
        if frame is None:  # nobody in view, which is no broken image
            return True
        stored = bool(self.timeline.insert('video', stamp, frame, now))
        if stored:
            self._last_frame = stamp
        return stored
