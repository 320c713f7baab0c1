"""What a build is: one tree of settings, all with defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mujo_core.virtual_imu import noise_named, read_likeness

VERSION = 2
"""Counts up with every change of what a clip holds, so that kept results are made anew."""


@dataclass(frozen=True)
class CutSettings:
    """How sources are cut into clips.

    Attributes:
        longest, shortest: seconds of a clip.
        validation: share of the videos whose clips are kept for validation.
    """

    longest: float = 115.0
    shortest: float = 1.0
    validation: float = 0.15


@dataclass(frozen=True)
class PoseSettings:
    """How people are followed.

    Attributes:
        people: the most that are looked for in a picture, 1 or more; a further one costs time.
        keep: ``'all'`` for a clip a person, ``'main'`` for the person who is seen most.
        rate: pictures a second that are looked at; those of a faster video are thinned.
        field_of_view: horizontal, degrees, assumed of every camera.
        max_gap: seconds a joint may be unseen and is still bridged.
        slowest: Hz, cutoff of the smoothing at rest; gain: Hz more for each m/s of speed.
    """

    people: int = 2
    keep: str = 'all'
    rate: float = 30.0
    field_of_view: float = 60.0
    max_gap: float = 0.25
    slowest: float = 2.5
    gain: float = 4.0


@dataclass(frozen=True)
class ImuSettings:
    """What becomes of virtual IMUs once they are computed.

    Attributes:
        noise: errors of a real sensor that are added, a name in `mujo_core.virtual_imu.NOISES`, or
            ``''`` for none: training adds fresh ones at every draw.
        like: a file of `mujo data --likeness`, by which their distribution is moved onto that of
            real devices, or ``''``.
    """

    noise: str = ''
    like: str = ''


@dataclass(frozen=True)
class QualitySettings:
    """What a clip must reach to be kept.

    Attributes:
        visible: least share of joints seen.
        jitter: largest noise of a joint, metres.
        bone_spread: largest spread of a bone's length, as a share of it.
        height: least height of the person in the picture, pixels.
    """

    visible: float = 0.5
    jitter: float = 0.05
    bone_spread: float = 0.25
    height: float = 60.0


@dataclass(frozen=True)
class FrameSettings:
    """Which frames of the person are kept beside the pose.

    Attributes:
        kind: ``'motion'`` (small pictures), ``'frozen'`` (a backbone's features) or ``''``.
        side, backbone, features: as in `mujo_core.video.settings.VideoSettings`.
        rate: frames a second.
        strip: pictures for the report, 0 for none.
    """

    kind: str = 'motion'
    side: int = 48
    backbone: str = 'efficientnet_lite0'
    features: int = 1280
    rate: float = 5.0
    strip: int = 4


@dataclass(frozen=True)
class TextSettings:
    """Where descriptions come from.

    Attributes:
        endpoint: base URL of an OpenAI-compatible service, such as ``http://localhost:8000/v1``;
            nothing for the packaged templates, which need no network.
        model: the model's name there.
        key: name of the environment variable that holds the service's key.
        timeout: seconds.
    """

    endpoint: str = ''
    model: str = ''
    key: str = 'MUJO_DESCRIBE_KEY'
    timeout: float = 60.0


@dataclass(frozen=True)
class ShardSettings:
    """How large shards become: clips and bytes, whichever is reached first."""

    clips: int = 500
    megabytes: int = 256


@dataclass(frozen=True)
class BuildSettings:
    """A build."""

    cut: CutSettings = field(default_factory=CutSettings)
    pose: PoseSettings = field(default_factory=PoseSettings)
    imu: ImuSettings = field(default_factory=ImuSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    frames: FrameSettings = field(default_factory=FrameSettings)
    text: TextSettings = field(default_factory=TextSettings)
    shard: ShardSettings = field(default_factory=ShardSettings)

    def __post_init__(self) -> None:
        if self.pose.people < 1 or self.pose.keep not in ('all', 'main'):
            raise ValueError(
                "expected pose.people from 1 on and pose.keep 'all' or 'main', "
                f'{self.pose.people} and {self.pose.keep!r} came'
            )
        if not 0 < self.cut.shortest < self.cut.longest <= 120.0:
            raise ValueError(
                'expected 0 < cut.shortest < cut.longest <= 120 s, '
                f'{self.cut.shortest:g} and {self.cut.longest:g} came'
            )
        if not 0.0 <= self.cut.validation < 1.0:
            raise ValueError(f'expected cut.validation in 0..1, {self.cut.validation:g} came')
        if not 0 < self.pose.rate <= 240 or not 0 < self.frames.rate <= self.pose.rate:
            raise ValueError(
                'expected 0 < frames.rate <= pose.rate <= 240 Hz, '
                f'{self.frames.rate:g} and {self.pose.rate:g} came'
            )
        if self.frames.kind not in ('', 'motion', 'frozen'):
            raise ValueError(
                f"expected frames.kind 'motion', 'frozen' or '', {self.frames.kind!r} came"
            )
        if not 10.0 <= self.pose.field_of_view <= 170.0:
            raise ValueError(
                f'expected pose.field_of_view in 10..170 degrees, {self.pose.field_of_view:g} came'
            )
        noise_named(self.imu.noise)
        if self.shard.clips < 1 or self.shard.megabytes < 1:
            raise ValueError('expected shards of one clip and one megabyte or more')

    def work(self) -> dict[str, Any]:
        """Return what a clip's result depends on.

        Raises:
            OSError, ValueError: the file `imu.like` cannot be read.
        """
        tree = asdict(self)
        if self.imu.like:
            # What is in the file counts, not where it lies.
            read_likeness(self.imu.like)
            content = Path(self.imu.like).read_bytes()
            tree['imu']['like'] = hashlib.sha256(content).hexdigest()
        return {'version': VERSION, **{k: tree[k] for k in ('pose', 'imu', 'quality', 'frames')},
                'shortest': self.cut.shortest}  # fmt: skip


def read_settings(path: str | Path | None, overrides: Sequence[str] = ()) -> BuildSettings:
    """Return the defaults, changed by a YAML file and then by ``--section.key value`` pairs.

    Raises:
        ValueError: a key that does not exist or a value of another type, named.
    """
    tree = OmegaConf.structured(BuildSettings)
    try:
        if path:
            tree = OmegaConf.merge(tree, OmegaConf.load(path))
        tree = OmegaConf.merge(tree, OmegaConf.from_dotlist(_pairs(overrides)))
        settings: Any = OmegaConf.to_object(tree)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path}: expected settings as YAML, it is not ({reason})') from error
    except OmegaConfBaseException as error:
        where = getattr(error, 'full_key', None) or ''
        raise ValueError(
            f'setting {where}: {str(error).splitlines()[0]}; see config/build/default.yaml'
        ) from error
    return settings


def _pairs(arguments: Sequence[str]) -> list[str]:
    if len(arguments) % 2 or any(not name.startswith('--') for name in arguments[::2]):
        raise ValueError(
            'expected settings as --section.key value (such as --pose.people 1), '
            f'{" ".join(arguments)!r} came'
        )
    return [
        f'{name[2:]}={value}' for name, value in zip(arguments[::2], arguments[1::2], strict=True)
    ]
