"""A bag played through the recognizer as fast as it goes: the answers that a node would give.

Samples come in the order in which they were recorded, ticks lie on whole multiples of the period
on the recorder's clock (as a node's do that is up before `/clock` starts), and windows come out of
the same timeline. Only the model sees many windows at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from mujo_core.bags.reader import BagSamples
from mujo_core.evaluation.bag import Bag
from mujo_core.layouts import LAYOUTS
from mujo_core.recognition.activity import Activity
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.recording import modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.thinning import Thinning
from mujo_core.timeline import SILENT_AFTER
from mujo_core.upright import UpDirection
from mujo_core.window import Window

BATCH = 16
"""Windows that the model sees at once; more are slower, since what they need leaves the cache."""


def play(
    bag: Bag,
    recognizer: Recognizer,
    rate: float = 10.0,
    up: str = 'auto',
    camera_pitch: float = 0.0,
) -> Iterator[Activity]:
    """Yield what is recognized, tick by tick.

    Args:
        recognizer: a fresh one.
        rate: ticks a second on the recorder's clock.
        up, camera_pitch: see `UpDirection`.
    """
    thinning = Thinning(recognizer.checkpoint.window)
    feeds = []
    for name, samples in bag.streams.items():
        values = _values(name, samples, bag.layout, up, camera_pitch)
        needed = np.array(thinning.needed(name, samples.stamps.tolist()))
        feeds.append(_Feed(name, samples.arrivals[needed], samples.stamps[needed], values[needed]))
    first = min(float(feed.arrivals[0]) for feed in feeds)
    last = max(float(feed.arrivals[-1]) for feed in feeds) + SILENT_AFTER
    windows: list[Window] = []
    for tick in range(int(np.ceil(first * rate)), int(last * rate) + 1):
        now, jumps = tick / rate, recognizer.jumps
        for feed in feeds:
            feed.advance(recognizer, now)
        if windows and (len(windows) == BATCH or recognizer.jumps != jumps):
            yield from recognizer.answers(windows)
            windows = []
        if max(feed.accepted_at for feed in feeds) >= now - SILENT_AFTER:
            window = recognizer.next_window()
            windows += [window] if window is not None else []
    if windows:
        yield from recognizer.answers(windows)


class _Feed:
    """Gives one stream's samples to a recognizer as the clock goes on."""

    def __init__(
        self, name: str, arrivals: np.ndarray, stamps: np.ndarray, values: np.ndarray
    ) -> None:
        self.arrivals = arrivals
        self.accepted_at = -np.inf
        self._stamps = stamps
        self._name = name
        self._values = values
        self._given = 0

    def advance(self, recognizer: Recognizer, now: float) -> None:
        """Store what has arrived until `now`."""
        arrivals, first = self.arrivals, self._given
        self._given = last = int(np.searchsorted(arrivals, now, side='right'))
        if last == first:
            return
        stamps, values = self._stamps[first:last], self._values[first:last]
        if recognizer.timeline.insert(self._name, stamps, values, now):
            self.accepted_at = float(arrivals[last - 1])


def _values(
    name: str, samples: BagSamples, layout: str, up: str, camera_pitch: float
) -> np.ndarray:
    """Return (N, 6) of an IMU, (N, H, W, C) frames of a camera as they are made, or (N, 16, 3)
    canonical joints with z up as a node finds up."""
    if modality_of(name) == 'imu':
        return np.stack(samples.values).astype(np.float32)
    if name == 'video':
        return np.stack(samples.values)
    joints = len(LAYOUTS[layout].joints)
    # A skeleton of another layout is refused by a node; here it is one with nobody in it.
    nobody = np.full((joints, 3), np.nan, dtype=np.float32)
    skeletons = [xyz if len(xyz) == joints else nobody for xyz in samples.values]
    find_up = UpDirection(up, camera_pitch, layout)
    ups = [find_up(frame, xyz) for frame, xyz in zip(samples.frames, skeletons, strict=True)]
    done = 0
    parts = []
    for direction, same in groupby(ups):
        count = len(list(same))
        parts.append(canonical_joints(np.stack(skeletons[done : done + count]), layout, direction))
        done += count
    return np.concatenate(parts)
