"""Clips of a recording: its activities in parts of some seconds, with simulated devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mujo_core.datasets.registry import DATASETS, get_dataset
from mujo_core.recording import MODALITIES, Recording, Segment, Stream, modality_of
from mujo_core.skeleton import canonical_joints
from mujo_core.training.clip import Clip, make_clip
from mujo_core.virtual_imu import virtual_imu

IMU_RATE = 50.0  # Hz, of simulated devices
VIRTUAL_PLACEMENTS = ('right_wrist', 'left_wrist', 'right_thigh', 'left_thigh')
"""Where devices are simulated, so that no placement tells an activity by itself."""
_PIECE_SECONDS = 12.0
_OVERLAP_SECONDS = 4.0
_AROUND, _LEAST_AROUND = 3.0, 0.2
"""Seconds before and after an activity that a clip shows too, and how few do not count."""


def clips_of(recording: Recording, cutoffs: Sequence[float] = ()) -> Iterator[Clip]:
    """Yield every labelled activity of a recording as clips of some seconds.

    One of which no activity is known gives clips without a label.

    Args:
        cutoffs: as in `with_virtual`.
    """
    rests = recording.dataset in DATASETS and get_dataset(recording.dataset).rests
    for activity in recording.activities() if recording.segments else [recording]:
        label = activity.label or ''
        for part in pieces(activity):
            around = _with_surroundings(recording, part) if label else None
            clip = as_clip(around or part, label, rests and bool(label), cutoffs)
            yield replace(clip, active=(part.start, part.end)) if around else clip


def _with_surroundings(recording: Recording, part: Recording) -> Recording | None:
    """Return a part of a recording with what was before and after it, None where nothing was.

    Live windows hold that too. Where another activity is known it ends.
    """
    others = [s for s in recording.segments if s.end <= part.start or s.start >= part.end]
    first = max([part.start - _AROUND, *(s.end for s in others if s.end <= part.start)])
    last = min([part.end + _AROUND, *(s.start for s in others if s.start >= part.end)])
    around = recording.cut(first, last)
    more = (part.start - around.start) + (around.end - part.end)
    return replace(around, segments=part.segments) if more > _LEAST_AROUND else None


def dataset_clips(recordings: Iterable[Recording], cutoffs: Sequence[float] = ()) -> list[Clip]:
    """Return the clips of several recordings."""
    return [clip for recording in recordings for clip in clips_of(recording, cutoffs)]


def as_clip(
    recording: Recording, label: str, rests: bool = False, cutoffs: Sequence[float] = ()
) -> Clip:
    """Return a recording as a clip with virtual IMUs: its own where none of its IMUs is real."""
    clip = make_clip(recording, label, rests=rests)
    dataset = get_dataset(recording.dataset) if recording.dataset in DATASETS else None
    if dataset and not dataset.devices:
        return clip
    if not dataset or not dataset.virtual_imu:
        return with_virtual(clip, recording.streams.get('pose'), cutoffs)
    virtual = {n: s for n, s in clip.streams.items() if modality_of(n) == 'imu'}
    real = {n: s for n, s in clip.streams.items() if n not in virtual}
    return replace(clip, streams=real, virtual=virtual) if real else clip


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


def as_recording(clip: Clip, name: str) -> Recording:
    """Return a clip as a recording of one activity, as what was learned is judged."""
    streams = {
        stream: replace(s, layout='canonical16') if modality_of(stream) == 'pose' else s
        for stream, s in clip.streams.items()
    }
    recording = Recording(name, clip.dataset, clip.subject, streams)
    recording.segments.append(Segment(clip.label, *clip.span))
    return recording
