"""What a run learns from: clips in memory, or on disk where there may be too many for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mujo_core.datasets.dataset import Stored
from mujo_core.datasets.registry import get_dataset
from mujo_core.recording import Recording
from mujo_core.training.chosen import (
    check_somebody_left,
    check_subjects,
    check_without,
    split_of,
)
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.others import check_others, is_outlier, other_recordings
from mujo_core.training.sources import (
    clips_of_others,
    dataset_clips,
    narrow,
    only,
    recordings_of,
    stored_clips,
    training_clips,
    unlabelled_clips,
    weighted,
)
from mujo_core.training.stored import AnyClip, ClipCache

JUDGED = 100
"""Recordings that are read once more to say how well a run knows them, of those on disk."""


@dataclass(frozen=True)
class Material:
    """What a run learns from.

    Attributes:
        recordings: those trained on; of those on disk what is known of them.
        clips: to draw windows from; weights: (N,) how often each.
        held_out: clips of the subjects that are held out for validation.
        again: reads some of the recordings once more; empty where they are in memory.
    """

    recordings: list[Recording]
    clips: list[AnyClip]
    weights: np.ndarray
    held_out: list[AnyClip]
    again: Sequence[Callable[[], Recording]] = ()

    def judged(self) -> list[Recording]:
        """Return recordings with their samples: all, or some of those on disk."""
        return [again() for again in self.again] or self.recordings


def read_material(config: TrainConfig) -> Material:
    """Load the recordings of a run, or find them where its data set is read as it is drawn from.

    Raises:
        ValueError: no data set there, or nothing to learn from for this stage.
    """
    if config.data.root and get_dataset(config.data.dataset).reread:
        return _on_disk(config)
    recordings = recordings_of(config.data)
    held = set(config.data.validation)
    seen = [r for r in recordings if r.subject not in held]
    cutoffs = config.data.imu_cutoffs
    unlabelled = unlabelled_clips(seen, cutoffs) if config.stage == 'pretrain' else []
    clips, weights = training_clips(seen, config.data, unlabelled)
    held_out = dataset_clips([r for r in recordings if r.subject in held])
    return Material(seen, clips, weights, _held_out(held_out, config.data))


def _held_out(clips: Sequence[AnyClip], data: DataSettings) -> list[AnyClip]:
    """Return the clips that are judged: of the modalities learned from, outliers left out."""
    return [
        clip.changed(partial(only, modalities=data.modalities))
        for clip in clips
        if not is_outlier(clip.dataset, clip.label, data)
    ]


def _on_disk(config: TrainConfig) -> Material:
    """Read everything once, sample after sample, and keep what is needed to read it again."""
    data, cache = config.data, ClipCache(config.data.cache_megabytes)
    check_others(data)
    labelled: list[AnyClip] = []
    unlabelled: list[AnyClip] = []
    held_out: list[AnyClip] = []
    known: list[Recording] = []
    again: list[Callable[[], Recording]] = []
    for stored in _chosen(data):
        own = list(stored_clips(stored, cache))
        named = [clip for clip in own if clip.label]
        if stored.recording.subject in data.validation:
            held_out += named
            continue
        labelled += named
        if config.stage == 'pretrain':
            unlabelled += [clip for clip in own if not clip.label]
        known.append(replace(stored.recording, streams={}))
        if named:
            again.append(stored.again)
    others = [narrowed for r in other_recordings(data) if (narrowed := narrow(r, data))]
    held = [r for r in others if r.subject in data.validation]
    others = [r for r in others if r.subject not in data.validation]
    held_out += dataset_clips(held)
    beside = clips_of_others(others, data)
    clips, weights = weighted([*labelled, *unlabelled], data, beside)
    some = again[:: max(1, -(-len(again) // JUDGED))]
    return Material([*known, *others], clips, weights, _held_out(held_out, data), some)


def _chosen(data: DataSettings) -> Iterator[Stored]:
    """Yield the recordings of the chosen subjects, or of the split, and the held-out ones."""
    dataset = get_dataset(data.dataset)
    assert dataset.reread
    split = None if data.subjects else split_of(data)
    belongs = dataset.chooser(split, data.root)
    everyone, asked_for, labels, trained = set(), set(), set(), False
    for stored in dataset.reread(data.root):
        recording = stored.recording
        everyone.add(recording.subject)
        chosen = recording.subject in data.subjects if data.subjects else belongs(recording)
        held = recording.subject in data.validation
        if not chosen and not held:
            continue
        if chosen:
            asked_for.add(recording.subject)
        labels |= {segment.label for segment in recording.segments}
        narrowed = narrow(recording, data)
        if narrowed:
            trained |= not held
            again = partial(_narrowed, stored.again, data)
            yield replace(stored, recording=narrowed, again=again)
    check_without(data, labels)
    check_subjects('subjects', data.subjects, everyone)
    check_subjects('validation', data.validation, everyone)
    if asked_for:
        check_somebody_left(data, asked_for)
    if not trained:
        raise ValueError(
            f'expected recordings to train on under {data.root} (split {split}), none came'
        )


def _narrowed(again: Callable[[], Recording], data: DataSettings) -> Recording:
    recording = narrow(again(), data)
    assert recording is not None
    return recording
