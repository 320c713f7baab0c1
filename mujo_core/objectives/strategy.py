"""What weighs the terms against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from mujo_core.model.joint_space import JointSpace


class Strategy(nn.Module):
    """Turns the losses of the terms into the one scalar that is differentiated.

    Registered by name; its options are keyword arguments with a default. A strategy that needs
    another direction than the gradient of a weighted sum returns `with_gradients`, so that
    accumulation, loss scaling, clipping and DDP work on it as on any loss.

    Args:
        weights: term to the configured weight, all above 0.
        model: the joint space, of which a strategy may pick layers.
    """

    def __init__(self, weights: Mapping[str, float], model: JointSpace) -> None:
        super().__init__()
        self.configured = dict(weights)

    def forward(
        self, losses: Mapping[str, torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Return the scalar of a step.

        Args:
            losses: term to loss, of at least one of the configured terms.
            parameters: what is trained: the model and the heads of the terms.
        """
        raise NotImplementedError

    def weights(self) -> dict[str, float]:
        """Return the weight by which each term's loss is multiplied now."""
        return dict(self.configured)


def with_gradients(
    value: torch.Tensor,
    parameters: Sequence[nn.Parameter],
    gradients: Sequence[torch.Tensor | None],
) -> torch.Tensor:
    """Return a scalar of this value whose gradient for each parameter is the one given."""
    line = value.new_zeros(())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None:
            line = line + (parameter * gradient.detach()).sum()
    return value.detach() + line - line.detach()
