"""Training windows from recordings, through the same door as live data.

A clip is not a stream: live windows hold an action's beginning, its end, the rest around it, or
only rest. So an action is placed at a random offset, cut, and padded with rest, as streams, and
the window is cut from those by the timeline's own resampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mujo_core.corruptions import RandomCorruption
from mujo_core.limits import check_least, check_shares
from mujo_core.pace import PACES
from mujo_core.posture import LIE, STAND, posture
from mujo_core.recording import Stream, modality_of
from mujo_core.training.augment import change_imu, change_pose
from mujo_core.training.clip import Clip
from mujo_core.training.lying import laid_down
from mujo_core.training.mirror import mirrored, mirrored_label
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.padding import pad_with_rest
from mujo_core.training.repeat import repeated
from mujo_core.training.video_augment import VideoAugmentation, change_frames
from mujo_core.video.prepare import Preparer
from mujo_core.window import Window, WindowSpec, make_window, resample

REST = 'rest'


@dataclass(frozen=True)
class SamplerSettings:
    """How windows are drawn.

    Attributes:
        as_stream: share of windows in which an action stands between stretches of rest; in the
            others the clip fills what it can, as in the literature.
        rest: share of windows that hold nothing but rest.
        lie: share of those in which the resting body is laid down flat (`laid_down`).
        whole: share of windows that an action fills from its beginning to its end, at whatever
            pace that takes: as recordings of one activity are judged (`WindowSpec.whole`).
        clear: share of windows in which the camera sees a body well: no stream stops, no frame is
            lost, nothing hidden, the pace steady and joints hardly shake, whatever is said below.
        repeat: share of windows in which a short action that ends as it began is done again and
            again without a pause.
        speed: slowest and fastest play of an action.
        warp: largest share by which the pace sways within an action.
        pose_speed: how much a skeleton may run faster or slower than the IMU beside it.
        device_turn: standard deviation of the turn of a device on the body, degrees.
        device_roll: the same about its x axis, along the limb, about which straps slip most.
        any_turn: share of devices worn in an arbitrary orientation.
        imu_bias: standard deviation of an accelerometer's bias, m/s^2; the gyroscope has its part.
        imu_noise: largest standard deviation of an accelerometer's noise, m/s^2; the same.
        vigour: spread of the strength of a motion (log of a factor).
        extra_device: share of windows with a virtual device beside the real one.
        virtual_only: share of windows in which virtual devices stand in for the real one.
        one_device: share of windows of several devices in which one of them is worn alone; in the
            others two are. 0 lets all of them be.
        virtual: share of windows of a skeleton alone with virtual devices beside it.
        pocket: share of windows in which a device at a thigh is said to be in the pocket there, and
            one in a pocket to be at the thigh, so that neither word tells a data set.
        mirror: share of windows of the same motion done the other way around, with the other arm;
            a label that has a side changes it.
        wrist: share of windows in which arms end in the wrist, as in layouts without hands.
        drop_stream: share of windows in which a stream dies or comes up in the middle.
        lose: largest share of pose frames that are lost.
        pose_noise: largest standard deviation of the joints' noise, metres.
        shake: share of windows with joints that jump.
        hide: share of windows with limbs hidden.
        tilt: standard deviation of the error of the up direction, degrees.
        video: how frames of a video are changed.
    """

    as_stream: float = 0.4
    rest: float = 0.06
    lie: float = 0.0
    whole: float = 0.0
    clear: float = 0.0
    repeat: float = 0.0
    speed: tuple[float, float] = (0.75, 1.3)
    warp: float = 0.1
    pose_speed: float = 0.1
    device_turn: float = 12.0
    device_roll: float = 30.0
    any_turn: float = 0.2
    imu_bias: float = 0.2
    imu_noise: float = 0.4
    vigour: float = 0.15
    extra_device: float = 0.25
    virtual_only: float = 0.1
    one_device: float = 0.0
    virtual: float = 1.0
    pocket: float = 0.0
    mirror: float = 0.0
    wrist: float = 0.3
    drop_stream: float = 0.1
    lose: float = 0.5
    pose_noise: float = 0.03
    shake: float = 0.1
    hide: float = 0.1
    tilt: float = 6.0
    video: VideoAugmentation = field(default_factory=VideoAugmentation)

    def __post_init__(self) -> None:
        check_shares(
            'sampler', self, 'as_stream', 'rest', 'lie', 'whole', 'clear',
            'repeat', 'warp', 'any_turn', 'extra_device', 'virtual_only', 'one_device', 'virtual',
            'pocket', 'mirror', 'wrist', 'drop_stream', 'lose', 'shake', 'hide',
        )  # fmt: skip
        check_least(
            'sampler', self, 0, 'pose_speed', 'device_turn', 'device_roll', 'imu_bias',
            'imu_noise', 'vigour', 'pose_noise', 'tilt',
        )  # fmt: skip
        if not 0.0 < self.speed[0] <= self.speed[1]:
            raise ValueError(
                'expected --sampler.speed as the slowest and the fastest, above 0; '
                f'{list(self.speed)} came'
            )

    def seen_clearly(self) -> SamplerSettings:
        """Return the settings of windows that are clear."""
        noise = min(self.pose_noise, 0.01)
        return replace(
            self, warp=0.0, pose_speed=0.0, drop_stream=0.0, lose=0.0, pose_noise=noise,
            shake=0.0, hide=0.0,
        )  # fmt: skip


_PAST = 0.2
"""Seconds of rest beyond a window, so that it is covered to its edges."""
_WORDS = {'thigh': 'pocket', 'pocket': 'thigh'}
_CUT = 0.06
"""Of a window that an action fills, by which it may be longer, shorter, earlier or later."""
_CYCLES = (1.2, 4.0)
"""Seconds that an action which is repeated takes once, as people train."""
_REPEAT_SPEEDS = (0.7, 1.8)
"""How much slower or faster than it was recorded that may be."""
_LONGEST = 1.2 * _REPEAT_SPEEDS[1]
"""Windows that repeated actions have to fill, at the fastest."""
_MOST = 0.75
"""Of an action, or of the window, that lies inside where its real surroundings do too."""
_ENDS = 6
"""Frames of a skeleton at either end by which its posture at rest is told."""
_AROUND = 0.75
"""Seconds beside a window from which stamps may be moved into it."""


def _other_word(name: str) -> str:
    """Return a stream's name with thigh for pocket, and pocket for thigh."""
    place, _, word = name.rpartition('_')
    return f'{place}_{_WORDS[word]}' if place.startswith('imu/') and word in _WORDS else name


