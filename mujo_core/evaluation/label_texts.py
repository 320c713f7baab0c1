"""The words for a data set's labels, whether the model was trained on them or not."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mujo_core.labels import Label, merge, taxonomy
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.text import embed_labels


def label_texts(names: Sequence[str]) -> dict[str, Label]:
    """Return each name's words: the taxonomy's where they are there, else the name itself.

    Two names that mean one label of the taxonomy keep their own words.
    """
    known = taxonomy()
    meant = {name: name if name in known else merge(name) for name in names}
    texts = {}
    for name, label in meant.items():
        own = label in known and list(meant.values()).count(label) == 1
        # With the taxonomy's name, so that its sentences are those that are packaged.
        texts[name] = known[label] if own else Label(name, name.replace('_', ' '))
    return texts


def text_vectors(checkpoint: Checkpoint, names: Sequence[str]) -> torch.Tensor:
    """Return (L, size) unit vectors of labels from their words alone; sentences are averaged."""
    sentences = embed_labels(label_texts(names), checkpoint.text_model)
    with torch.inference_mode():
        return checkpoint.model.label_vectors(torch.from_numpy(sentences))
