"""Which skeleton belongs to an image: by nearest stamp, or through message_filters."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from mujo_ros.convert import stamp_to_seconds

KEPT = 32  # skeletons
SLOP = 0.02  # s between the stamps of an image and its skeleton that message_filters joins
NEAR = 0.2  # s at most between an image and the skeleton that shows where the person is
AWAITED = 0.5  # s after the newest skeleton for which another one is waited for


@dataclass(frozen=True)
class Skeleton:
    """Joints (J, 3) in m in the frame of `header`, NaN where unseen, of a sensor's `layout`."""

    header: Header
    stamp: float
    xyz: NDArray[np.float32]
    layout: str


class Pairing:
    """Keeps the last skeletons and finds that of an image by nearest stamp."""

    def __init__(self) -> None:
        self._skeletons: deque[Skeleton] = deque(maxlen=KEPT)

    def restart(self) -> None:
        """Forget all (time has jumped)."""
        self._skeletons.clear()

    def add_skeleton(self, skeleton: Skeleton) -> None:
        """Take in the next skeleton."""
        self._skeletons.append(skeleton)

    def add_image(self, header: Header) -> None:
        """Take in the header of the next image that will be asked for."""

    def nearest(self, stamp: float, within: float = NEAR) -> Skeleton | None:
        """The skeleton nearest to a stamp in s, None where none is `within` s of it."""
        # A copy, since overlay and video ask from threads of their own.
        kept = list(self._skeletons)
        found = min(kept, key=lambda one: abs(one.stamp - stamp), default=None)
        return found if found is not None and abs(found.stamp - stamp) <= within else None

    def match(self, stamp: float) -> Skeleton | None:
        """The skeleton of the image at `stamp` s, None while a nearer one may still come."""
        newest = self._skeletons[-1] if self._skeletons else None
        return self.nearest(stamp) if newest is not None and newest.stamp >= stamp else None

    def is_awaited(self, stamp: float) -> bool:
        """Whether skeletons come at all, so that the one of an image at `stamp` s may."""
        return any(stamp - one.stamp < AWAITED for one in list(self._skeletons)[-1:])


@dataclass(frozen=True)
class _Stamped:
    """What message_filters needs of a message; an image itself would stay in its queues."""

    header: Header
    skeleton: Skeleton | None = None


class FilteredPairing(Pairing):
    """Joins images and skeletons of (nearly) the same stamp by message_filters."""

    def __init__(self) -> None:
        super().__init__()
        self._connect()

    def restart(self) -> None:
        """Forget all (time has jumped)."""
        super().restart()
        self._connect()

    def _connect(self) -> None:
        from message_filters import ApproximateTimeSynchronizer, SimpleFilter

        self._matched: deque[tuple[float, Skeleton]] = deque(maxlen=KEPT)
        self._images, self._bodies = SimpleFilter(), SimpleFilter()
        self._synchronizer = ApproximateTimeSynchronizer([self._images, self._bodies], KEPT, SLOP)
        self._synchronizer.registerCallback(self._join)

    def _join(self, image: _Stamped, body: _Stamped) -> None:
        assert body.skeleton is not None
        self._matched.append((stamp_to_seconds(image.header.stamp), body.skeleton))

    def add_skeleton(self, skeleton: Skeleton) -> None:
        """Take in the next skeleton."""
        super().add_skeleton(skeleton)
        self._bodies.signalMessage(_Stamped(skeleton.header, skeleton))

    def add_image(self, header: Header) -> None:
        """Take in the header of the next image that will be asked for."""
        self._images.signalMessage(_Stamped(header))

    def match(self, stamp: float) -> Skeleton | None:
        """The skeleton that was joined to the image at `stamp` s, None so far."""
        found = next((body for at, body in self._matched if at == stamp), None)
        return found or super().match(stamp)


def new_pairing() -> Any:
    """Pair through message_filters where it is installed, else by nearest stamp."""
    return FilteredPairing() if find_spec('message_filters') else Pairing()
