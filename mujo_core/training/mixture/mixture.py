"""How often what is drawn: every data set's share of the windows, and the classes of them all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mujo_core.labels import Label, select_labels
from mujo_core.recording import Recording
from mujo_core.training.clip import OUTLIER, Clip
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.mixture.clips import as_recording, clips_of, only
from mujo_core.training.mixture.selection import (
    Selection,
    is_outlier,
    of_first,
    sources_of,
    words_of,
)
from mujo_core.training.mixture.store import AnyClip, Packer
from mujo_core.training.sampler import REST, SamplerSettings
from mujo_core.virtual_imu import Likeness, read_likeness

_BALANCE = 0.5
"""A label is drawn by this power of its number of clips: 1 is by clips, 0 all labels alike."""
_DISTRACTED = 0.5
"""How often a distractor is drawn beside another label, where labels are balanced."""
JUDGED = 200
"""Clips of the first data set by which a run says how well it knows them, at most."""


@dataclass(frozen=True)
class Material:
    """What a run learns from.

    Attributes:
        recordings: those trained on, without their samples.
        clips: to draw windows from; weights: (N,) how often each.
        held_out: clips of the subjects that are held out for validation.
        hours: of the clips; megabytes: of their samples on disk; seconds: that reading took.
    """

    recordings: list[Recording]
    clips: Sequence[AnyClip]
    weights: np.ndarray
    held_out: Sequence[AnyClip]
    hours: float = 0.0
    megabytes: float = 0.0
    seconds: float = 0.0

    def judged(self, data: DataSettings) -> list[Recording]:
        """Return some labelled clips of the first data set, spread over it, as recordings."""
        first = [clip for clip in self.clips if clip.label and of_first(clip, data)]
        some = first[:: max(1, -(-len(first) // JUDGED))]
        return [as_recording(c.load(), f'clip {place}') for place, c in enumerate(some)]

    def line(self) -> str:
        """Return what was packed in a line."""
        sets = len({recording.dataset for recording in self.recordings})
        return (
            f'packed {sets} data sets: {len(self.recordings)} recordings, {self.hours:.1f} h, '
            f'{self.megabytes:.0f} MB in {self.seconds:.0f} s'
        )


def read_material(config: TrainConfig) -> Material:
    """Read the recordings of all sets one at a time, and pack their clips.

    Raises:
        ValueError: no data set there, or nothing to learn from for this stage.
    """
    library = read_library(config.data, unlabelled=config.stage == 'pretrain')
    clips, weights = mix(library.clips, config.data)
    return replace(library, clips=clips, weights=weights)


def read_library(data: DataSettings, unlabelled: bool = False) -> Material:
    """Read the recordings of all sets one at a time, and pack their clips as they are.

    Args:
        unlabelled: take also recordings of which no activity is known.

    Returns:
        Clips that `mix` has yet to choose from, so that one packing serves many folds.
    """
    begun, selection = time.monotonic(), Selection(data)
    recordings: list[Recording] = []
    clips: list[AnyClip] = []
    held_out: list[AnyClip] = []
    seconds = 0.0
    with Packer() as packer:
        for source, recording in selection.recordings():
            held = selection.held_out(recording)
            if not recording.segments and (held or not unlabelled):
                continue
            for clip in clips_of(recording, source.cutoffs):
                (held_out if held else clips).append(packer.add(clip))
                start, end = clip.span
                seconds += end - start
            if not held:
                recordings.append(replace(recording, streams={}))
    judged = [clip for clip in held_out if not is_outlier(clip.dataset, clip.label, data)]
    return Material(
        recordings, clips, np.ones(len(clips)), _of(data.modalities, judged), seconds / 3600,
        packer.size / 1e6, time.monotonic() - begun,
    )  # fmt: skip


def mix(clips: Iterable[AnyClip], data: DataSettings) -> tuple[list[AnyClip], np.ndarray]:
    """Return what is drawn of clips, and the weight (N,) of each, in the order of the table.

    Every data set gets its share of the windows, and its outliers theirs. Within a set a label is
    drawn by the square root of its number of clips: a common one does not drown the others, and a
    rare one is not learned by heart. Clips of the first set are drawn alike.

    Raises:
        ValueError: no clip is left.
    """
    table = sources_of(data)
    by_set: dict[str, list[AnyClip]] = {source.name: [] for source in table}
    for clip in clips:
        by_set.get(clip.dataset, by_set[table[0].name]).append(clip)
    made_like = partial(_made_like, read_likeness(data.imu_like)) if data.imu_like else None
    groups: list[tuple[list[AnyClip], float, bool]] = []
    for source in table:
        own = by_set[source.name]
        learned = [c for c in own if c.label not in source.outliers]
        strange = [c.changed(_as_outlier) for c in own if c.label in source.outliers]
        groups.append((_kept(learned, data.modalities, made_like), source.share, source.even))
        groups.append((_kept(strange, data.modalities, made_like), source.outlier_share, False))
    # The first set has what the others leave, also where nothing is left of one of them.
    (first, _, even), *others = groups
    groups[0] = first, 1.0 - sum(share for kept, share, _ in others if kept), even
    found = [clip for kept, _, _ in groups for clip in kept]
    if not found:
        which = f' of {"+".join(data.modalities)}' if data.modalities else ''
        raise ValueError(f'expected recordings{which} with labels to train on, none came')
    weights = np.concatenate([share * _spread(kept, even) for kept, share, even in groups])
    return found, _balanced(found, weights, data) if data.balance else weights


def _balanced(clips: Sequence[AnyClip], weights: np.ndarray, data: DataSettings) -> np.ndarray:
    """Return weights (N,) by which labels that few windows show are drawn more often."""
    names = [clip.label for clip in clips]
    labels, places = np.unique(names, return_inverse=True)
    mass = np.bincount(places, weights, len(labels))
    often = np.where(np.isin(labels, data.distractors), _DISTRACTED, 1.0)
    factor = often * np.maximum(mass, 1e-12) ** -data.balance
    found = weights * factor[places]
    return found / found.sum()


def _kept(
    clips: Sequence[AnyClip], modalities: Sequence[str], made_like: Callable[[Clip], Clip] | None
) -> list[AnyClip]:
    if made_like:
        clips = [clip.changed(made_like) for clip in clips]
    clips = _of(modalities, clips)
    return [clip for clip in clips if clip.outline.streams or clip.outline.virtual]


def _of(modalities: Sequence[str], clips: Sequence[AnyClip]) -> list[AnyClip]:
    if not modalities:
        return list(clips)
    alone = partial(only, modalities=modalities)
    return [clip.changed(alone) for clip in clips]


def _spread(clips: Sequence[AnyClip], even: bool) -> np.ndarray:
    """Return weights (N,) that sum to 1: the same of all, or a label's by `_BALANCE`."""
    counts = Counter(clip.label for clip in clips)
    weights = np.array([1.0 if even else counts[clip.label] ** (_BALANCE - 1.0) for clip in clips])
    return weights / max(weights.sum(), 1e-9)


