"""Details: what a window shows beyond the joint space, the same today and in taught files."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.model.detail import block_sizes, details
from mujo_core.model.pose_detail import _kernels, pose_blocks
from mujo_core.skeleton import JOINT

WRIST, THIGH = 'right_wrist', 'left_thigh'


@pytest.fixture(scope='module')
def checkpoint():
    return load_checkpoint(Path(__file__).parents[1] / 'data' / 'without_subject_7')


@pytest.fixture
def batch(checkpoint, make_window) -> Batch:
    """Full windows, one half seen, one without a pose and one without a device."""
    windows = [
        make_window(0, imu=[WRIST, THIGH]),
        make_window(1, imu=[WRIST, THIGH]),
        make_window(2, pose=0.5, imu=[WRIST], share=0.5),
        make_window(3, pose=0.0, imu=[WRIST]),
        make_window(4),
    ]
    return batch_windows(windows, checkpoint.window)


def of(checkpoint, batch: Batch) -> dict[str, np.ndarray]:
    model = checkpoint.model
    with torch.inference_mode():
        found = details(model, batch, model.steps(batch))
    return {modality: rows.numpy() for modality, rows in found.items()}


def test_a_row_is_made_of_its_blocks_and_each_of_them_tells(checkpoint, batch):
    found = of(checkpoint, batch)
    first, second = found['pose'][:2], found['imu'][0]
    for modality, (one, other) in (('pose', first), ('imu', second)):
        sizes = block_sizes(checkpoint.model, modality)
        assert len(one) == sum(sizes) and np.isfinite(one).all()
        parts = np.split(np.abs(one - other), np.cumsum(sizes)[:-1])
        assert all(part.max() > 0.05 for part in parts)
        assert np.abs(np.concatenate([one, other])).mean() < 4.0  # a file keeps numbers up to 4


def test_what_is_away_is_zero_and_the_rest_as_alone(checkpoint, batch, make_window):
    found = of(checkpoint, batch)
    assert not found['pose'][3].any() and not found['imu'][4].any() and not found['imu'][2, 1].any()
    alone = batch_windows([make_window(1, imu=[WRIST, THIGH])], checkpoint.window)
    for modality, rows in of(checkpoint, alone).items():
        np.testing.assert_allclose(rows[0], found[modality][1], atol=1e-3)


def test_what_is_masked_has_no_influence(checkpoint, batch):
    noise = torch.Generator().manual_seed(0)

    def garbage(values: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return torch.where(seen, values, torch.randn(values.shape, generator=noise) * 50)

    spoiled = replace(
        batch,
        pose=garbage(batch.pose, batch.pose_mask[..., None]),
        root=garbage(batch.root, batch.pose_mask.any(dim=2)[..., None]),
        imu=garbage(batch.imu, batch.imu_mask[..., None]),
    )
    clean = of(checkpoint, batch)
    for modality, rows in of(checkpoint, spoiled).items():
        np.testing.assert_allclose(rows, clean[modality], atol=1e-3)


def test_taught_files_stay_readable_since_the_kernels_over_limbs_never_change():
    kernels = _kernels(torch.device('cpu'))
    chosen = kernels.channels.numpy()
    assert chosen.shape == (6, 84, 27) and set(chosen.sum(axis=-1).flat) == {1, 2, 4, 8}
    digest = hashlib.sha256(chosen.astype(np.int8).tobytes()).hexdigest()
    assert digest[:16] == '2ee398021296e577'


def test_that_details_are_asked_for_changes_no_draw():
    _kernels.cache_clear()
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    _kernels(torch.device('cpu'))
    assert torch.equal(torch.rand(4), wanted)


def test_kernels_tell_one_order_of_motions_from_the_other(checkpoint, batch):
    """Up and then out has the levels, the turning and the swings of out and then up."""
    pose = torch.zeros(2, batch.pose.shape[1], 16, 3)
    mask = torch.ones(pose.shape[:3], dtype=torch.bool)
    wrist = JOINT['right_wrist']
    rise = torch.sin(torch.linspace(0, 2 * torch.pi, 30)).clamp(min=0)
    for row, (up, out) in enumerate(((5, 40), (40, 5))):
        pose[row, up : up + 30, wrist, 2] = rise * 0.6
        pose[row, out : out + 30, wrist, 1] = rise * 0.6
    blocks = pose_blocks(pose, mask, torch.zeros(2, pose.shape[1], 4), 25.0)
    posture, _, swing, *kernels = [float((b[0] - b[1]).abs().max()) for b in blocks]
    assert posture < 0.1 and swing < 0.3 and max(kernels) > 0.5
