"""Clips to train on: a data set's recordings, and motion capture for the labels they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mujo_core.datasets.registry import get_dataset, load_recordings
from mujo_core.labels import merge, taxonomy
from mujo_core.recording import Recording
from mujo_core.training.config import DataSettings
from mujo_core.training.sampler import Clip, make_clip
from mujo_core.virtual_imu import virtual_imu

VIRTUAL_PLACEMENTS = ('right_wrist', 'left_wrist', 'right_thigh', 'left_thigh')
"""Where devices are simulated, so that no placement tells an activity by itself."""
_MOTION_LABELS = {'walk': 'walk', 'run': 'jog'}
"""Motion capture's activities that occur in the taxonomy."""
_LEAST_SECONDS = 1.5


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


def recordings_of(data: DataSettings) -> list[Recording]:
    """Return the data set's recordings of the chosen and the held-out subjects."""
    if not data.root:
        raise ValueError('expected the data set folder as --data.root DIR, none came')
    subjects = list(data.subjects) or get_dataset(data.dataset).subjects(data.split)
    if subjects is not None:
        subjects = [*subjects, *(s for s in data.validation if s not in subjects)]
    recordings = load_recordings(data.dataset, data.root, subjects)
    there = {r.subject for r in recordings}
    if set(data.validation) - there or (data.validation and there <= set(data.validation)):
        raise ValueError(
            f'expected --data.validation as some of the subjects {", ".join(sorted(there))}, '
            f'{", ".join(data.validation)} came'
        )
    return recordings


def dataset_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """Return recordings of one activity each as clips; people rest before and after."""
    labels = taxonomy()
    named = [(r, merge(r.label)) for r in recordings if r.label]
    return [with_virtual(make_clip(r, label, rests=True)) for r, label in named if label in labels]


def unlabelled_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """Return recordings of no label, or of one that the taxonomy lacks, as clips without one."""
    labels = taxonomy()
    others = [r for r in recordings if not r.label or merge(r.label) not in labels]
    return [with_virtual(make_clip(r, '', rests=False)) for r in others]


def motion_clips(root: str) -> list[Clip]:
    """Return motion capture of shared labels as clips; it begins and ends amid the motion."""
    clips = []
    for recording in load_recordings('cmu_mocap', root):
        label = _MOTION_LABELS.get(recording.label or '')
        if label and recording.end - recording.start >= _LEAST_SECONDS:
            clips.append(with_virtual(make_clip(recording, label, rests=False)))
    return clips


def training_clips(
    recordings: Sequence[Recording], data: DataSettings, unlabelled: Sequence[Clip] = ()
) -> tuple[list[Clip], np.ndarray]:
    """Return clips and the weight with which each is drawn.

    Motion capture gets its share, divided evenly over its labels. Clips that are `unlabelled` are
    drawn like any of the data set.
    """
    clips = [*dataset_clips(recordings), *unlabelled]
    weights = [1.0] * len(clips)
    if data.motion_capture:
        motion = motion_clips(data.motion_capture)
        labels = [clip.label for clip in motion]
        whole = data.motion_share / (1.0 - data.motion_share) * len(clips)
        weights += [whole / len(set(labels)) / labels.count(label) for label in labels]
        clips += motion
    if not clips:
        raise ValueError('expected recordings with labels of the taxonomy, none came')
    return clips, np.array(weights)
