"""Whether an exported file says what the model says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mujo_core.export.onnx_file import INPUTS, example_inputs
from mujo_core.export.runtime import OnnxScores
from mujo_core.model.batch import Batch
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.decision import calibrated_scores
from mujo_core.recognition.label_space import LabelSpace, subsets_of


def model_scores(
    checkpoint: Checkpoint, space: LabelSpace, batch: Batch, subset: str, false_alarm_rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores (B, L), those of `unknown` (B,) and vectors (B, size) as a recognizer has them.

    Args:
        subset: the modalities that every window of the batch holds.
    """
    with torch.inference_mode():
        vectors, familiarity = checkpoint.model.weighed(batch, space.among)
        logits = space.logits(checkpoint.model, vectors, batch).numpy()
    calibration = checkpoint.calibration.get(subset, Calibration())
    found = calibrated_scores(logits, calibration, false_alarm_rate, familiarity.numpy())
    return (*found, vectors.numpy())


def random_batch(checkpoint: Checkpoint, seed: int) -> Batch:
    """Return two windows of noise with gaps, seen by everything."""
    generator = torch.Generator().manual_seed(seed)
    fields = example_inputs(checkpoint)
    for name, value in fields.items():
        if value.dtype == torch.bool:
            fields[name] = torch.rand(value.shape, generator=generator) > 0.1
        elif value.dtype == torch.uint8:
            fields[name] = torch.randint(0, 255, value.shape, generator=generator).byte()
        elif name != 'placement':
            fields[name] = torch.randn(value.shape, generator=generator)
    fields['placement'] = (fields['placement'].cumsum(dim=-1) % 3 == 1).float()
    return Batch(*(fields[name] for name in INPUTS))


def largest_difference(
    checkpoint: Checkpoint, space: LabelSpace, file: str | Path, false_alarm_rate: float
) -> float:
    """Return the largest difference of any output, over every subset of modalities."""
    exported = OnnxScores(file)
    whole = random_batch(checkpoint, 0)
    worst = 0.0
    for subset in subsets_of(checkpoint.model.modalities):
        batch = replace(whole)
        for modality in checkpoint.model.modalities:
            if modality not in subset.split('+'):
                batch = batch.without(modality)
        if checkpoint.model.video is None:
            batch = batch.without('video')
        expected = model_scores(checkpoint, space, batch, subset, false_alarm_rate)
        for ours, theirs in zip(expected, exported.run(batch), strict=True):
            worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst
