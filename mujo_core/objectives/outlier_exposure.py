"""Outlier exposure: activities that are none of the labels are taught to be like none of them."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import masked_mean
from mujo_core.objectives.registry import term
from mujo_core.objectives.term import Term, TermInputs


@term('outlier_exposure')
class OutlierExposure(Term):
    """Divergence from saying every label alike, of outliers alone (Hendrycks et al., ICLR 2019).

    What an encoder has been shown to be none of the labels it places away from all of them, and
    with it what is never met (`unknown`). Outliers come from `data.also.NAME.outliers`.

    Args:
        lone: weight of each modality alone, beside 1 for their fusion.
    """

    def __init__(self, model: JointSpace, *, lone: float = 1.0) -> None:
        super().__init__(model)
        if not lone >= 0.0:
            raise ValueError(f'outlier_exposure: expected lone of at least 0, {lone} came')
        self.lone = lone

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the loss of the fused vectors plus the weighted ones of each modality alone."""
        if not len(inputs.label_vectors):
            return None
        # Encoders alone learn from it: labels stay where they know each other apart.
        names = inputs.label_vectors.detach()
        scale = inputs.model.log_scale.detach().exp().clamp(max=100.0)
        total = None
        for unit, present, weight in inputs.views(self.lone):
            logits = scale * unit @ names.T
            loss = masked_mean(from_uniform(logits), present & inputs.outliers)
            if loss is not None:
                total = weight * loss if total is None else total + weight * loss
        return total


def from_uniform(logits: torch.Tensor) -> torch.Tensor:
    """Return the divergence (B,), nats, of the uniform scores over L labels from (B, L) logits'."""
    scores = functional.log_softmax(logits, dim=-1)
    uniform = torch.full_like(scores, -math.log(logits.shape[-1]))
    return functional.kl_div(scores, uniform, log_target=True, reduction='none').sum(dim=-1)