def _as_outlier(clip: Clip) -> Clip:
    """Return a clip as none of the labels, of what was recorded: simulated devices are left out."""
    return replace(clip, label=OUTLIER, virtual={})


def _made_like(likeness: Likeness, clip: Clip) -> Clip:
    """Return a clip whose simulated devices are distributed like real ones."""
    virtual = {n: likeness.apply(s, n.partition('/')[2]) for n, s in clip.virtual.items()}
    return replace(clip, virtual=virtual)


def class_labels(
    clips: Sequence[AnyClip],
    sampler: SamplerSettings,
    data: DataSettings,
    recordings: Sequence[Recording] = (),
) -> dict[str, Label]:
    """Return a model's classes: the labels of its clips, and rest where the sampler draws it.

    Args:
        recordings: whose labels are classes too, so that a model that has not seen all of them
            (in cross-validation) has the same classes as one that has.
    """
    names = [clip.label for clip in clips if clip.label and clip.label != OUTLIER]
    names += [
        segment.label
        for recording in recordings
        for segment in recording.segments
        if not is_outlier(recording.dataset, segment.label, data)
    ]
    _check_outliers(names, data)
    if sampler.rest > 0 and any(clip.rests for clip in clips):
        names.append(REST)
    labels = select_labels(names, words_of(data) or None)
    apart = set(data.distractors)
    return {n: replace(words, distractor=n in apart) for n, words in labels.items()}


def _check_outliers(labels: Sequence[str], data: DataSettings) -> None:
    strange = {label for other in data.also.values() for label in other.outliers}
    if both := sorted(strange & set(labels)):
        raise ValueError(
            'expected the outliers of data.also to be none of the labels that are learned, '
            f'{", ".join(both)} came'
        )
