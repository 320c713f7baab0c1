"""The work on any clip, by the kind of its source."""

from __future__ import annotations

from mujo_core.builder.clip import VIDEO, Clip
from mujo_core.builder.settings import BuildSettings


def build_clip(clip: Clip, settings: BuildSettings) -> bytes:
    """Return a clip's result as bytes (`ClipResult.to_bytes`); depends on clip, file and settings.

    Raises:
        ImportError: what reads this kind of file is not installed.
        OSError, ValueError: the file cannot be read.
    """
    if clip.kind == VIDEO:
        from mujo_core.builder.video_clip import build_video_clip

        return build_video_clip(clip, settings).to_bytes()
    from mujo_core.builder.motion_clip import build_motion_clip

    return build_motion_clip(clip, settings).to_bytes()
