"""The last step of training: a readout of fixed kernels, solved for by ridge regression.

Gradient steps fit an encoder of IMUs to the few people there are; of kernels that were never
fitted to anybody a linear map to the label vectors says more about people not seen. The encoder
keeps its share of the vector, since it also learned from other modalities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mujo_core.corruptions import RandomCorruption
from mujo_core.model.joint_space import JointSpace
from mujo_core.recording import Stream, modality_of
from mujo_core.training.clip import Clip
from mujo_core.training.config import ReadoutSettings
from mujo_core.training.data import WindowDataset, collate
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import Window, WindowSpec

GENTLE = SamplerSettings(
    as_stream=0.3,
    rest=0.05,
    speed=(0.9, 1.1),
    warp=0.05,
    any_turn=0.05,
    vigour=0.1,
    extra_device=0.0,
    virtual_only=0.1,
    drop_stream=0.0,
)
"""Few clips fill the kernels' space well, so windows are changed less than for gradient steps."""
_WHOLE = 0.5
"""Of these windows at least, where the model is shown whole actions."""
_MEASURED = 200
_BATCH = 128


def fit_readout(
    model: JointSpace,
    clips: Sequence[AnyClip],
    weights: np.ndarray,
    labels: Sequence[str],
    sentences: np.ndarray,
    spec: WindowSpec,
    how: ReadoutSettings,
    seed: int,
    corruption: RandomCorruption | None = None,
    sampler: SamplerSettings | None = None,
) -> JointSpace:
    """Return the model with fixed kernels beside its IMU encoder.

    A ridge regression from the kernels' shares to the vector of each window's label; where a
    window says little its answer is short, and so weighs little in a fusion.

    Args:
        model: trained, without kernels.
        clips: to draw windows from; weights: (N,) how often each.
        labels: the classes; sentences: (L, S) their sentence embeddings.
        corruption: what goes wrong with the streams of windows, if anything.
        sampler: the run's, of which whole actions, mirrored clips and words of pockets are taken
            over.

    Returns:
        The same model where no labelled clip has an IMU, else one with `ModelSettings.kernels`.
    """
    settings = replace(GENTLE, whole=_WHOLE if spec.whole else 0.0)
    if sampler is not None:
        whole = max(settings.whole, sampler.whole)
        settings = replace(settings, whole=whole, mirror=sampler.mirror, pocket=sampler.pocket)
    drawn = _draw(clips, weights, labels, spec, how, seed, corruption, settings)
    if not drawn:
        return model
    batch, places = collate(drawn, spec)
    torch.manual_seed(seed)
    sizes = replace(model.settings, kernels=how.kernels, kernel_share=how.share)
    found = JointSpace(sizes).eval()
    found.load_state_dict(model.state_dict(), strict=False)
    kernels = found.imu.kernels
    assert kernels is not None
    some = slice(_MEASURED)
    with torch.inference_mode():
        motion, seen = found.imu.motion(batch.imu, batch.imu_mask)
        kernels.measure(motion[some], seen[some])
        parts = zip(motion.split(_BATCH), seen.split(_BATCH), strict=True)
        shares = torch.cat([kernels.shares(*part) for part in parts])
        learned = model.imu(batch.imu[some], batch.imu_mask[some], batch.placement[some])
        window = torch.nonzero(batch.imu_mask.any(dim=-1))[:, 0]
        wanted = found.label_vectors(torch.from_numpy(sentences))[places[window]]
        weight, bias = ridge(shares, wanted * learned.norm(dim=-1).mean(), how.penalty)
        kernels.weight.copy_(weight.T)
        kernels.bias.copy_(bias)
    return found


def ridge(
    features: torch.Tensor, wanted: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight (F, E) and bias (E,) of a ridge regression, solved over the N rows.

    Args:
        features: (N, F), each of which counts by its spread; wanted: (N, E).
        penalty: of the squared weights, as a share of the rows' mean squared length.
    """
    mean, spread = features.mean(dim=0), features.std(dim=0, correction=0) + 0.1
    rows = ((features - mean) / spread).double()
    offset = wanted.double().mean(dim=0)
    products = rows @ rows.T
    products += penalty * products.diagonal().mean() * torch.eye(len(rows), dtype=torch.double)
    solved = torch.linalg.solve(products, wanted.double() - offset)
    weight = (rows.T @ solved) / spread.double().unsqueeze(-1)
    bias = offset - mean.double() @ weight
    return weight.float(), bias.float()


def _device_streams(clip: Clip) -> dict[str, Stream]:
    return {n: s for n, s in clip.streams.items() if modality_of(n) == 'imu'}


def _devices_alone(clip: Clip) -> Clip:
    return replace(clip, streams=_device_streams(clip) or clip.streams)


def _draw(
    clips: Sequence[AnyClip],
    weights: np.ndarray,
    labels: Sequence[str],
    spec: WindowSpec,
    how: ReadoutSettings,
    seed: int,
    corruption: RandomCorruption | None,
    settings: SamplerSettings,
) -> list[tuple[Window, int]]:
    """Return gently changed windows of devices alone, and the places of their labels."""
    kept, chosen = [], []
    for clip, weight in zip(clips, weights, strict=True):
        devices = clip.outline.virtual or _device_streams(clip.outline)
        if clip.label in labels and devices:
            kept.append(clip.changed(_devices_alone))
            chosen.append(weight)
    if not kept:
        return []
    sampler = WindowSampler(kept, spec, settings, corruption)
    dataset = WindowDataset(sampler, labels, np.array(chosen), how.windows, seed)
    drawn = [dataset[index] for index in range(how.windows)]
    return [(d.window, d.place) for d in drawn if d.window.imu and d.place >= 0]
