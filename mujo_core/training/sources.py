"""Clips to train on: a data set's recordings, those of others beside it, and motion capture for
the labels they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mujo_core.datasets.dataset import Stored
from mujo_core.datasets.registry import DATASETS, get_dataset, load_recordings
from mujo_core.labels import Label, select_labels
from mujo_core.recording import MODALITIES, Recording, Stream, modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.training.chosen import (
    check_somebody_left,
    check_subjects,
    check_without,
    split_of,
)
from mujo_core.training.clip import OUTLIER, Clip, make_clip
from mujo_core.training.config import DataSettings
from mujo_core.training.others import (
    check_others,
    is_main,
    is_outlier,
    other_recordings,
    shared_weights,
    words_of_others,
)
from mujo_core.training.sampler import REST, SamplerSettings
from mujo_core.training.stored import AnyClip, ClipCache, StoredClip, store
from mujo_core.virtual_imu import Likeness, read_likeness, virtual_imu

IMU_RATE = 50.0  # Hz, of simulated devices
VIRTUAL_PLACEMENTS = ('right_wrist', 'left_wrist', 'right_thigh', 'left_thigh')
"""Where devices are simulated, so that no placement tells an activity by itself."""
_MOTION_LABELS = ('walk', 'jog')
"""Motion capture's activities that are also UTD-MHAD's."""
_LEAST_SECONDS = 1.5
_PIECE_SECONDS = 12.0
_OVERLAP_SECONDS = 4.0


def with_virtual(clip: Clip, pose: Stream | None, cutoffs: Sequence[float] = ()) -> Clip:
    """Return the clip with IMUs computed from its skeleton at the places that carry no real one.

    Args:
        pose: its skeleton as it was recorded, in which wrists are still told from hands.
        cutoffs: Hz, of path and attitude; none for those that `virtual_imu` chooses.
    """
    if pose is None:
        return clip
    joints = pose.values
    if pose.layout:
        joints = canonical_joints(joints, pose.layout, pose.up, worn=True)
    virtual = {}
    for placement in VIRTUAL_PLACEMENTS:
        name = f'imu/{placement}'
        stream = virtual_imu(pose.stamps, joints, placement, IMU_RATE, *cutoffs)
        if name not in clip.streams and len(stream) > 1:
            virtual[name] = stream
    return replace(clip, virtual=virtual)


def as_clip(
    recording: Recording, label: str, rests: bool = False, cutoffs: Sequence[float] = ()
) -> Clip:
    """Return a recording as a clip with virtual IMUs: its own where none of its IMUs is real."""
    clip = make_clip(recording, label, rests=rests)
    if recording.dataset not in DATASETS or not get_dataset(recording.dataset).virtual_imu:
        return with_virtual(clip, recording.streams.get('pose'), cutoffs)
    virtual = {n: s for n, s in clip.streams.items() if modality_of(n) == 'imu'}
    real = {n: s for n, s in clip.streams.items() if n not in virtual}
    return replace(clip, streams=real, virtual=virtual) if real else clip


def recordings_of(data: DataSettings) -> list[Recording]:
    """Return the data set's recordings of the chosen subjects, or of the split, and then those of
    the data sets beside it, whose subjects are called `NAME/SUBJECT`.

    Those of the held-out subjects (`data.validation`) are among them.
    """
    check_others(data)
    if get_dataset(data.dataset).needs_root and not data.root:
        raise ValueError('expected the data set folder as --data.root DIR, none came')
    if data.subjects:
        recordings = load_recordings(data.dataset, data.root, subjects=list(data.subjects))
    else:
        recordings = load_recordings(data.dataset, data.root, split=split_of(data))
    recordings += other_recordings(data)
    if data.validation:
        chosen = {r.subject for r in recordings}
        everyone = load_recordings(data.dataset, data.root)
        everyone += [r for r in recordings if not is_main(r, data)]
        check_subjects('validation', data.validation, {r.subject for r in everyone})
        check_somebody_left(data, chosen)
        recordings += [r for r in everyone if r.subject in set(data.validation) - chosen]
    there = {segment.label for recording in recordings for segment in recording.segments}
    check_without(data, there)
    kept = [narrowed for r in recordings if (narrowed := narrow(r, data))]
    if not kept and not data.real_imu:
        raise ValueError(
            'expected recordings with a skeleton, from which IMUs can be simulated; these have '
            'IMUs alone, leave --data.real_imu false out'
        )
    return kept


def narrow(recording: Recording, data: DataSettings) -> Recording | None:
    """Return what is learned from a recording: without some labels, or without real IMUs."""
    if not data.real_imu:
        simulated = recording.dataset in DATASETS and get_dataset(recording.dataset).virtual_imu
        if not simulated:
            recording = recording.only([m for m in recording.modalities if m != 'imu'])
    segments = [s for s in recording.segments if s.label not in data.without]
    if not recording.streams or (recording.segments and not segments):
        return None
    return replace(recording, segments=segments)


def pieces(recording: Recording) -> list[Recording]:
    """Return a long recording of one activity in overlapping parts, so that none costs much.

    Draws are spread over clips, so that a part of fixed length also gives every second its due.
    """
    length = recording.end - recording.start
    if length <= _PIECE_SECONDS:
        return [recording]
    count = 1 + int(np.ceil((length - _PIECE_SECONDS) / (_PIECE_SECONDS - _OVERLAP_SECONDS)))
    starts = recording.start + np.linspace(0.0, length - _PIECE_SECONDS, count)
    parts = [recording.cut(float(start), float(start) + _PIECE_SECONDS) for start in starts]
    return [part for part in parts if part.streams]


def _activities(recording: Recording) -> list[tuple[Recording, str]]:
    """Return the labelled activities of a recording in parts of some seconds."""
    return [
        (part, activity.label or '')
        for activity in recording.activities()
        for part in pieces(activity)
    ]


def _unknown(recording: Recording) -> list[tuple[Recording, str]]:
    """Return a recording of which no activity is known in parts of some seconds."""
    return [] if recording.segments else [(part, '') for part in pieces(recording)]


def _clip_of(part: Recording, label: str, cutoffs: Sequence[float] = ()) -> Clip:
    rests = bool(label) and part.dataset in DATASETS and get_dataset(part.dataset).rests
    return as_clip(part, label, rests, cutoffs)


def dataset_clips(recordings: Iterable[Recording], cutoffs: Sequence[float] = ()) -> list[AnyClip]:
    """Return every labelled activity of recordings as clips of some seconds."""
    return [_clip_of(*part, cutoffs) for r in recordings for part in _activities(r)]


def unlabelled_clips(
    recordings: Iterable[Recording], cutoffs: Sequence[float] = ()
) -> list[AnyClip]:
    """Return recordings of which no activity is known as clips without a label."""
    return [_clip_of(*part, cutoffs) for r in recordings for part in _unknown(r)]


def stored_clips(stored: Stored, cache: ClipCache) -> Iterator[StoredClip]:
    """Yield the clips that `dataset_clips` and `unlabelled_clips` make of a recording, on disk."""
    for parts in (_activities, _unknown):
        for number, part in enumerate(parts(stored.recording)):
            cut = partial(_cut, parts, number)
            digest = f'{stored.digest} {number}'
            yield store(_clip_of(*part), digest, stored.again, cut, cache)


def _cut(
    parts: Callable[[Recording], list[tuple[Recording, str]]], number: int, recording: Recording
) -> Clip:
    return _clip_of(*parts(recording)[number])


def motion_clips(root: str) -> list[Clip]:
    """Return motion capture of shared labels as clips; it begins and ends amid the motion."""
    clips = []
    for recording in load_recordings('cmu_mocap', root):
        label = recording.label or ''
        if label in _MOTION_LABELS and recording.end - recording.start >= _LEAST_SECONDS:
            clips.append(as_clip(recording, label))
    return clips


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
    read = get_dataset(data.dataset).read_labels
    words = read(data.root) if read and data.root else {}
    return select_labels(names, {**words_of_others(data), **words} or None)


def _check_outliers(labels: Sequence[str], data: DataSettings) -> None:
    strange = {label for other in data.also.values() for label in other.outliers}
    if both := sorted(strange & set(labels)):
        raise ValueError(
            'expected the outliers of data.also to be none of the labels that are learned, '
            f'{", ".join(both)} came'
        )


def training_clips(
    recordings: Iterable[Recording], data: DataSettings, unlabelled: Sequence[AnyClip] = ()
) -> tuple[list[AnyClip], np.ndarray]:
    """Return clips of recordings, and more, with the weight of each (see `weighted`)."""
    recordings = list(recordings)
    main = [r for r in recordings if is_main(r, data)]
    clips = [*dataset_clips(main, data.imu_cutoffs), *unlabelled]
    return weighted(clips, data, clips_of_others(recordings, data))


def clips_of_others(
    recordings: Sequence[Recording], data: DataSettings
) -> dict[str, list[AnyClip]]:
    """Return the clips of each data set beside the main one."""
    return {name: dataset_clips([r for r in recordings if r.dataset == name]) for name in data.also}


def weighted(
    clips: Sequence[AnyClip], data: DataSettings, others: Mapping[str, Sequence[AnyClip]]
) -> tuple[list[AnyClip], np.ndarray]:
    """Return what is drawn of a data set's clips and of others, and the weight with which each is.

    The data sets beside it get their shares (`shared_weights`), and motion capture gets its own,
    divided evenly over its labels. All of the data set's clips are drawn alike.
    """
    clips = list(clips)
    weights = [1.0] * len(clips)
    main = len(clips)
    for name, found in others.items():
        strange = [clip for clip in found if is_outlier(name, clip.label, data)]
        learned = [clip for clip in found if not is_outlier(name, clip.label, data)]
        clips += learned
        weights += shared_weights(learned, data.also[name].share, data, main)
        weights += shared_weights(strange, data.also[name].outlier_share, data, main)
        clips += [clip.changed(_as_outlier) for clip in strange]
    if data.motion_capture:
        motion = [c for c in motion_clips(data.motion_capture) if c.label not in data.without]
        labels = [clip.label for clip in motion]
        whole = data.motion_share / (1.0 - data.motion_share) * sum(weights)
        weights += [whole / len(set(labels)) / labels.count(label) for label in labels]
        clips += motion
    if data.imu_like:
        made_like = partial(_made_like, read_likeness(data.imu_like))
        clips = [c.changed(made_like) for c in clips]
    clips = [clip.changed(partial(only, modalities=data.modalities)) for clip in clips]
    kept = [
        (clip, weight)
        for clip, weight in zip(clips, weights, strict=True)
        if clip.outline.streams or clip.outline.virtual
    ]
    if not kept:
        which = f' of {"+".join(data.modalities)}' if data.modalities else ''
        raise ValueError(f'expected recordings{which} with labels to train on, none came')
    return [clip for clip, _ in kept], np.array([weight for _, weight in kept])


def _as_outlier(clip: Clip) -> Clip:
    """Return a clip as none of the labels, of what was recorded: simulated devices are left out."""
    return replace(clip, label=OUTLIER, virtual={})


def _made_like(likeness: Likeness, clip: Clip) -> Clip:
    """Return a clip whose simulated devices are distributed like real ones."""
    virtual = {n: likeness.apply(s, n.partition('/')[2]) for n, s in clip.virtual.items()}
    return replace(clip, virtual=virtual)


def only(clip: Clip, modalities: Sequence[str]) -> Clip:
    """Return a clip with the streams of these modalities alone; empty for all.

    Raises:
        ValueError: no such modality.
    """
    if set(modalities) - set(MODALITIES):
        raise ValueError(
            f'expected modalities out of {", ".join(MODALITIES)}, {", ".join(modalities)} came'
        )
    if not modalities:
        return clip
    streams = {n: s for n, s in clip.streams.items() if modality_of(n) in modalities}
    virtual = clip.virtual if 'imu' in modalities else {}
    return replace(clip, streams=streams, virtual=virtual)