def _warp(
    streams: dict[str, Stream], start: float, end: float, sway: float, rng: np.random.Generator
) -> dict[str, Stream]:
    """Let the pace of all streams sway by a share: a little slower here, a little faster there."""
    length = max(end - start, 1e-3)
    turns = 2 * np.pi * float(rng.integers(1, 3)) / length
    phase = rng.uniform(0.0, 2 * np.pi)
    return {
        name: replace(
            s, stamps=s.stamps + sway / turns * np.sin(turns * (s.stamps - start) + phase)
        )
        for name, s in streams.items()
    }


def _prepared(preparer: Preparer, clip: AnyClip) -> AnyClip:
    """Return a clip with frames for images, which are made once and kept; without them where the
    model sees none."""
    if 'video' not in clip.outline.streams:
        return clip
    if not preparer.settings.kind:
        return clip.changed(_without_video)
    clip = clip.load()
    streams = preparer.streams(clip.streams, f'{clip.label} of {clip.subject}')
    return replace(clip, streams=streams)


def _without_video(clip: Clip) -> Clip:
    return replace(clip, streams={n: s for n, s in clip.streams.items() if n != 'video'})


class WindowSampler:
    """Draws augmented windows and their labels from clips.

    Args:
        clips: what to draw from; their images are made to frames here.
        spec: window and grid.
        settings: how windows are drawn.
        corruption: what goes wrong with their streams, if anything.
    """

    def __init__(
        self,
        clips: Sequence[AnyClip],
        spec: WindowSpec,
        settings: SamplerSettings | None = None,
        corruption: RandomCorruption | None = None,
    ) -> None:
        preparer = Preparer(spec.video, spec.video_rate)
        self.clips = [_prepared(preparer, clip) for clip in clips]
        self.spec = spec
        self.settings = settings or SamplerSettings()
        self.corruption = corruption
        self._labels = {clip.label for clip in clips}

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Window, str]:
        """Return a window of clip `index` and its label."""
        streams, window_end, label = self._play(index, rng)
        return self._cut(self._corrupted(streams, window_end, rng), window_end, rng), label

    def draw_pair(self, index: int, rng: np.random.Generator) -> tuple[Window, str, Window | None]:
        """Return the window and label of `draw`, and the window as it was before it was corrupted.

        The latter is None where nothing went wrong.
        """
        streams, window_end, label = self._play(index, rng)
        corrupted = self._corrupted(streams, window_end, rng)
        window = self._cut(corrupted, window_end, rng)
        if corrupted is streams:
            return window, label, None
        return window, label, self._cut(streams, window_end, rng)

    def _play(self, index: int, rng: np.random.Generator) -> tuple[dict[str, Stream], float, str]:
        """Return the streams of a clip as they were sent, the end of the window, and its label."""
        clip, spec, how = self._turned(self.clips[index].load(), rng), self.spec, self.settings
        # Without a share nothing is drawn, so that the other draws of a seed stay as they are.
        if how.clear and rng.random() < how.clear:
            how = how.seen_clearly()
        start, end = clip.span
        speed = float(np.exp(rng.uniform(*np.log(how.speed))))
        length = (end - start) / speed
        chosen = self._choose_streams(clip, rng)
        # Without a share nothing is drawn, so that the other draws of a seed stay as they are.
        again = bool(how.repeat) and rng.random() < how.repeat
        if again and (more := repeated(chosen, start, end, _LONGEST * spec.seconds, rng)):
            chosen, once, start, end = more
            if once:
                speed = once / float(np.exp(rng.uniform(*np.log(_CYCLES))))
                speed = float(np.clip(speed, *_REPEAT_SPEEDS))
            length = (end - start) / speed
        streams = _warp(chosen, start, end, rng.uniform(0.0, how.warp), rng)
        label = clip.label
        padded = True
        resting = clip.rests and rng.random() < how.rest
        fills = how.whole > 0.0 and PACES[0] < (end - start) / spec.seconds < PACES[1]
        if resting:
            before = rng.random() < 0.5
            label = self._at_rest(clip, before)
            # Without a share nothing is drawn, so that the other draws of a seed stay as they are.
            if label == STAND and how.lie and LIE in self._labels and rng.random() < how.lie:
                label, streams = LIE, laid_down(streams, rng)
            window_end = -0.3 if before else length + spec.seconds + 0.3
        elif fills and rng.random() < how.whole:
            speed = (end - start) / spec.seconds * float(rng.uniform(1 - _CUT, 1 + _CUT))
            window_end = spec.seconds * float(rng.uniform(1 - _CUT, 1 + _CUT))
            padded = False
        elif clip.rests and rng.random() < how.as_stream:
            # At least half of the action, or of the window, lies inside.
            half = min(length, spec.seconds) / 2
            window_end = float(rng.uniform(half, length + spec.seconds - half))
        elif clip.active and rng.random() < how.as_stream:
            # Most of it, since what is around it may be no rest.
            most = _MOST * min(length, spec.seconds)
            window_end = float(rng.uniform(most, length + spec.seconds - most))
            padded = False
        else:
            slack = length - spec.seconds
            shift = float(rng.uniform(min(0.0, slack) - 0.1, max(0.0, slack) + 0.1))
            window_end = spec.seconds + shift if slack > 0 else length - shift - 0.1
            window_end = float(np.clip(window_end, 0.5, max(length, spec.seconds)))
            padded = False
        return self._sent(streams, start, speed, window_end, padded, how, rng), window_end, label

    def _at_rest(self, clip: Clip, before: bool) -> str:
        """Return what a person does before or after an action: stands or sits, where that is seen
        and is a label here, else `REST`."""
        pose = clip.streams.get('pose')
        if pose is None:
            return REST
        found = posture(pose.values[:_ENDS] if before else pose.values[-_ENDS:])
        return found if found in self._labels else REST

    def _turned(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """Return the clip, or its mirror image where that shows a label that is known here."""
        share = self.settings.mirror
        # Without a share nothing is drawn, so that the other draws of a seed stay as they are.
        if not share or rng.random() >= share or mirrored_label(clip.label) not in self._labels:
            return clip
        return mirrored(clip)

    def _choose_streams(self, clip: Clip, rng: np.random.Generator) -> dict[str, Stream]:
        streams = self._chosen(clip, rng)
        if self.settings.pocket and rng.random() < self.settings.pocket:
            return {_other_word(name): stream for name, stream in streams.items()}
        return streams

    def _chosen(self, clip: Clip, rng: np.random.Generator) -> dict[str, Stream]:
        how = self.settings
        streams = dict(clip.streams)
        devices = [name for name in streams if modality_of(name) == 'imu']
        # Without a share nothing is drawn, so that the other draws of a seed stay as they are.
        if how.one_device and len(devices) > 1:
            worn = 1 if rng.random() < how.one_device else 2
            kept = set(rng.permutation(len(devices))[:worn])
            gone = {name for place, name in enumerate(devices) if place not in kept}
            streams = {name: stream for name, stream in streams.items() if name not in gone}
        if not clip.virtual:
            return streams
        names = list(clip.virtual)
        has_real = any(modality_of(n) == 'imu' for n in streams)
        # Where all have some nothing is drawn, so that the other draws of a seed stay as they are.
        if not has_real and how.virtual < 1.0 and rng.random() >= how.virtual:
            return streams
        if not has_real or rng.random() < how.virtual_only:
            streams = {n: s for n, s in streams.items() if modality_of(n) != 'imu'}
            for name in rng.choice(
                names, size=min(len(names), 1 + (rng.random() < 0.3)), replace=False
            ):
                streams[str(name)] = clip.virtual[str(name)]
        elif rng.random() < how.extra_device:
            name = str(rng.choice(names))
            streams.setdefault(name, clip.virtual[name])
        return streams

    def _sent(
        self,
        streams: dict[str, Stream],
        start: float,
        speed: float,
        window_end: float,
        pad: bool,
        how: SamplerSettings,
        rng: np.random.Generator,
    ) -> dict[str, Stream]:
        """Play the streams at `speed` from time 0 to beyond `window_end`."""
        spec = self.spec
        sent = {}
        first, last = window_end - spec.seconds - _PAST, window_end + _PAST
        dying = str(rng.choice(list(streams))) if rng.random() < how.drop_stream else ''
        # Skeleton and images come from one camera.
        camera_pace = None
        for name, stream in streams.items():
            pace = speed
            modality = modality_of(name)
            if modality != 'imu':
                camera_pace = camera_pace or float(np.exp(rng.normal() * how.pose_speed))
                pace *= camera_pace
            stamps = (stream.stamps - start) / pace
            values = stream.values
            if modality == 'pose':
                stamps, values = change_pose(stamps, values, how, rng)
            elif modality == 'imu':
                values = change_imu(values, speed, how, rng)
            if pad:
                stamps, values = pad_with_rest(stamps, values, modality, first, last, rng)
            if name == dying and len(streams) > 1:
                at = window_end - rng.uniform(0.3, spec.seconds - 0.3)
                keep = stamps < at if rng.random() < 0.7 else stamps > at
                stamps, values = stamps[keep], values[keep]
            sent[name] = replace(stream, stamps=stamps, values=values)
        return sent

    def _corrupted(
        self, streams: dict[str, Stream], window_end: float, rng: np.random.Generator
    ) -> dict[str, Stream]:
        """Return the streams as they arrived; the very same where nothing went wrong."""
        if self.corruption is None:
            return streams
        first, last = window_end - self.spec.seconds - _AROUND, window_end + _AROUND
        around = {}
        for name, stream in streams.items():
            part = slice(*np.searchsorted(stream.stamps, (first, last)))
            if part.stop > part.start:
                stamps, values = stream.stamps[part], stream.values[part]
                around[name] = replace(stream, stamps=stamps, values=values)
        arrived = self.corruption(around, rng)
        same = arrived.keys() == around.keys() and all(arrived[n] is around[n] for n in around)
        return streams if same else arrived

    def _cut(
        self, streams: dict[str, Stream], window_end: float, rng: np.random.Generator
    ) -> Window:
        """Return the window of streams that ends at `window_end`."""
        pieces = {}
        for name, stream in streams.items():
            of = self.spec.stream(name)
            grid = self.spec.grid(window_end, of.rate)
            values, mask = resample(stream.stamps, stream.values, grid, of)
            if modality_of(name) == 'video':
                # After the grid, so that only frames that are seen are changed.
                values, mask = self._worsen_video(values, mask, rng)
            pieces[name] = values, mask
        return make_window(pieces, window_end, window_end, self.spec)

    def _worsen_video(
        self, frames: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        how = self.settings.video
        if rng.random() < 0.5:
            kept = mask & (rng.random(len(mask)) >= rng.uniform(0.0, how.lose))
            mask = kept if kept.any() else mask
        changed = np.zeros_like(frames)
        if mask.any():
            changed[mask] = change_frames(frames[mask], how, rng)
        return changed, mask
