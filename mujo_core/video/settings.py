"""How a camera's image becomes the small frame that the timeline holds and the model sees."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ('', 'motion', 'frozen')
SOURCES = ('depth', 'rgb')


@dataclass(frozen=True)
class VideoSettings:
    """What a model sees of a video; part of its settings, so that a node obeys them.

    Attributes:
        kind: ``''`` for a model without video; ``'motion'`` for small images of the person that a
            trained encoder compares over time; ``'frozen'`` for features of a backbone that stays
            as it was pretrained.
        source: ``'depth'`` (16UC1 in mm, 32FC1 in m) or ``'rgb'``.
        side: pixels of a ``motion`` frame.
        backbone: of ``frozen`` frames: ``'efficientnet_lite0'``, ``'timm:NAME'``,
            ``'open_clip:NAME'`` or ``'hub:REPO:NAME'``.
        features: length of the backbone's vector.
    """

    kind: str = ''
    source: str = 'depth'
    side: int = 48
    backbone: str = 'efficientnet_lite0'
    features: int = 1280

    def __post_init__(self) -> None:
        for name, value, known in (('kind', self.kind, KINDS), ('source', self.source, SOURCES)):
            if value not in known:
                listed = ', '.join(repr(word) for word in known)
                raise ValueError(f'expected a video {name} out of {listed}; {value!r} came')
        if self.kind == 'motion' and (self.side < 24 or self.side % 12):
            raise ValueError(
                f'expected a frame side that is a multiple of 12 from 24 on, {self.side} came'
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one frame: (side, side, 1) depth or (side, side, 3) rgb uint8, or (features,)."""
        if self.kind == 'frozen':
            return (self.features,)
        return (self.side, self.side, 1 if self.source == 'depth' else 3)
