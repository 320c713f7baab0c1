"""The very last step of training: where in the joint space each label of training lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mujo_core.model.joint_space import JointSpace
from mujo_core.training.config import ClusterSettings
from mujo_core.training.data import WindowDataset, collate
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import WindowSpec

STILL = SamplerSettings(
    as_stream=0.7, rest=0.1, speed=(1.0, 1.0), warp=0.0, pose_speed=0.0, device_turn=0.0,
    device_roll=0.0, any_turn=0.0, imu_bias=0.0, imu_noise=0.0, vigour=0.0, extra_device=0.0,
    virtual_only=0.0, wrist=0.0, drop_stream=0.0, lose=0.0, pose_noise=0.0, shake=0.0, hide=0.0,
    tilt=0.0,
)  # fmt: skip
"""Partly cut actions amid rest, as live windows are; else unchanged, so that windows of a label
differ as people do and not as they were made to."""
_A_CLIP = 6
"""Windows of each clip that are looked at, where that is fewer than `ClusterSettings.windows`."""
_BATCH = 128


def fit_clusters(
    model: JointSpace,
    clips: Sequence[AnyClip],
    weights: np.ndarray,
    labels: Sequence[str],
    spec: WindowSpec,
    how: ClusterSettings,
    seed: int,
    sampler: SamplerSettings,
) -> JointSpace:
    """Return the model with the places of these labels, measured on windows as they are.

    Args:
        model: trained; weights that it has do not change.
        clips: to draw windows from; weights: (N,) how often each.
        labels: the classes.
        sampler: the run's, of which whole activities are taken over.

    Returns:
        One with `ModelSettings.clusters`, which are 0 where fewer than two labels occur.
    """
    count = min(how.windows, _A_CLIP * len(clips))
    draws = replace(STILL, whole=sampler.whole if spec.whole else 0.0)
    even = _evened(clips, weights, labels)
    dataset = WindowDataset(WindowSampler(clips, spec, draws), labels, even, count, seed)
    drawn = [item for index in range(count) if (item := dataset[index]).place >= 0]
    several = len({item.place for item in drawn}) > 1
    found = JointSpace(replace(model.settings, clusters=len(labels) if several else 0)).eval()
    weights_alone = {k: v for k, v in model.state_dict().items() if not k.startswith('clusters.')}
    found.load_state_dict(weights_alone, strict=False)
    if found.clusters is None:
        return found
    vectors: dict[str, list[torch.Tensor]] = {m: [] for m in found.modalities}
    places: dict[str, list[torch.Tensor]] = {m: [] for m in found.modalities}
    for start in range(0, len(drawn), _BATCH):
        batch, where = collate(drawn[start : start + _BATCH], spec)
        with torch.inference_mode():
            encoded = found.encode(batch)
        for modality, rows in encoded.items():
            there = batch.present[modality]
            vectors[modality].append(rows[there])
            places[modality].append(where[there])
    for modality, parts in vectors.items():
        if parts:
            found.clusters.of(modality).measure(
                torch.cat(parts), torch.cat(places[modality]), how.shrinkage
            )
    return found


def _evened(clips: Sequence[AnyClip], weights: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Return weights (N,) by which every label is drawn as often, and nothing without a label."""
    names = np.array([clip.label for clip in clips])
    even = np.zeros(len(clips))
    for label in labels:
        own = names == label
        if weights[own].sum() > 0.0:
            even[own] = weights[own] / weights[own].sum()
    return even if even.any() else np.ones(len(clips))
