"""Clips one after another with rest between, as one long recording of a person."""

from __future__ import annotations

import numpy as np

from mujo_core.recording import Recording, Segment, Stream


def in_sequence(recordings: list[Recording], rest: float = 3.0) -> Recording:
    """Return clips one after another, with `rest` seconds of standing still between them.

    In a rest every stream goes on at its own rate, from the last sample of one clip evenly to the
    first of the next (before the first clip and after the last it stays as it is). Each clip is a
    segment with its label; streams that not all clips have are silent where they are absent.

    Args:
        recordings: clips of one activity each, of one person and with skeletons of one layout.
        rest: seconds.
    """
    names = list(dict.fromkeys(name for r in recordings for name in r.streams))
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    segments, at = [], rest
    for number, clip in enumerate(recordings):
        shift = at - clip.start
        for name, stream in clip.streams.items():
            before = recordings[number - 1].streams.get(name) if number else None
            parts[name].append(_rest(before, stream, at - rest, rest))
            parts[name].append((stream.stamps + shift, stream.values))
        segments += [Segment(s.label, s.start + shift, s.end + shift) for s in clip.segments]
        at += clip.end - clip.start + rest
    for name, stream in recordings[-1].streams.items():
        parts[name].append(_rest(stream, stream, at - rest, rest, hold=-1))
    first = recordings[0]
    streams = {}
    for name, pieces in parts.items():
        stamps = np.concatenate([stamps for stamps, _ in pieces])
        order = np.argsort(stamps, kind='stable')
        kept = np.concatenate([[True], np.diff(stamps[order]) > 1e-6])
        values = np.concatenate([values for _, values in pieces])[order][kept]
        like = next(r.streams[name] for r in recordings if name in r.streams)
        streams[name] = Stream(stamps[order][kept], values, like.layout, like.up)
    return Recording(first.name, first.dataset, first.subject, streams, segments)


def _rest(
    before: Stream | None, after: Stream, start: float, seconds: float, hold: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps (N,) and values (N, ...) that lead evenly from one stream to the next."""
    step = after.duration / max(1, len(after) - 1)
    stamps = start + np.arange(step, seconds - step / 2, step)
    share = ((stamps - start) / seconds).astype(np.float32)
    first = after.values[hold] if before is None else before.values[-1]
    last = after.values[hold]
    share = share.reshape(-1, *[1] * np.ndim(last))
    return stamps, (first + share * (last - first)).astype(np.float32)
