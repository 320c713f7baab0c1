"""What a recognizer asks of those who feed it, and where its model runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from mujo_core.video.settings import VideoSettings
from mujo_core.window import WindowSpec


@dataclass(frozen=True)
class RecognizerSettings:
    """What the checkpoint asks of those who feed it.

    Attributes:
        window_seconds: length of the window.
        labels: in the order of the model's outputs.
        modalities: what the model was trained on.
        video: which images it sees, where `modalities` has ``'video'``.
        video_rate: frames a second on its grid, Hz.
    """

    window_seconds: float
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    video: VideoSettings = field(default_factory=VideoSettings)
    video_rate: float = WindowSpec.video_rate


def pick_device(device: str) -> torch.device:
    """Return the device of that name, of `auto` the best; ValueError for one not here."""
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device not in ('cpu', 'cuda'):
        raise ValueError(f'device is auto, cpu or cuda, {device!r} came')
    if device == 'cuda' and not torch.cuda.is_available():
        build = 'sees no GPU' if torch.version.cuda else 'is a build without CUDA'
        raise ValueError(
            f'device is cuda, but PyTorch {torch.__version__} {build}: set device to auto or cpu'
        )
    return torch.device(device)
