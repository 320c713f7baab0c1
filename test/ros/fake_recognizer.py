"""A recognizer with the real timeline and no model: says 'walk' when enough is covered."""

import time
from dataclasses import dataclass, field

import numpy as np

from mujo_core.labels import Label
from mujo_core.recognition.open_labels import read_labels
from mujo_core.skeleton import canonical_joints
from mujo_core.thinning import Thinning
from mujo_core.timeline import Timeline
from mujo_core.video.settings import VideoSettings


@dataclass
class FakeActivity:
    """Same fields as the real one."""

    stamp: float
    newest: float
    window: tuple
    coverage: dict
    modalities: list
    label: str = 'walk'
    confidence: float = 0.9
    scores: list = field(default_factory=lambda: [('walk', 0.9), ('jog', 0.06)])
    unknown: float = 0.04
    event: str = 'continue'
    person: str = ''

    def to_dict(self, age, latency):
        return {
            'version': 1,
            'stamp': self.stamp,
            'label': self.label,
            'confidence': self.confidence,
            'scores': [list(pair) for pair in self.scores],
            'unknown': self.unknown,
            'modalities': self.modalities,
            'coverage': self.coverage,
            'window': list(self.window),
            'age': age,
            'latency': latency,
            'event': self.event,
            'person': self.person,
        }


@dataclass(frozen=True)
class FakeSettings:
    window_seconds: float = 3.0
    labels: tuple = ('walk', 'jog')
    modalities: tuple = ('pose', 'imu')
    video: VideoSettings = field(default_factory=VideoSettings)
    video_rate: float = 5.0


class FakeRecognizer:
    """Args: arguments of the factory; `busy`: s that each inference takes."""

    settings = FakeSettings()

    def __init__(self, *arguments, busy=0.0):
        self.arguments = arguments
        self.busy = busy
        self.timeline = Timeline()
        self.thinning = Thinning(self.timeline.spec)
        self.warmed_up = False
        self.resets = 0
        self.stored = {}
        self.error = None
        self.decision = None

    def check_labels(self, entries):
        read_labels(entries, {name: Label(name, name) for name in self.settings.labels})

    @property
    def refused(self):
        return self.timeline.refused

    @property
    def jumps(self):
        return self.timeline.jumps

    def store(self, name, stamp, value, now):
        accepted = bool(self.timeline.insert(name, stamp, value, now))
        if accepted:
            self.stored.setdefault(name, []).append(stamp)
        return accepted

    def add_pose(self, stamp, xyz, layout, up=None, now=None):
        return self.store('pose', stamp, canonical_joints(xyz, layout, up), now)

    def add_imu(self, placement, stamp, sample, now=None):
        name = f'imu/{placement}'
        if not self.thinning.needs(name, stamp) and np.isfinite(sample).all():
            return True
        return self.store(name, stamp, sample, now)

    def add_imus(self, placement, stamps, samples, now=None):
        name = f'imu/{placement}'
        if not self.timeline.follow(name, stamps, now):
            return False
        for stamp, sample in zip(stamps, samples, strict=True):
            assert self.add_imu(placement, stamp, sample, now)
        return True

    def add_image(self, stamp, image, now=None, box=None, focal=None):
        return False

    def warm_up(self):
        self.warmed_up = True

    def reset(self):
        self.resets += 1
        self.timeline.clear()
        self.thinning.reset()

    def recognize(self, now=None):
        if self.error:
            raise self.error
        time.sleep(self.busy)
        window = self.timeline.cut()
        if window is None or window.total < 0.3:
            return None
        return FakeActivity(
            stamp=window.end,
            newest=window.newest,
            window=(window.start, window.end),
            coverage=window.coverage,
            modalities=window.modalities(0.2),
        )
