"""Strategies that need no more than the losses: fixed weights, and learned uncertainties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.registry import strategy
from mujo_core.objectives.strategy import Strategy


@strategy('fixed')
class Fixed(Strategy):
    """The sum of the losses by their configured weights."""

    def forward(
        self, losses: Mapping[str, torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Return the weighted sum."""
        return torch.stack([self.configured[n] * loss for n, loss in losses.items()]).sum()


@strategy('uncertainty')
class Uncertainty(Strategy):
    """Homoscedastic uncertainty (Kendall, Gal, Cipolla, CVPR 2018): learned log variances s.

    Each term counts w * exp(-s) * loss + s / 2, so that s tends to log(2 * w * loss): where that is
    reached the configured weights w have cancelled out, they only say where training starts.
    """

    def __init__(self, weights: Mapping[str, float], model: JointSpace) -> None:
        super().__init__(weights, model)
        self.log_variance = nn.ParameterDict({n: nn.Parameter(torch.zeros(())) for n in weights})

    def forward(
        self, losses: Mapping[str, torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Return the weighted sum and what keeps the variances from growing."""
        parts = [
            self.configured[n] * (-self.log_variance[n]).exp() * loss + self.log_variance[n] / 2
            for n, loss in losses.items()
        ]
        return torch.stack(parts).sum()

    def weights(self) -> dict[str, float]:
        """Return w * exp(-s) of each term."""
        return {
            n: w * float((-self.log_variance[n].detach()).exp()) for n, w in self.configured.items()
        }
