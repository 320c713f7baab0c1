"""Strategies that look at each term's gradient: GradNorm and PCGrad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.gather import mean_over_ranks
from mujo_core.objectives.registry import strategy
from mujo_core.objectives.strategy import Strategy, with_gradients


def gradients_of(
    loss: torch.Tensor, parameters: Sequence[nn.Parameter]
) -> list[torch.Tensor | None]:
    """Return a loss's gradient for each parameter, None where it does not depend on it."""
    if not loss.requires_grad:
        return [None] * len(parameters)
    return list(torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True))


def flat(
    gradients: Sequence[torch.Tensor | None], parameters: Sequence[nn.Parameter]
) -> torch.Tensor:
    """Join gradients to one vector, zero where there is none."""
    whole = [
        torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters, strict=True)
    ]
    return torch.cat([g.flatten() for g in whole])


@strategy('gradnorm')
class GradNorm(Strategy):
    """Weights that let all terms learn at one rate (Chen et al., ICML 2018).

    The norm of each term's gradient on shared weights is drawn towards the mean norm times
    (relative inverse training rate) ** alpha, by gradient descent on the weights; their sum stays
    that of the configured ones, which they start from. There is no layer that all modalities share:
    shared is, in every encoder, the last layer on the way to both the vector and the decoders.

    Args:
        alpha: 0 makes all norms equal; the larger, the more a term that lags behind is helped.
        rate: step of the weights, by the mean norm of the gradients.
        shared: words in the names of the model's shared parameters.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        model: JointSpace,
        *,
        alpha: float = 1.5,
        rate: float = 0.025,
        shared: Sequence[str] = ('attention.linear2.weight',),
    ) -> None:
        super().__init__(weights, model)
        self.alpha = alpha
        self.rate = rate
        # In a tuple, so that they are not this module's parameters too.
        self.shared = tuple(
            p for name, p in model.named_parameters() if any(word in name for word in shared)
        )
        if not self.shared:
            raise ValueError(
                f"gradnorm: expected words in names of the model's parameters, {list(shared)} are "
                'in none; leave out `shared` or take a name out of its state'
            )
        self.names = list(weights)
        self.register_buffer('now', torch.tensor([weights[n] for n in self.names]))
        self.register_buffer('first', torch.zeros(len(self.names)))
        self.now: torch.Tensor
        self.first: torch.Tensor

    def forward(
        self, losses: Mapping[str, torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Return the weighted sum, after a step of the weights."""
        if self.training and len(losses) > 1:
            self._step(losses)
        return torch.stack([self.now[self.names.index(n)] * x for n, x in losses.items()]).sum()

    def weights(self) -> dict[str, float]:
        """Return the weights as they are now."""
        return dict(zip(self.names, self.now.tolist(), strict=True))

    def _step(self, losses: Mapping[str, torch.Tensor]) -> None:
        at = torch.tensor([self.names.index(n) for n in losses], device=self.now.device)
        rows = torch.stack(
            [flat(gradients_of(x, self.shared), self.shared) for x in losses.values()]
        )
        norms = mean_over_ranks(rows).norm(dim=1)
        value = mean_over_ranks(torch.stack(list(losses.values()))).clamp(min=1e-8)
        first = self.first[at]
        first = torch.where(first > 0, first, value)
        weights = self.now[at]
        # A term that does not reach the shared weights has nothing to be balanced by.
        reaches = norms > 0
        if int(reaches.sum()) < 2:
            return
        ratio = value / first
        target = (weights * norms)[reaches].mean() * (ratio / ratio[reaches].mean()) ** self.alpha
        slope = norms * torch.sign(weights * norms - target)
        stepped = weights - self.rate * slope / norms[reaches].mean()
        stepped = torch.where(reaches, stepped.clamp(min=1e-3 * float(weights.max())), weights)
        share = weights[reaches].sum() / stepped[reaches].sum()
        self.first = self.first.index_copy(0, at, first)
        self.now = self.now.index_copy(0, at, torch.where(reaches, stepped * share, weights))


@strategy('pcgrad')
class PcGrad(Strategy):
    """Gradient surgery (Yu et al., NeurIPS 2020), by torchjd.

    Where the gradients of two (weighted) terms oppose each other, each loses its part along the
    other. It is done on the parameters that more than one term reaches; the rest have the sum.
    It takes a backward pass a term.

    Raises:
        ImportError: the extra `train` is not installed.
    """

    def __init__(self, weights: Mapping[str, float], model: JointSpace) -> None:
        super().__init__(weights, model)
        try:
            from torchjd.aggregation import PCGrad
        except ImportError as error:
            raise ImportError(
                "the strategy pcgrad needs torchjd: pip install 'mujo_ros[train]'"
            ) from error
        self.aggregator = PCGrad()
        self.register_buffer('calls', torch.zeros((), dtype=torch.int64))
        self.calls: torch.Tensor

    def forward(
        self, losses: Mapping[str, torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Return the weighted sum, with the gradient that surgery leaves."""
        weighted = [self.configured[n] * loss for n, loss in losses.items()]
        total = torch.stack(weighted).sum()
        if len(weighted) == 1 or not self.training:
            return total
        rows = [gradients_of(loss, parameters) for loss in weighted]
        reached = torch.tensor([[g is not None for g in row] for row in rows]).float()
        several = (mean_over_ranks(reached.to(total.device)) > 0).sum(dim=0) > 1
        shared = [i for i, is_shared in enumerate(several.tolist()) if is_shared]
        direction: list[torch.Tensor | None] = [_sum(column) for column in zip(*rows, strict=True)]
        if shared:
            of = [parameters[i] for i in shared]
            matrix = torch.stack([flat([row[i] for i in shared], of) for row in rows])
            parts = self._aggregate(mean_over_ranks(matrix)).split([p.numel() for p in of])
            for i, part in zip(shared, parts, strict=True):
                direction[i] = part.view_as(parameters[i])
        return with_gradients(total, parameters, direction)

    def _aggregate(self, matrix: torch.Tensor) -> torch.Tensor:
        """Apply the surgery, in an order of terms that is the same in all processes."""
        self.calls += 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.calls))
            return self.aggregator(matrix)


def _sum(gradients: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    found = [g for g in gradients if g is not None]
    return torch.stack(found).sum(dim=0) if found else None
