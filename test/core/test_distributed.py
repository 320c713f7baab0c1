"""Two processes with half of each batch train as one with the whole: norms, means, losses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mujo_core.training.distributed import Processes

ROOT = Path(__file__).parents[2]
RUN = [
    '--fit.steps', '20', '--fit.batch_size', '8', '--fit.workers', '0', '--model.width', '16',
    '--model.size', '16', '--fit.log_every', '1', '--model.dropout', '0', '--sampler.drop_stream',
    '0.5', '--fit.snapshot_every', '0',
    '--sampler.virtual_only', '0', '--sampler.extra_device', '0',
    '--fit.learning_rate', '0.0005',
]  # fmt: skip
"""Without dropout, which draws other channels in each process; in steps so small that batches of
eight do not blow rounding up (at the usual rate it grows tenfold every third step)."""
SKELETONS = ('a1_s1_t1', 'a1_s3_t2', 'a23_s1_t1', 'a27_s3_t2')
TOLERANCE = 1e-3
"""Of each logged loss: sums of floats in another order, grown over 20 steps of AdamW."""


def start(command: list[str], tmp_path: Path) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def torchrun(*command: str) -> list[str]:
    return [
        sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2',
        *command,
    ]  # fmt: skip


def losses(output: Path) -> dict[str, np.ndarray]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(output / 'log'))
    events.Reload()
    names = [t for t in events.Tags()['scalars'] if t.startswith('loss/')]
    return {name: np.array([event.value for event in events.Scalars(name)]) for name in names}


@pytest.fixture
def few_skeletons(utd, tmp_path) -> Path:
    """Of twelve clips four have a skeleton: at times one process has none, or neither has."""
    root = Path(shutil.copytree(utd, tmp_path / 'utd'))
    for path in (root / 'Skeleton').iterdir():
        if path.name[: -len('_skeleton.mat')] not in SKELETONS:
            path.unlink()
    return root


@pytest.mark.slow
def test_two_processes_with_half_the_batch_have_the_losses_of_one_with_all_of_it(
    few_skeletons, tmp_path
):
    outputs = [tmp_path / 'one', tmp_path / 'two']
    verb = [
        '-m',
        'mujo_core.cli.main',
        'train',
        '--data.root',
        str(few_skeletons),
        *RUN,
        '--output',
    ]
    start([sys.executable, *verb, str(outputs[0])], tmp_path)
    said = start(torchrun(*verb, str(outputs[1])), tmp_path)
    assert said.count('checkpoint in') == 1
    one, two = map(losses, outputs)
    assert set(one) == set(two) and {'loss/classification', 'loss/info_nce'} <= set(one)
    worst = {name: float(np.abs(one[name] - two[name]).max()) for name in one}
    print('largest difference of a loss:', worst)
    for name in one:
        assert len(one[name]) == len(two[name]) == 20
        np.testing.assert_allclose(one[name], two[name], atol=TOLERANCE)
    assert one['loss/classification'][-5:].mean() < one['loss/classification'][:5].mean()
    first, second = (load_file(d / 'model.safetensors') for d in outputs)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        # Whitened vectors are large, where a few windows hardly differ in some direction.
        size = max(1.0, float(tensor.float().abs().max())) if name.startswith('clusters.') else 1.0
        torch.testing.assert_close(tensor, second[name], atol=TOLERANCE * size, rtol=0.0)


NORMS = """
import torch
from torch import distributed, nn
from mujo_core.objectives.gather import masked_mean
from mujo_core.training.distributed import SharedNorms

distributed.init_process_group('gloo')
rank = distributed.get_rank()
torch.manual_seed(0)
rows = torch.randn(7, 5, 9, dtype=torch.float64).float()
for split in (3, 0, 7):
    norm = nn.BatchNorm1d(5)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.normal_()
    plain = nn.Sequential(nn.Conv1d(5, 5, 3), norm)
    shared = nn.Sequential(nn.Conv1d(5, 5, 3), nn.BatchNorm1d(5))
    shared.load_state_dict(plain.state_dict())
    names = list(shared.state_dict())
    SharedNorms().apply(shared)
    assert list(shared.state_dict()) == names
    part = slice(0, split) if rank == 0 else slice(split, 7)
    expected = plain(rows)
    expected.square().flatten(1).sum(dim=1).mean().backward()
    found = shared(rows[part])
    squares = found.square().flatten(1).sum(dim=1)
    loss = masked_mean(squares, torch.ones(len(squares), dtype=torch.bool))
    loss.backward()
    torch.testing.assert_close(found, expected[part], atol=1e-5, rtol=1e-5)
    value = loss.detach().clone()
    distributed.all_reduce(value)
    torch.testing.assert_close(value / 2, expected.square().flatten(1).sum(dim=1).mean())
    for one, all_of_it in zip(shared.parameters(), plain.parameters()):
        gradient = one.grad if one.grad is not None else torch.zeros_like(one)
        distributed.all_reduce(gradient)
        torch.testing.assert_close(gradient / 2, all_of_it.grad, atol=1e-4, rtol=1e-4)
    SharedNorms().revert(shared)
    assert type(shared[1]) is nn.BatchNorm1d
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], tensor, atol=1e-5, rtol=1e-5)
distributed.barrier()
distributed.destroy_process_group()
print('same')
"""


@pytest.mark.slow
def test_norms_and_means_of_two_processes_are_those_of_one_also_where_one_has_no_row(tmp_path):
    script = tmp_path / 'norms.py'
    script.write_text(NORMS)
    assert start(torchrun(str(script)), tmp_path).count('same') == 2


def test_a_batch_that_cannot_be_shared_is_refused_in_one_line():
    assert Processes(count=4).share(64) == 16
    with pytest.raises(ValueError, match='multiple of the 3 processes') as caught:
        Processes(count=3).share(64)
    assert '\n' not in str(caught.value)
