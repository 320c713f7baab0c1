"""Strategies on losses whose gradients are known."""

import math

import pytest
import torch
from torch import nn

from mujo_core.model.joint_space import JointSpace
from mujo_core.objectives.registry import STRATEGIES, Registry
from mujo_core.objectives.strategy import Strategy, with_gradients

WEIGHTS = {'a': 1.0, 'b': 0.5}


@pytest.fixture
def model(tiny_checkpoint) -> JointSpace:
    torch.manual_seed(0)
    return JointSpace(tiny_checkpoint.model.settings)


class Pulls(nn.Module):
    """Terms that each pull one shared parameter, and a head of their own, along a direction."""

    def __init__(self, **directions: list[float]) -> None:
        super().__init__()
        self.shared = nn.Parameter(torch.zeros(2))
        self.heads = nn.ParameterDict({n: nn.Parameter(torch.zeros(2)) for n in directions})
        self.directions = {n: torch.tensor(d) for n, d in directions.items()}

    def losses(self) -> dict[str, torch.Tensor]:
        return {
            n: 2.0 + (d * (self.shared + 3 * self.heads[n])).sum()
            for n, d in self.directions.items()
        }

    def gradient(self, strategy: Strategy) -> torch.Tensor:
        self.zero_grad()
        total = strategy(self.losses(), list(self.parameters()))
        total.backward()
        return self.shared.grad


def test_fixed_is_the_weighted_sum(model):
    strategy = STRATEGIES.make('fixed', WEIGHTS, model)
    losses = {'a': torch.tensor(3.0), 'b': torch.tensor(4.0)}
    assert float(strategy(losses, [])) == 5.0
    assert float(strategy({'b': torch.tensor(4.0)}, [])) == 2.0
    assert strategy.weights() == WEIGHTS


@pytest.mark.parametrize('name', STRATEGIES.names)
def test_every_strategy_starts_at_the_configured_weights(name, model):
    pulls = Pulls(a=[1.0, 0.0], b=[0.0, 2.0])
    strategy = STRATEGIES.make(name, WEIGHTS, model).eval()
    assert strategy.weights() == pytest.approx(WEIGHTS)
    assert strategy(pulls.losses(), list(pulls.parameters())).item() == pytest.approx(3.0)
    # Terms that do not oppose each other.
    assert pulls.gradient(strategy).tolist() == pytest.approx([1.0, 1.0])


