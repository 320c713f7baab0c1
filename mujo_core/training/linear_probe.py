"""A linear probe: a checkpoint's encoders as they are, and one learned vector a class.

The encoders see each window once; a logistic regression without offset on their unit vectors gives
the class vectors. It learns from each modality alone and from their fusion together, so the one
head serves whatever a window holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from mujo_core.labels import Label
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.text import embed_labels
from mujo_core.training.clusters import fit_clusters
from mujo_core.training.config import TrainConfig
from mujo_core.training.corrupted import random_corruption
from mujo_core.training.mixture.mixture import class_labels
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.people import people_of, together
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.training.validation import LIVE
from mujo_core.window import Window

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""What is tried where held-out subjects choose."""
_BATCH = 64


def probe_features(
    checkpoint: Checkpoint, windows: Sequence[Window]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a head learns from.

    Returns:
        (M, size) unit vectors of each modality alone and of the fusion of several, and (M,) the
        place of each one's window.
    """
    model, rows, places = checkpoint.model.eval(), [], []
    for first in range(0, len(windows), _BATCH):
        with torch.inference_mode():
            batch = batch_windows(windows[first : first + _BATCH], checkpoint.window)
            present = batch.present
            vectors = model.encode(batch)
            if not vectors:
                continue
            parts = [(functional.normalize(v, dim=-1), present[m]) for m, v in vectors.items()]
            several = torch.stack([there for _, there in parts]).sum(dim=0) > 1
            for unit, there in (*parts, (model.fuse(vectors), several)):
                rows.append(unit[there].numpy())
                places.append(first + torch.nonzero(there).flatten().numpy())
    return np.concatenate(rows), np.concatenate(places)


def _draw(
    clips: Sequence[AnyClip], config: TrainConfig, how: SamplerSettings, draws: int
) -> tuple[list[Window], list[str]]:
    # Gently changed windows stay whole.
    corruption = random_corruption(config.corruptions, clips) if how is config.sampler else None
    sampler = WindowSampler(clips, config.window, how, corruption)
    drawn = [
        sampler.draw(index, np.random.default_rng((config.fit.seed, index, draw)))
        for index in range(len(clips))
        for draw in range(draws)
    ]
    return [window for window, _ in drawn], [label for _, label in drawn]


def fit_probe(
    checkpoint: Checkpoint,
    clips: Sequence[AnyClip],
    weights: np.ndarray,
    config: TrainConfig,
    held_out: Sequence[AnyClip] = (),
    labels: dict[str, Label] | None = None,
) -> Checkpoint:
    """Fit class vectors to a checkpoint.

    Args:
        checkpoint: the model, which stays as it is.
        clips: with labels; weights: (N,) of each.
        config: the probe's, the sampler's and the seed's settings.
        held_out: clips of other people, by whom the strength is chosen where it is 0.
        labels: the classes to choose from; None for those of the clips. Those that do not occur
            are left out.

    Returns:
        A checkpoint of the same model with these classes, without calibration.

    Raises:
        ValueError: fewer than two activities to tell apart.
        ImportError: scikit-learn is not installed.
    """
    draws = max(1, config.probe.draws)
    found = [_draw(clips, config, how, draws) for how in (LIVE, config.sampler)]
    names = [name for _, drawn in found for name in drawn]
    labels = labels or class_labels(clips, config.sampler, config.data)
    labels = {name: label for name, label in labels.items() if name in set(names)}
    if len(labels) < 2:
        raise ValueError(
            f'a linear probe needs two labels or more, {", ".join(labels) or "none"} came'
        )
    order = list(labels)
    features, places = probe_features(checkpoint, [w for windows, _ in found for w in windows])
    truth = np.array([order.index(n) if n in labels else -1 for n in names])[places]
    worth = np.tile(np.repeat(weights, draws), len(found))[places]
    known = truth >= 0
    learn = (features[known], truth[known], worth[known])
    strength = config.probe.strength
    if not strength:
        strength = _choose_strength(checkpoint, learn, held_out, config, order)
    vectors = _class_vectors(*learn, strength)
    scale = float(checkpoint.model.log_scale.detach().exp().clamp(max=100.0))
    model = fit_clusters(
        checkpoint.model, clips, weights, order, config.window, config.clusters, config.fit.seed,
        config.sampler,
    )  # fmt: skip
    return replace(
        checkpoint,
        model=model,
        labels=labels,
        sentences=embed_labels(labels, checkpoint.text_model),
        classes=np.ascontiguousarray(vectors / scale, dtype=np.float32),
        calibration={},
        card='',
        people=together(checkpoint.people, people_of([*clips, *held_out])),
    )


def _class_vectors(
    features: np.ndarray, truth: np.ndarray, weights: np.ndarray, strength: float
) -> np.ndarray:
    """Return (L, size) vectors whose products with features are logits; every place occurs."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ImportError(
            "a linear probe needs scikit-learn: pip install 'mujo_ros[train]'"
        ) from error
    head = LogisticRegression(C=strength, fit_intercept=False, max_iter=1000)
    vectors = head.fit(features, truth, sample_weight=weights).coef_
    # Of two classes it gives the one direction between them.
    return np.concatenate([-vectors, vectors]) / 2 if len(vectors) == 1 else vectors


def _choose_strength(
    checkpoint: Checkpoint,
    learn: tuple[np.ndarray, np.ndarray, np.ndarray],
    held_out: Sequence[AnyClip],
    config: TrainConfig,
    order: Sequence[str],
) -> float:
    from sklearn.metrics import f1_score

    if not held_out:
        raise ValueError('expected subjects as --data.validation to choose --probe.strength by')
    windows, names = _draw(held_out, config, LIVE, 1)
    features, places = probe_features(checkpoint, windows)
    truth = np.array([order.index(n) if n in order else -1 for n in names])[places]
    known = truth >= 0

    def macro_f1(strength: float) -> float:
        said = (features[known] @ _class_vectors(*learn, strength).T).argmax(axis=1)
        return float(f1_score(truth[known], said, average='macro', zero_division=0.0))

    return max(STRENGTHS, key=macro_f1)
