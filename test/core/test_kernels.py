"""Fixed kernels: shares by hand, blind to what is masked."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from mujo_core.model.kernels import DILATIONS, EVERY, FixedKernels

CHANNELS, STEPS = 5, 60


def made(seed: int = 0) -> FixedKernels:
    torch.manual_seed(seed)
    return FixedKernels(CHANNELS, 7, thresholds=3)


def motions(count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(size=(count, STEPS, CHANNELS)), axis=1).astype(np.float32)
    return torch.from_numpy(x), torch.ones(count, STEPS, dtype=torch.bool)


def responses_by_hand(kernels: FixedKernels, x: np.ndarray) -> np.ndarray:
    """(T, C) to (levels, 84, T), one tap after another."""
    found = np.zeros((len(DILATIONS), 84, len(x)))
    for level, dilation in enumerate(DILATIONS):
        for kernel, high in enumerate(combinations(range(9), 3)):
            signal = x[:, kernels.channels[level, kernel].numpy()].sum(axis=1)
            for step in range(len(x)):
                for tap in range(9):
                    at = step + (tap - 4) * dilation
                    if 0 <= at < len(x):
                        found[level, kernel, step] += (2.0 if tap in high else -1.0) * signal[at]
    return found


def test_shares_are_those_counted_by_hand() -> None:
    kernels = made()
    x, seen = motions(4)
    kernels.measure(x, seen)
    by_hand = responses_by_hand(kernels, x[2].double().numpy())[:, :, None]
    above = by_hand[..., ::EVERY] - kernels.thresholds[..., None].double().numpy()
    # A response that lies on its threshold falls to either side by rounding.
    clear = (np.abs(above) > 1e-3).all(axis=-1).ravel()
    assert clear.mean() > 0.6
    found = kernels.shares(x, seen)[2].numpy()
    expected = (above > 0).mean(axis=-1).ravel()
    assert found[clear] == pytest.approx(expected[clear], abs=1e-6)


def test_thresholds_are_quantiles_so_that_every_feature_tells_something() -> None:
    kernels = made()
    x, seen = motions(16)
    kernels.measure(x, seen)
    shares = kernels.shares(x, seen)
    assert float(shares.min()) >= 0.0 and float(shares.max()) <= 1.0
    spread_evenly = np.quantile(shares.mean(dim=0).numpy(), [0.25, 0.5, 0.75])
    assert spread_evenly == pytest.approx([0.25, 0.5, 0.75], abs=0.05)


def test_steps_that_are_not_seen_count_for_nothing() -> None:
    kernels = made()
    x, seen = motions(8)
    kernels.measure(x, seen)
    seen[:, 40:] = False
    held = torch.where(seen[..., None], x, 0.0)
    found = kernels.shares(held, seen)
    short = kernels.shares(held[:, :40], seen[:, :40])
    assert torch.allclose(found, short, atol=1e-6)
    assert not kernels.shares(held, torch.zeros_like(seen)).any()


def test_no_device_at_all_is_no_vector() -> None:
    kernels = made()
    assert kernels(torch.zeros(0, STEPS, CHANNELS), torch.zeros(0, STEPS).bool()).shape == (0, 7)
