"""The same trunk as products of matrices: equal to convolutions, and never of older weights."""

from __future__ import annotations

import copy

import pytest
import torch

from mujo_core.model.sequence import SequenceEncoder


def trunk(**shape) -> SequenceEncoder:
    torch.manual_seed(0)
    model = SequenceEncoder(7, 8, 6, **shape)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.add_(torch.rand_like(tensor))
    return model.eval()


def both(model: SequenceEncoder, length: int = 37) -> tuple[torch.Tensor, torch.Tensor]:
    """As inferred, which is folded, and by the layers themselves."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, length, 7, generator=generator)
    mask = torch.rand(3, length, generator=generator) > 0.3
    with torch.inference_mode():
        folded = model(x, mask).clone()
    with torch.no_grad():
        return folded, model(x, mask)


@pytest.mark.parametrize('length', [1, 2, 3, 37, 38, 75])
@pytest.mark.parametrize(
    'shape', [{}, {'stem_stride': 2}, {'strides': (1, 1, 1)}, {'strides': (2,), 'kernel': 3}]
)
def test_folded_is_what_the_layers_say(shape, length):
    folded, plain = both(trunk(**shape), length)
    torch.testing.assert_close(folded, plain, atol=2e-6, rtol=1e-5)


def loaded(model: SequenceEncoder) -> None:
    other = trunk()
    other.stem.weight.data.mul_(-1.5)
    model.load_state_dict(other.state_dict())


def trained(model: SequenceEncoder) -> None:
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(torch.randn(4, 20, 7), torch.ones(4, 20, dtype=torch.bool)).square().sum().backward()
    optimizer.step()
    model.eval()


def doubled(model: SequenceEncoder) -> None:
    model.double().float()
    model.stem.weight.data.mul_(2.0)
    model.to(torch.float32)


@pytest.mark.parametrize('change', [loaded, trained, doubled])
def test_nothing_is_folded_of_weights_that_were(change):
    model = trunk()
    before, _ = both(model)
    change(model)
    folded, plain = both(model)
    torch.testing.assert_close(folded, plain, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(folded, before, atol=1e-3)


def test_a_copy_is_a_model_of_its_own():
    model = trunk()
    before, _ = both(model)
    twin = copy.deepcopy(model)
    loaded(twin)
    assert torch.equal(both(model)[0], before)
    assert not torch.allclose(both(twin)[0], before, atol=1e-3)
