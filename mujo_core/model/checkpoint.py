"""A trained model as a folder of readable files; no pickle anywhere.

``config.yaml`` (format, model, window, labels' order), ``model.safetensors``, ``labels.yaml``,
``text.safetensors`` (sentence embeddings of the labels), ``calibration.yaml``, ``README.md``; after
a linear probe also ``classes.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from mujo_core.labels import Label, dump_labels, load_labels
from mujo_core.model.calibration import (
    CALIBRATION,
    Calibration,
    read_calibration,
    write_calibration,
)
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.model.text import ENCODER
from mujo_core.video.settings import VideoSettings
from mujo_core.window import WindowSpec
from mujo_core.yaml_file import read_yaml

FORMAT = 2
_FRAMES = ('video', 'video_shape')
PRETRAINED = Path(__file__).resolve().parent.parent / 'pretrained'
DEFAULT = PRETRAINED / 'default'
"""The checkpoint that is used where none is named."""


class CheckpointError(ValueError):
    """A folder that is not a checkpoint this version can read."""


@dataclass
class Checkpoint:
    """A model with all that is needed to use it.

    Attributes:
        model: the joint space, in evaluation mode.
        window: window and grid that it was trained on.
        labels: name to label, in the order of its outputs.
        sentences: (L, text_size) sentence embeddings of the labels.
        calibration: by name of the modality subset.
        card: the model card, Markdown.
        modalities: what the model was trained on.
        classes: (L, size) learned class vectors that stand in for those of the labels' texts, not
            normalized (see `mujo_core.training.linear_probe`); None where the texts classify.
        text_model: the sentence encoder that made `sentences`.
        people: name of a data set to its subjects by whom the weights were learned or chosen; a
            checkpoint of an earlier version does not know them.
    """

    model: JointSpace
    window: WindowSpec
    labels: dict[str, Label]
    sentences: np.ndarray
    calibration: dict[str, Calibration] = field(default_factory=dict)
    card: str = ''
    modalities: tuple[str, ...] = ('pose', 'imu')
    classes: np.ndarray | None = None
    text_model: str = ENCODER
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def label_vectors(self) -> torch.Tensor:
        """Return (L, size) vectors by which windows are classified: unit vectors of the labels'
        texts, or the learned ones."""
        device = self.model.log_scale.device
        if self.classes is not None:
            return torch.from_numpy(self.classes).to(device)
        with torch.inference_mode():
            return self.model.label_vectors(torch.from_numpy(self.sentences).to(device))


def save_checkpoint(checkpoint: Checkpoint, folder: str | Path) -> None:
    """Write a checkpoint folder, replacing the files of an older one."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        'format': FORMAT,
        'modalities': list(checkpoint.modalities),
        'model': _model_section(checkpoint.model.settings),
        'text': {'model': checkpoint.text_model},
        # What a frame is stands with the model.
        'window': {k: v for k, v in asdict(checkpoint.window).items() if k not in _FRAMES},
        'labels': list(checkpoint.labels),
        **({'classes': True} if checkpoint.classes is not None else {}),
        'people': {dataset: list(who) for dataset, who in checkpoint.people.items()},
    }
    (folder / 'config.yaml').write_text(yaml.safe_dump(config, sort_keys=False))
    # Not save_file, which makes files that their owner alone may read.
    weights = {k: v.contiguous() for k, v in checkpoint.model.state_dict().items()}
    (folder / 'model.safetensors').write_bytes(save(weights))
    dump_labels(checkpoint.labels, folder / 'labels.yaml')
    sentences = {'sentences': torch.from_numpy(checkpoint.sentences)}
    (folder / 'text.safetensors').write_bytes(save(sentences))
    path = folder / 'classes.safetensors'
    path.unlink(missing_ok=True)
    if checkpoint.classes is not None:
        path.write_bytes(save({'classes': torch.from_numpy(checkpoint.classes)}))
    write_calibration(checkpoint.calibration, folder / CALIBRATION)
    (folder / 'README.md').write_text(checkpoint.card)


def _model_section(settings: ModelSettings) -> dict[str, Any]:
    section = asdict(settings)
    if not settings.video.kind:
        del section['video'], section['video_weight']
    return section


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file causes into one line that names it."""
    try:
        yield
    except CheckpointError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        reason = _reason(error)
    except SafetensorError as error:
        reason = _reason(error)
    else:
        return
    raise CheckpointError(
        f'{path} is damaged or missing ({reason}); copy the checkpoint again or train it again'
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = ' '.join(str(error).split()) or type(error).__name__
    return words if len(words) <= 160 else f'{words[:160]}...'


def _settings(kind: type, values: Mapping[str, Any], path: Path) -> Any:
    usual = kind()
    known = {f.name: type(getattr(usual, f.name)) for f in fields(kind)}
    if (
        not isinstance(values, Mapping)
        or set(values) - set(known)
        or not all(
            isinstance(value, str if known[name] is str else int | float)
            for name, value in values.items()
        )
    ):
        raise CheckpointError(
            f'{path}: expected {kind.__name__} out of {sorted(known)}, '
            f'{values!r} came; train the model with this version'
        )
    return kind(**values)


def _model_settings(values: Any, path: Path) -> ModelSettings:
    if not isinstance(values, Mapping) or 'video' not in values:
        settings: ModelSettings = _settings(ModelSettings, values, path)
        return settings
    others = {name: value for name, value in values.items() if name != 'video'}
    video = _settings(VideoSettings, values['video'], path)
    return replace(_settings(ModelSettings, others, path), video=video)


def _labels_of_outputs(
    names: list[str], words: Mapping[str, Label], folder: Path
) -> dict[str, Label]:
    """Return the labels in the order of the weights' outputs."""
    if missing := [str(name) for name in names if name not in words]:
        some = ', '.join(missing[:5]) + (', ...' if len(missing) > 5 else '')
        raise CheckpointError(
            f'{folder / "labels.yaml"} lacks {some}, which config.yaml lists among the labels of '
            'the weights; copy labels.yaml again or describe what is missing there'
        )
    return {name: words[name] for name in names}


def packaged() -> list[str]:
    """Return the names of the checkpoints that come with the package."""
    return sorted(path.parent.name for path in PRETRAINED.glob('*/config.yaml'))


def checkpoint_folder(name: str | Path | None) -> Path:
    """Return where a checkpoint is: the folder itself, or that of a packaged one by its name.

    Args:
        name: a folder, one of `packaged()`, or nothing for the default one. A folder of that name
            under the current one is meant by `./NAME`.
    """
    if not name:
        return DEFAULT
    return PRETRAINED / name if str(name) in packaged() else Path(name).expanduser()


def load_checkpoint(folder: str | Path | None = None) -> Checkpoint:
    """Read a checkpoint folder, or a packaged one by its name (default: `default`).

    Raises:
        CheckpointError: no checkpoint there, one of another format, or a damaged file.
    """
    folder = checkpoint_folder(folder)
    try:
        config = read_yaml((folder / 'config.yaml').read_bytes(), 'config.yaml')
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f'expected a checkpoint folder with a config.yaml, {folder} has no readable one '
            f'({_reason(error)}); give the folder that `mujo train --output` wrote, or a packaged '
            f'one by its name ({", ".join(packaged())})'
        ) from error
    version = config.get('format') if isinstance(config, dict) else None
    if version != FORMAT:
        raise CheckpointError(
            f'{folder}: this version reads checkpoints of format {FORMAT}, format {version} came; '
            'install the version of mujo_ros that wrote it, or train again'
        )
    path = folder / 'config.yaml'
    with _reading(path):
        model = JointSpace(_model_settings(config['model'], path))
        spec = config['window']
        if isinstance(spec, Mapping):
            # A checkpoint of before says nothing of these, and was trained without.
            before = {'standard_body': False, 'heading_seconds': 0.0, 'complete': False}
            spec = {**before, **spec}
        window = _settings(WindowSpec, spec, path)
        window = replace(window, video=model.settings.video)
        modalities = tuple(config.get('modalities', ('pose', 'imu')))
        names = list(config['labels'])
        text_model = str(config.get('text', {}).get('model', ENCODER))
        people = {str(d): tuple(map(str, who)) for d, who in config.get('people', {}).items()}
    with _reading(folder / 'model.safetensors'):
        model.load_state_dict(load_file(folder / 'model.safetensors'))
    with _reading(folder / 'labels.yaml'):
        labels = _labels_of_outputs(names, load_labels(folder / 'labels.yaml'), folder)
    with _reading(folder / 'text.safetensors'):
        sentences = load_file(folder / 'text.safetensors')['sentences'].numpy()
    classes = None
    if config.get('classes'):
        with _reading(folder / 'classes.safetensors'):
            classes = load_file(folder / 'classes.safetensors')['classes'].numpy()
    with _reading(folder / CALIBRATION):
        calibration = read_calibration(folder / CALIBRATION)
    with _reading(folder / 'README.md'):
        card = (folder / 'README.md').read_text(encoding='utf-8')
    checkpoint = Checkpoint(
        model=model.eval(),
        window=window,
        labels=labels,
        sentences=sentences,
        calibration=calibration,
        card=card,
        modalities=modalities,
        classes=classes,
        text_model=text_model,
        people=people,
    )
    shape = (len(names), model.settings.size)
    if classes is not None and classes.shape != shape:
        raise CheckpointError(
            f'{folder}: expected class vectors of shape {shape}, classes.safetensors holds '
            f'{classes.shape}; save the checkpoint again'
        )
    if model.settings.clusters not in (0, len(names)):
        raise CheckpointError(
            f'{folder / "config.yaml"}: expected as many clusters as labels, {len(names)}, or '
            f'none, {model.settings.clusters} came; save the checkpoint again'
        )
    if len(checkpoint.sentences) != len(checkpoint.labels):
        raise CheckpointError(
            f'{folder}: {len(checkpoint.labels)} labels need as many embeddings, '
            f'text.safetensors holds {len(checkpoint.sentences)}; save the checkpoint again'
        )
    return checkpoint