def test_uncertainty_settles_where_kendall_says(model):
    strategy = STRATEGIES.make('uncertainty', WEIGHTS, model)
    losses = {'a': torch.tensor(3.0), 'b': torch.tensor(0.2)}
    optimizer = torch.optim.SGD(strategy.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        strategy(losses, []).backward()
        optimizer.step()
    found = {n: s.item() for n, s in strategy.log_variance.items()}
    assert found == pytest.approx({'a': math.log(6.0), 'b': math.log(0.2)}, abs=1e-3)
    # The effective weight times the loss is one half for each.
    assert strategy.weights() == pytest.approx({'a': 0.5 / 3.0, 'b': 0.5 / 0.2}, rel=1e-3)


def test_a_term_that_is_away_keeps_its_uncertainty(model):
    strategy = STRATEGIES.make('uncertainty', WEIGHTS, model)
    strategy({'a': torch.tensor(3.0)}, []).backward()
    assert strategy.log_variance['a'].grad is not None
    assert strategy.log_variance['b'].grad is None


# GradNorm


def through_the_shared_layer(model: JointSpace, **scales: float) -> dict[str, torch.Tensor]:
    """Losses of 1 whose gradients on the shared weights have norms in these proportions."""
    weight = model.pose.trunk.attention.linear2.weight
    return {n: scale * (weight - weight.detach()).sum() + 1.0 for n, scale in scales.items()}


def test_gradnorm_makes_norms_equal_while_all_learn_at_one_rate(model):
    strategy = STRATEGIES.make('gradnorm', {'a': 1.0, 'b': 1.0}, model)
    for _ in range(300):
        strategy(through_the_shared_layer(model, a=1.0, b=5.0), [])
    weights = strategy.weights()
    assert sum(weights.values()) == pytest.approx(2.0, rel=1e-4)
    assert weights['a'] * 1.0 == pytest.approx(weights['b'] * 5.0, rel=0.3)


def test_gradnorm_helps_the_term_that_lags_behind(model):
    strategy = STRATEGIES.make('gradnorm', {'a': 1.0, 'b': 1.0}, model, alpha=1.0)
    losses = through_the_shared_layer(model, a=1.0, b=1.0)
    strategy(losses, [])
    for _ in range(100):
        strategy({'a': losses['a'] * 1.0, 'b': losses['b'] - 0.6}, [])
    weights = strategy.weights()
    # The norms shall be as the training rates: 1 and 0.4.
    assert weights['b'] / weights['a'] == pytest.approx(0.4, rel=0.2)


def test_gradnorm_keeps_its_weights_in_its_state(model):
    strategy = STRATEGIES.make('gradnorm', WEIGHTS, model)
    for _ in range(5):
        strategy(through_the_shared_layer(model, a=1.0, b=5.0), [])
    other = STRATEGIES.make('gradnorm', WEIGHTS, model)
    other.load_state_dict(strategy.state_dict())
    assert other.weights() == strategy.weights() != WEIGHTS
    assert not list(strategy.parameters()), 'the shared weights stay those of the model'


def test_gradnorm_does_not_move_for_terms_that_do_not_reach_the_shared_weights(model):
    strategy = STRATEGIES.make('gradnorm', WEIGHTS, model)
    losses = through_the_shared_layer(model, a=1.0)
    for _ in range(3):
        total = strategy({**losses, 'b': model.log_scale * 2.0}, [])
    assert strategy.weights() == pytest.approx(WEIGHTS)
    assert total.item() == pytest.approx(1.0 + 0.5 * 5.0)


def test_gradnorm_wants_shared_weights_that_are_there(model):
    with pytest.raises(ValueError, match=r"gradnorm: expected words in names.*'nowhere'"):
        STRATEGIES.make('gradnorm', WEIGHTS, model, shared=['nowhere'])


# PCGrad


def test_pcgrad_removes_the_conflict(model):
    pulls = Pulls(a=[1.0, 0.0], b=[-2.0, 2.0])
    found = pulls.gradient(STRATEGIES.make('pcgrad', {'a': 1.0, 'b': 1.0}, model))
    # a loses its part along b: (1, 0) + 2/8 * (-2, 2); b loses its part along a: (0, 2).
    assert found.tolist() == pytest.approx([0.5, 2.5])
    assert all(float(found @ d) >= 0 for d in pulls.directions.values())
    assert pulls.gradient(STRATEGIES.make('fixed', {'a': 1.0, 'b': 1.0}, model)).tolist() == [-1, 2]


def test_pcgrad_leaves_heads_their_own_gradients(model):
    pulls = Pulls(a=[1.0, 0.0], b=[-2.0, 2.0])
    pulls.gradient(STRATEGIES.make('pcgrad', {'a': 1.0, 'b': 0.5}, model))
    assert pulls.heads['a'].grad.tolist() == pytest.approx([3.0, 0.0])
    assert pulls.heads['b'].grad.tolist() == pytest.approx([-3.0, 3.0])


def test_pcgrad_of_agreeing_terms_is_the_weighted_sum(model):
    pulls = Pulls(a=[1.0, 1.0], b=[2.0, 0.0])
    found = pulls.gradient(STRATEGIES.make('pcgrad', WEIGHTS, model))
    assert found.tolist() == pytest.approx([2.0, 1.0])


def test_pcgrad_is_repeatable_and_leaves_the_generator_alone(model):
    pulls = Pulls(a=[1.0, 0.0], b=[-2.0, 2.0], c=[0.3, -1.0])
    torch.manual_seed(7)
    state, found = torch.get_rng_state(), []
    for _ in range(2):
        strategy = STRATEGIES.make('pcgrad', {'a': 1.0, 'b': 1.0, 'c': 1.0}, model)
        found.append([pulls.gradient(strategy).tolist() for _ in range(3)])
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), state)


# The contract of all


def test_given_gradients_survive_scaling_and_accumulation():
    parameter, other = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))
    wanted = torch.tensor([1.0, -2.0, 3.0])
    for _ in range(2):
        loss = with_gradients(torch.tensor(7.0), [parameter, other], [wanted, None])
        assert loss.item() == 7.0
        (loss / 2).backward()
    assert torch.equal(parameter.grad, wanted)
    assert other.grad is None


def test_a_strategy_of_ones_own_is_found_by_its_name(model):
    registry: Registry[Strategy] = Registry('strategy')

    @registry.register('loudest')
    class Loudest(Strategy):
        def __init__(self, weights, model, *, power: float = 1.0) -> None:
            super().__init__(weights, model)
            self.power = power

        def forward(self, losses, parameters):
            return torch.stack(list(losses.values())).max() ** self.power

    made = registry.make('loudest', WEIGHTS, model, power=2)
    assert float(made({'a': torch.tensor(3.0), 'b': torch.tensor(1.0)}, [])) == 9.0
    with pytest.raises(ValueError, match="expected a strategy out of loudest; 'quietest' came"):
        registry.make('quietest', WEIGHTS, model)
    with pytest.raises(ValueError, match="loudest has the options power; 'force' came"):
        registry.make('loudest', WEIGHTS, model, force=2)
    with pytest.raises(ValueError, match=r"a value such as 1\.0, 'much' came"):
        registry.make('loudest', WEIGHTS, model, power='much')
    with pytest.raises(ValueError, match='there already'):
        registry.register('loudest')(Loudest)
