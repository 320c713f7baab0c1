"""Recordings' images made to a model's frames, kept on disk by what they were made from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np

from mujo_core.recording import Recording, Stream
from mujo_core.video.backbone import BackboneError
from mujo_core.video.cache import FrameCache
from mujo_core.video.frames import VERSION, FrameMaker
from mujo_core.video.settings import VideoSettings
from mujo_core.video.stored import digest

log = logging.getLogger(__name__)


def is_prepared(stream: Stream, settings: VideoSettings) -> bool:
    """Are these a model's frames already?"""
    return bool(settings.kind) and tuple(stream.values.shape[1:]) == settings.shape


def _thinned(stamps: np.ndarray, rate: float) -> np.ndarray:
    """Return the places (N,) of samples about 1 / (2 rate) apart, the first and last among them."""
    count = min(len(stamps), int(np.ceil((stamps[-1] - stamps[0]) * 2 * rate)) + 1)
    wanted = np.linspace(stamps[0], stamps[-1], max(count, 1))
    return np.unique(np.abs(stamps[:, None] - wanted).argmin(axis=0))


def _key(content: str, chosen: np.ndarray, settings: VideoSettings) -> str:
    how = {**asdict(settings), 'version': VERSION, 'chosen': [int(i) for i in chosen]}
    return hashlib.sha256(f'{content} {json.dumps(how, sort_keys=True)}'.encode()).hexdigest()


class Preparer:
    """Makes frames of video streams, or takes those it made before.

    Args:
        settings: of the model; a backbone is only opened when something has to be made.
        rate: of the model's video grid, Hz; a recording is thinned to about twice of it.
        cache: where frames are kept; None for the user's cache folder.
    """

    def __init__(
        self, settings: VideoSettings, rate: float, cache: FrameCache | None = None
    ) -> None:
        self.settings = settings
        self.rate = rate
        self.cache = cache or FrameCache()
        self._maker: FrameMaker | None = None

    def stream(self, stream: Stream) -> Stream:
        """Return a video stream as frames; images in which nobody is seen are left out.

        Raises:
            ValueError, OSError, ImportError: images that cannot be read or used.
        """
        if is_prepared(stream, self.settings) or not len(stream):
            return stream
        chosen = _thinned(stream.stamps, self.rate)
        key = _key(digest(stream.values), chosen, self.settings)
        kept = self.cache.get(key)
        if kept is None or len(kept) != len(chosen):
            kept = self._make(np.asarray(stream.values)[chosen])
            self.cache.put(key, kept)
        kept = kept.astype(np.float32) if kept.dtype == np.float16 else kept
        # Frames of nobody are kept as empty ones, so that each image has its place.
        seen = kept.reshape(len(kept), -1).any(axis=1)
        return Stream(stream.stamps[chosen][seen], kept[seen])

    def _make(self, images: np.ndarray) -> np.ndarray:
        if self._maker is None:
            self._maker = FrameMaker(self.settings)
        is_feature = self.settings.kind == 'frozen'
        # Half precision holds a network's features, and half the disk.
        dtype = np.float16 if is_feature else np.uint8
        empty = np.zeros(self.settings.shape, dtype=dtype)
        made = [self._maker(image) for image in images]
        return np.stack([empty if frame is None else frame.astype(dtype) for frame in made])

    def streams(self, streams: Mapping[str, Stream], name: str) -> dict[str, Stream]:
        """Return streams with the video as frames; without it where it cannot be read.

        Args:
            name: of the recording, for the line that says so.

        Raises:
            BackboneError, ImportError: no recording's images can be used.
        """
        others = {n: s for n, s in streams.items() if n != 'video'}
        if 'video' not in streams or not self.settings.kind:
            return others
        try:
            made = self.stream(streams['video'])
        except BackboneError:
            raise
        except (OSError, ValueError) as error:
            log.warning('%s: its video is left out: %s', name, error)
            return others
        return {**others, 'video': made} if len(made) else others


def prepare_recordings(
    recordings: Sequence[Recording],
    preparer: Preparer,
    progress: Callable[[int, int], None] | None = None,
) -> list[Recording]:
    """Return recordings with what a model sees of their videos.

    Windows make frames of images by themselves; those that are cut from one recording again and
    again are cut faster from frames.

    Args:
        progress: called with (done, all) after each recording.
    """
    prepared = []
    for done, recording in enumerate(recordings, start=1):
        streams = preparer.streams(recording.streams, recording.name)
        prepared.append(replace(recording, streams=streams))
        if progress:
            progress(done, len(recordings))
    return prepared
