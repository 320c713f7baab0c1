"""One of the processes of `test_gather.py`: the gradients of a step under each strategy.

Arguments: folder to meet and write in, rank, number of processes.
"""

import sys
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mujo_core.model.batch import PLACEMENT_WORDS, Batch
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.objectives.multitask import MultitaskLoss, ObjectiveSettings
from mujo_core.objectives.registry import STRATEGIES
from mujo_core.objectives.term import TermInputs
from mujo_core.training.distributed import leave

WINDOWS, LABELS = 8, 4
TERMS = {
    'classification': 1.0,
    'info_nce': 0.5,
    'siglip': 0.1,
    'pose_to_imu': 1.0,
    'imu_to_pose': 1,
}


class Step(nn.Module):
    """Model and objectives as one module, as Lightning wraps them."""

    def __init__(self, strategy: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        # The running statistics: those of half a batch are not those of the whole.
        self.model = JointSpace(ModelSettings(size=16, width=8, dropout=0.0)).eval()
        self.objectives = MultitaskLoss(self.model, ObjectiveSettings(TERMS, strategy=strategy))

    def forward(self, batch: Batch, labels: torch.Tensor, sentences: torch.Tensor) -> torch.Tensor:
        return self.objectives(TermInputs.encode(self.model, batch, labels, sentences))[0]


def whole_batch() -> tuple[Batch, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    pose_mask = torch.ones(WINDOWS, 75, 16, dtype=torch.bool)
    imu_mask = torch.ones(WINDOWS, 2, 150, dtype=torch.bool)
    # The first half has no pose at all, one window there nothing; labels lack in the second.
    pose_mask[:4], imu_mask[1], imu_mask[5, 0], imu_mask[6] = False, False, False, False
    batch = Batch(
        pose=torch.randn(WINDOWS, 75, 16, 3, generator=rng),
        pose_mask=pose_mask,
        root=torch.randn(WINDOWS, 75, 4, generator=rng),
        imu=torch.randn(WINDOWS, 2, 150, 6, generator=rng),
        imu_mask=imu_mask,
        placement=(torch.rand(WINDOWS, 2, len(PLACEMENT_WORDS), generator=rng) < 0.3).float(),
        video=torch.zeros(WINDOWS, 0, 4),
        video_mask=torch.zeros(WINDOWS, 0, dtype=torch.bool),
    )
    labels = torch.tensor([0, 1, 1, 2, 3, -1, 0, -1])
    return batch, labels, torch.randn(LABELS, 384, generator=rng)


def main(folder: Path, rank: int, count: int) -> None:
    torch.set_num_threads(1)
    if count > 1:
        distributed.init_process_group(
            'gloo', f'file://{folder}/meeting', timedelta(minutes=2), count, rank
        )
    found = gradients(rank, count)
    if rank == 0:
        torch.save(found, folder / f'of_{count}.pt')
    if count > 1:
        distributed.barrier()
        leave()


def gradients(rank: int, count: int) -> dict:
    batch, labels, sentences = whole_batch()
    rows = slice(rank * WINDOWS // count, (rank + 1) * WINDOWS // count)
    mine = Batch(**{name: value[rows] for name, value in batch.__dict__.items()})
    found = {}
    for strategy in STRATEGIES.names:
        step = Step(strategy)
        trained = DistributedDataParallel(step, find_unused_parameters=True) if count > 1 else step
        # Thrice, since gradnorm moves its weights and DDP would notice a step left half done.
        for _ in range(3):
            step.zero_grad()
            loss = trained(mine, labels[rows], sentences)
            loss.backward()
        value = loss.detach().clone()
        if count > 1:
            distributed.all_reduce(value)
        found[strategy] = {
            'loss': float(value) / count,
            'weights': step.objectives.strategy.weights(),
            'gradients': {n: p.grad for n, p in step.named_parameters() if p.grad is not None},
        }
    return found


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
