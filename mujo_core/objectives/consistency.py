"""Consistency: a corrupted window says what it said before it was corrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import CleanWindows, Term, TermInputs

_OF = ('vector', 'labels')


@term('consistency')
class Consistency(Term):
    """Pulls what a corrupted window gives to what the same window gives with nothing wrong.

    The clean window is encoded as in use (no dropout, running statistics), apart, and gets no
    gradient; a modality that the corruption took away is left out.

    Args:
        of: 'vector', 1 - the cosine of the two; or 'labels', the Kullback-Leibler divergence of
            the corrupted window's distribution over the labels from the clean one's.
        lone: weight of each modality alone, beside 1 for their fusion.
    """

    def __init__(self, model: JointSpace, *, of: str = 'vector', lone: float = 1.0) -> None:
        super().__init__(model)
        if of not in _OF:
            raise ValueError(f'consistency: expected of out of {", ".join(_OF)}; {of} came')
        if lone < 0.0:
            raise ValueError(f'consistency: expected lone of at least 0; {lone} came')
        self.of = of
        self.lone = lone

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean over the corrupted windows; None where clean ones are not told."""
        if inputs.clean is None:
            return None
        fused, units = clean_vectors(inputs.model, inputs.clean, len(inputs.batch))
        found = [(inputs.fused, fused, 1.0)]
        found += [(unit, units[m], self.lone) for m, unit in inputs.units.items() if m in units]
        total = None
        for corrupted, clean, weight in found:
            # What one of the two lacks is all zeros there.
            there = clean.any(dim=1) & corrupted.detach().any(dim=1)
            loss = masked_mean(self._distance(inputs, corrupted, clean), there)
            if loss is not None:
                total = weight * loss if total is None else total + weight * loss
        return total

    def _distance(
        self, inputs: TermInputs, corrupted: torch.Tensor, clean: torch.Tensor
    ) -> torch.Tensor:
        if self.of == 'vector':
            return 1.0 - (corrupted * clean).sum(dim=1)
        said = functional.log_softmax(inputs.model.logits(corrupted, inputs.label_vectors), dim=1)
        with torch.no_grad():
            wanted = functional.log_softmax(inputs.model.logits(clean, inputs.label_vectors), dim=1)
        return functional.kl_div(said, wanted, reduction='none', log_target=True).sum(dim=1)


def clean_vectors(
    model: JointSpace, clean: CleanWindows, count: int
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return (count, E) fused unit vectors of clean windows at their rows, and modality to such.

    Rows of windows that are not there, or lack the modality, are 0. Every modality is there, so
    that all processes have the same ones.
    """
    empty = clean.batch.pose.new_zeros(count, model.settings.size)
    fused, units = empty, dict.fromkeys(model.modalities, empty)
    if not len(clean.rows):
        return fused, units
    with torch.no_grad(), in_use(model):
        vectors = model.encode(clean.batch)
        rows = {m: functional.normalize(v, dim=-1).to(empty) for m, v in vectors.items()}
        if vectors:
            fused = empty.index_copy(0, clean.rows, model.fuse(vectors).to(empty))
        units |= {m: empty.index_copy(0, clean.rows, row) for m, row in rows.items()}
    return fused, units


@contextmanager
def in_use(model: nn.Module) -> Iterator[None]:
    """Let a model that is trained encode as it will when it is used."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, was in training.items():
            module.training = was
