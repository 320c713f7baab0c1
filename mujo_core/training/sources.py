"""Clips to train on: a data set's recordings, those of others beside it, and motion capture for
the labels they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mujo_core.datasets.registry import DATASETS, get_dataset, load_recordings
from mujo_core.labels import Label, select_labels
from mujo_core.recording import MODALITIES, Recording, modality_of
from mujo_core.training.clip import Clip, make_clip
from mujo_core.training.config import DataSettings
from mujo_core.training.others import (
    check_others,
    is_main,
    other_recordings,
    shared_weights,
    words_of_others,
)
from mujo_core.training.sampler import REST, SamplerSettings
from mujo_core.virtual_imu import virtual_imu

VIRTUAL_PLACEMENTS = ('right_wrist', 'left_wrist', 'right_thigh', 'left_thigh')
"""Where devices are simulated, so that no placement tells an activity by itself."""
_MOTION_LABELS = ('walk', 'jog')
"""Motion capture's activities that are also UTD-MHAD's."""
_LEAST_SECONDS = 1.5
_PIECE_SECONDS = 12.0
_OVERLAP_SECONDS = 4.0


def with_virtual(clip: Clip) -> Clip:
    """Return the clip with IMUs computed from its skeleton at the places that carry no real one."""
    if 'pose' not in clip.streams:
        return clip
    pose = clip.streams['pose']
    virtual = {}
    for placement in VIRTUAL_PLACEMENTS:
        name = f'imu/{placement}'
        stream = virtual_imu(pose.stamps, pose.values, placement)
        if name not in clip.streams and len(stream) > 1:
            virtual[name] = stream
    return replace(clip, virtual=virtual)


def as_clip(recording: Recording, label: str, rests: bool = False) -> Clip:
    """Return a recording as a clip with virtual IMUs: its own where none of its IMUs is real."""
    clip = make_clip(recording, label, rests=rests)
    if recording.dataset not in DATASETS or not get_dataset(recording.dataset).virtual_imu:
        return with_virtual(clip)
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
        recordings = load_recordings(data.dataset, data.root, split=data.split)
    recordings += other_recordings(data)
    if data.validation:
        chosen = {r.subject for r in recordings}
        everyone = load_recordings(data.dataset, data.root)
        everyone += [r for r in recordings if not is_main(r, data)]
        there = {r.subject for r in everyone}
        if set(data.validation) - there or chosen <= set(data.validation):
            raise ValueError(
                f'expected --data.validation as some of the subjects {", ".join(sorted(there))}, '
                f'{", ".join(data.validation)} came'
            )
        recordings += [r for r in everyone if r.subject in set(data.validation) - chosen]
    return _without(recordings, data.without)


def _without(recordings: list[Recording], labels: Sequence[str]) -> list[Recording]:
    """Return recordings without the stretches of some labels; ValueError for one not there."""
    there = {segment.label for recording in recordings for segment in recording.segments}
    if missing := set(labels) - there:
        raise ValueError(
            f'expected --data.without as some of {", ".join(sorted(there))}; '
            f'{", ".join(sorted(missing))} came'
        )
    kept = []
    for recording in recordings:
        segments = [s for s in recording.segments if s.label not in labels]
        if segments or not recording.segments:
            kept.append(replace(recording, segments=segments))
    return kept


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


def dataset_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """Return every labelled activity of recordings as clips of some seconds."""
    clips = []
    for recording in recordings:
        rests = recording.dataset in DATASETS and get_dataset(recording.dataset).rests
        for activity in recording.activities():
            label = activity.label or ''
            clips += [as_clip(part, label, rests) for part in pieces(activity)]
    return clips


def unlabelled_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """Return recordings of which no activity is known as clips without a label."""
    return [
        as_clip(part, '')
        for recording in recordings
        if not recording.segments
        for part in pieces(recording)
    ]


def motion_clips(root: str) -> list[Clip]:
    """Return motion capture of shared labels as clips; it begins and ends amid the motion."""
    clips = []
    for recording in load_recordings('cmu_mocap', root):
        label = recording.label or ''
        if label in _MOTION_LABELS and recording.end - recording.start >= _LEAST_SECONDS:
            clips.append(as_clip(recording, label))
    return clips


def class_labels(
    clips: Sequence[Clip],
    sampler: SamplerSettings,
    data: DataSettings,
    recordings: Sequence[Recording] = (),
) -> dict[str, Label]:
    """Return a model's classes: the labels of its clips, and rest where the sampler draws it.

    Args:
        recordings: whose labels are classes too, so that a model that has not seen all of them
            (in cross-validation) has the same classes as one that has.
    """
    names = [clip.label for clip in clips if clip.label]
    names += [segment.label for recording in recordings for segment in recording.segments]
    if sampler.rest > 0 and any(clip.rests for clip in clips):
        names.append(REST)
    read = get_dataset(data.dataset).read_labels
    words = read(data.root) if read and data.root else {}
    return select_labels(names, {**words_of_others(data), **words} or None)


def training_clips(
    recordings: Sequence[Recording], data: DataSettings, unlabelled: Sequence[Clip] = ()
) -> tuple[list[Clip], np.ndarray]:
    """Return clips and the weight with which each is drawn.

    The data sets beside it get their shares (`shared_weights`), and motion capture gets its own,
    divided evenly over its labels. Clips that are `unlabelled` are drawn like any of the data set.
    """
    clips = [*dataset_clips([r for r in recordings if is_main(r, data)]), *unlabelled]
    weights = [1.0] * len(clips)
    main = len(clips)
    for name, other in data.also.items():
        found = dataset_clips([r for r in recordings if r.dataset == name])
        clips += found
        weights += shared_weights(found, other.share, data, main)
    if data.motion_capture:
        motion = [c for c in motion_clips(data.motion_capture) if c.label not in data.without]
        labels = [clip.label for clip in motion]
        whole = data.motion_share / (1.0 - data.motion_share) * sum(weights)
        weights += [whole / len(set(labels)) / labels.count(label) for label in labels]
        clips += motion
    kept = [(only(c, data.modalities), w) for c, w in zip(clips, weights, strict=True)]
    kept = [(clip, weight) for clip, weight in kept if clip.streams or clip.virtual]
    if not kept:
        which = f' of {"+".join(data.modalities)}' if data.modalities else ''
        raise ValueError(f'expected recordings{which} with labels to train on, none came')
    return [clip for clip, _ in kept], np.array([weight for _, weight in kept])


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
