"""The level frame: what a device's own samples tell of how it moved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mujo_core.model.attitude import chain, level

RATE = 50.0
STEPS = 150


def limb(seed: int) -> tuple[np.ndarray, np.ndarray, Rotation]:
    """Force in g, rotation in rad/s and true attitude of a limb that swings and comes back."""
    rng = np.random.default_rng(seed)
    time = np.arange(STEPS) / RATE
    swing = np.sin(2 * np.pi * np.outer(time / time[-1], [1, 2, 1])) * rng.uniform(0.2, 0.8, 3)
    attitude = Rotation.from_rotvec(swing) * Rotation.random(random_state=seed)
    turns = (attitude[:-1].inv() * attitude[1:]).as_rotvec() * RATE
    rotation = np.concatenate([turns[:1], (turns[1:] + turns[:-1]) / 2, turns[-1:]])
    force = np.array([0.0, 0.0, 1.0]) + 0.3 * np.cos(2 * np.pi * np.outer(time, [1, 1, 2]) / 3.0)
    return attitude.inv().apply(force), rotation, attitude


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(np.asarray(a, dtype=np.float32))[None] for a in arrays]


def seen(steps: int = STEPS) -> torch.Tensor:
    return torch.ones(1, steps, dtype=torch.bool)


def test_chained_turns_are_the_attitude() -> None:
    _, rotation, attitude = limb(0)
    (given,) = tensors(rotation)
    found = Rotation.from_quat(chain(given, RATE)[0].numpy()[:, [1, 2, 3, 0]])
    error = (found.inv() * (attitude[0].inv() * attitude)).magnitude()
    assert np.rad2deg(error).max() < 2.0


def test_a_device_at_rest_reads_one_g_up() -> None:
    force = np.tile([0.6, 0.0, 0.8], (STEPS, 1))
    force, spin, axis = level(*tensors(force, np.zeros((STEPS, 3))), seen(), RATE)
    assert force[0, :, 2].numpy() == pytest.approx(1.0, abs=1e-5)
    assert force[0, :, :2].abs().max() < 1e-5
    assert spin.abs().max() == 0
    # The device's x axis leans 37 degrees above the horizon, and it is ahead.
    assert axis[0, 0].numpy() == pytest.approx([0.8, 0.0, 0.6], abs=1e-5)


@pytest.mark.parametrize('seed', range(5))
def test_a_strap_that_slipped_about_the_limb_changes_nothing(seed: int) -> None:
    force, rotation, _ = limb(seed)
    slipped = Rotation.from_euler('x', 70, degrees=True)
    before = level(*tensors(force, rotation), seen(), RATE)
    after = level(*tensors(slipped.apply(force), slipped.apply(rotation)), seen(), RATE)
    for one, other in zip(before, after, strict=True):
        assert other.numpy() == pytest.approx(one.numpy(), abs=1e-3)


@pytest.mark.parametrize('seed', range(5))
def test_force_is_what_the_limb_felt_but_for_the_heading(seed: int) -> None:
    force, rotation, attitude = limb(seed)
    found, _, _ = level(*tensors(force, rotation), seen(), RATE)
    truth = attitude.apply(force)
    assert found[0, :, 2].numpy() == pytest.approx(truth[:, 2], abs=0.06)
    across = np.linalg.norm(truth[:, :2], axis=1)
    assert found[0, :, :2].norm(dim=-1).numpy() == pytest.approx(across, abs=0.06)


def test_masked_steps_and_empty_rows_stay_finite() -> None:
    force, rotation, _ = limb(1)
    mask = seen()
    mask[0, 40:90] = False
    given = [t * mask.unsqueeze(-1) for t in tensors(force, rotation)]
    assert all(torch.isfinite(part).all() for part in level(*given, mask, RATE))
    nothing = torch.zeros(2, STEPS, 3)
    empty = torch.zeros(2, STEPS, dtype=torch.bool)
    assert all(torch.isfinite(part).all() for part in level(nothing, nothing, empty, RATE))
