"""Classification against label vectors, of each modality alone and of their fusion."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs


def classification(
    logits: torch.Tensor,
    labels: torch.Tensor,
    present: torch.Tensor,
    smoothing: float,
    wider: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """Cross entropy of (B, L) logits with label smoothing over the windows that are `present`.

    A kick to the side is a kick, and a kick may be one to the side: labels of which one is wider
    than the other are not each other's negatives, and a window is learned from under every wider
    label as well.

    Args:
        labels: (B,) int64; below 0 where none is known: such a window counts as absent.
        wider: (L, L) bool, is the label of the column wider than that of the row?

    Returns:
        The mean loss; None with no such window.
    """
    counts = present & (labels >= 0)
    known = labels.clamp(min=0)
    if wider is None or not bool(wider.any()):
        losses = functional.cross_entropy(
            logits, known, reduction='none', label_smoothing=smoothing
        )
        return masked_mean(losses, counts)
    own = _among_others(logits, known, wider, smoothing)
    rows, above = torch.nonzero(wider[known], as_tuple=True)
    total = own.index_add(0, rows, _among_others(logits[rows], above, wider, smoothing))
    return masked_mean(total / (1 + wider[known].sum(dim=1)), counts)


def _among_others(
    logits: torch.Tensor, labels: torch.Tensor, wider: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return the cross entropy (B,) of labels among those that are no wider or narrower."""
    relatives = (wider | wider.T)[labels]
    scores = functional.log_softmax(logits.masked_fill(relatives, float('-inf')), dim=1)
    hit = scores.gather(1, labels.unsqueeze(1)).squeeze(1)
    mean = scores.masked_fill(relatives, 0.0).sum(dim=1) / (~relatives).sum(dim=1)
    return -(1.0 - smoothing) * hit - smoothing * mean


@term('classification')
class Classification(Term):
    """One classifier, the cosine to the label vectors, for all that a window may hold.

    Args:
        smoothing: label smoothing, 0..1.
        lone: weight of each modality alone, beside 1 for their fusion.
    """

    def __init__(self, model: JointSpace, *, smoothing: float = 0.1, lone: float = 1.0) -> None:
        super().__init__(model)
        if not (0.0 <= smoothing < 1.0 and lone >= 0.0):
            raise ValueError(
                'classification: expected smoothing in 0..1 (below 1) and lone of at least 0; '
                f'{smoothing} and {lone} came'
            )
        self.smoothing = smoothing
        self.lone = lone

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the loss of the fused vectors plus the weighted ones of each modality alone."""
        if not len(inputs.label_vectors):
            return None
        total = None
        for unit, present, weight in inputs.views(self.lone):
            logits = inputs.model.logits(unit, inputs.label_vectors)
            loss = classification(logits, inputs.labels, present, self.smoothing, inputs.wider)
            if loss is not None:
                total = weight * loss if total is None else total + weight * loss
        return total
