"""Contrastive terms: views of one window together, those of other activities' windows apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import gather
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs
from mujo_core.recording import MODALITIES

PairLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor | None]


def other_windows_of_the_label(
    labels: torch.Tensor, wider: torch.Tensor | None = None
) -> torch.Tensor:
    """Return (B, B) bool: two windows of one label, or of one that is wider than the other's.

    Unlabelled ones (below 0) are like no other.

    Args:
        wider: (L, L) bool, is the label of the column wider than that of the row?
    """
    known = (labels >= 0)[:, None] & (labels >= 0)[None, :]
    same = labels[:, None] == labels[None, :]
    if wider is not None:
        places = labels.clamp(min=0)
        same = same | (wider | wider.T)[places[:, None], places[None, :]]
    return (same & known).fill_diagonal_(False)


def info_nce(
    first: torch.Tensor,
    second: torch.Tensor,
    labels: torch.Tensor,
    present: torch.Tensor,
    scale: torch.Tensor,
    wider: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """Symmetric InfoNCE (van den Oord et al. 2018; Radford et al. 2021) of two views.

    Windows of one label are not each other's negatives: they are left out of the denominator.

    Args:
        first, second: (B, E) unit vectors of two modalities.
        labels: (B,) label of each window, below 0 where unknown.
        present: (B,) bool, windows that hold both modalities.
        scale: 1 / temperature.
        wider: (L, L) bool, as in `other_windows_of_the_label`.

    Returns:
        The mean loss; None with fewer than two such windows.
    """
    if int(present.sum()) < 2:
        return None
    first, second, labels = first[present], second[present], labels[present]
    similarity = scale * first @ second.T
    similarity = similarity.masked_fill(other_windows_of_the_label(labels, wider), float('-inf'))
    target = torch.arange(len(labels), device=first.device)
    forward = functional.cross_entropy(similarity, target)
    backward = functional.cross_entropy(similarity.T, target)
    return (forward + backward) / 2


def siglip(
    first: torch.Tensor,
    second: torch.Tensor,
    labels: torch.Tensor,
    present: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    wider: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """Sigmoid loss (Zhai et al., ICCV 2023): is this pair of views one window, yes or no?

    Two windows of one label are neither a positive nor a negative pair: they are left out.

    Args:
        scale, bias: of the cosine inside the sigmoid; the others as in `info_nce`.

    Returns:
        The sum over pairs by the number of windows; None with fewer than two such windows.
    """
    if int(present.sum()) < 2:
        return None
    first, second, labels = first[present], second[present], labels[present]
    logits = scale * first @ second.T + bias
    target = torch.eye(len(labels), dtype=logits.dtype, device=logits.device)
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction='none')
    return losses.masked_fill(other_windows_of_the_label(labels, wider), 0.0).sum() / len(labels)


def pairwise_mean(
    inputs: TermInputs, text: bool, without: Collection[str], loss: PairLoss
) -> torch.Tensor | None:
    """Return the mean of a loss over all pairs of modalities, over the windows of all processes.

    Args:
        text: let the vector of a window's label be a modality of it.
        without: modalities that make no pair.
        loss: (first, second, labels, present) to the loss of a pair.
    """
    units, present = dict(inputs.units), dict(inputs.present)
    if text and len(inputs.label_vectors):
        units['text'] = inputs.label_vectors[inputs.labels.clamp(min=0)]
        present['text'] = inputs.labelled
    labels = gather(inputs.labels)
    views = {m: (gather(units[m]), gather(present[m])) for m in units if m not in without}
    found = []
    for (first, has_first), (second, has_second) in combinations(views.values(), 2):
        pair = loss(first, second, labels, has_first & has_second)
        if pair is not None:
            found.append(pair)
    return torch.stack(found).mean() if found else None


def _modalities(name: str, without: Sequence[str]) -> frozenset[str]:
    known = (*MODALITIES, 'text')
    if not set(without) <= set(known):
        raise ValueError(
            f'{name}: expected without as a list out of {", ".join(known)}, {without!r} came'
        )
    return frozenset(without)


@term('info_nce')
class InfoNce(Term):
    """`info_nce` over all pairs of modalities; the joint space holds the learned temperature.

    Args:
        text: a window's label is one of its modalities.
        without: modalities that make no pair.
    """

    def __init__(
        self, model: JointSpace, *, text: bool = True, without: Sequence[str] = ()
    ) -> None:
        super().__init__(model)
        self.text, self.without = text, _modalities('info_nce', without)

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean over the pairs that at least two windows hold."""
        scale = inputs.model.log_contrast.exp().clamp(max=50.0)
        return pairwise_mean(
            inputs,
            self.text,
            self.without,
            lambda a, b, labels, both: info_nce(a, b, labels, both, scale, inputs.wider),
        )


@term('siglip')
class Siglip(Term):
    """`siglip` over all pairs of modalities, with learned scale and bias.

    Args:
        text: a window's label is one of its modalities.
        without: modalities that make no pair.
        scale, bias: where they start. The paper's bias of -10 suits batches of 32,768: it is
            minus the logarithm of the number of negatives, here of some sixty.
    """

    def __init__(
        self,
        model: JointSpace,
        *,
        text: bool = True,
        without: Sequence[str] = (),
        scale: float = 10.0,
        bias: float = -4.0,
    ) -> None:
        super().__init__(model)
        if scale <= 0.0:
            raise ValueError(f'siglip: expected a scale above 0, {scale} came')
        self.text, self.without = text, _modalities('siglip', without)
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the mean over the pairs that at least two windows hold."""
        scale = self.log_scale.exp().clamp(max=100.0)
        return pairwise_mean(
            inputs,
            self.text,
            self.without,
            lambda a, b, labels, both: siglip(a, b, labels, both, scale, self.bias, inputs.wider),
        )
