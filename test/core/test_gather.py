"""Two processes with half the batch each against one with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mujo_core
from mujo_core.objectives.gather import gather, masked_mean, mean_over_ranks

ROOT = Path(mujo_core.__file__).parents[1]
SCRIPT = Path(__file__).parent / 'ddp_gradients.py'


def test_in_one_process_nothing_happens():
    rows = torch.randn(4, 3, requires_grad=True)
    assert gather(rows) is rows
    assert torch.equal(mean_over_ranks(rows), rows.detach())


def test_a_masked_mean_is_over_the_entries_that_count():
    values = torch.tensor([[1.0, 2.0], [5.0, float('nan')]], requires_grad=True)
    mask = torch.tensor([[True, True], [True, False]])
    found = masked_mean(values, mask)
    found.backward()
    assert found.item() == pytest.approx(8 / 3)
    assert values.grad.flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])
    assert masked_mean(values, torch.zeros(2, 1, dtype=torch.bool)) is None


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one_with_the_whole_batch(tmp_path):
    """For every strategy over all terms; windows that lack a modality are all in one process."""
    commands = [[sys.executable, str(SCRIPT), str(tmp_path), str(r), '2'] for r in range(2)]
    commands.append([sys.executable, str(SCRIPT), str(tmp_path), '0', '1'])
    how = {
        'env': {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        'stdout': subprocess.PIPE,
        'stderr': subprocess.STDOUT,
        'text': True,
    }
    running = [subprocess.Popen(command, **how) for command in commands]
    said = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], '\n'.join(said)
    whole, halves = (torch.load(tmp_path / f'{n}.pt') for n in ('of_1', 'of_2'))
    for strategy, expected in whole.items():
        found = halves[strategy]
        assert found['loss'] == pytest.approx(expected['loss'], rel=1e-4), strategy
        assert found['weights'] == pytest.approx(expected['weights'], rel=1e-3), strategy
        assert set(found['gradients']) == set(expected['gradients'])
        assert len(expected['gradients']) > 60
        for name, gradient in expected['gradients'].items():
            close = torch.allclose(found['gradients'][name], gradient, rtol=1e-3, atol=2e-5)
            assert close, (strategy, name)
