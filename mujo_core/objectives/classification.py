"""Classification against label vectors, of each modality alone and of their fusion."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs


def classification(
    logits: torch.Tensor, labels: torch.Tensor, present: torch.Tensor, smoothing: float
) -> torch.Tensor | None:
    """Cross entropy of (B, L) logits with label smoothing over the windows that are `present`.

    Args:
        labels: (B,) int64; below 0 where none is known: such a window counts as absent.

    Returns:
        The mean loss; None with no such window.
    """
    counts = present & (labels >= 0)
    losses = functional.cross_entropy(
        logits, labels.clamp(min=0), reduction='none', label_smoothing=smoothing
    )
    return masked_mean(losses, counts)


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
            loss = classification(logits, inputs.labels, present, self.smoothing)
            if loss is not None:
                total = weight * loss if total is None else total + weight * loss
        return total
