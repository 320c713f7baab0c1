"""The configured terms, weighed by the configured strategy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.registry import STRATEGIES, TERMS
from mujo_core.objectives.term import TermInputs


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is learned, and how its parts are weighed.

    Attributes:
        terms: term to weight; those of weight 0 are left out.
        options: of a term, by its name.
        strategy: how the terms are weighed; strategy_options: its options.
    """

    terms: dict[str, float] = field(
        default_factory=lambda: {'classification': 1.0, 'info_nce': 0.5}
    )
    options: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {'info_nce': {'text': False}}
    )
    strategy: str = 'fixed'
    strategy_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is not there before any data is read."""
        for name, weight in self.terms.items():
            TERMS.check(name, {})
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ValueError(f'term {name}: expected a weight of at least 0, {weight} came')
        for name, options in self.options.items():
            TERMS.check(name, options)
        STRATEGIES.check(self.strategy, self.strategy_options)
        if not any(self.terms.values()):
            raise ValueError(
                f'expected a weight above 0 for a term out of {", ".join(TERMS.names)}; none came'
            )


class MultitaskLoss(nn.Module):
    """Terms and strategy as one module: their parameters are trained with the model's."""

    def __init__(self, model: JointSpace, settings: ObjectiveSettings) -> None:
        super().__init__()
        weights = {name: weight for name, weight in settings.terms.items() if weight > 0.0}
        self.terms = nn.ModuleDict(
            {name: TERMS.make(name, model, **settings.options.get(name, {})) for name in weights}
        )
        self.strategy = STRATEGIES.make(
            settings.strategy, weights, model, **settings.strategy_options
        )

    def forward(self, inputs: TermInputs) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the scalar to differentiate, and the loss of each term that had something."""
        found = {name: term(inputs) for name, term in self.terms.items()}
        losses = {name: loss for name, loss in found.items() if loss is not None}
        if losses:
            parameters = [
                p for p in (*inputs.model.parameters(), *self.terms.parameters()) if p.requires_grad
            ]
            total = self.strategy(losses, parameters)
        if not losses or not total.requires_grad:
            # Here no window holds what a term needs, perhaps in another process one does.
            total = inputs.model.log_scale * 0.0
        return total, {name: loss.detach() for name, loss in losses.items()}
