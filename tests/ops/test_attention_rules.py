"""The rules of AttnLRP against gradients of the same formula with parts of it held constant."""

import pytest
import torch
from torch.nn import functional as F

from pellucid.ops.attention_rules import activated, gated, scaled_only

X = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0)).double()
ARRIVED = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("centred", [True, False])
def test_a_held_scale(centred: bool) -> None:
    x = X.clone().requires_grad_()
    away = x - x.mean((1, 2), keepdim=True) if centred else x
    y = away / (away.pow(2).mean((1, 2), keepdim=True) + 1e-5).sqrt().detach()
    (expected,) = torch.autograd.grad(y, x, ARRIVED)
    torch.testing.assert_close(scaled_only(X, (1, 2), 1e-5, ARRIVED, centred=centred), expected)


def test_half_precision_is_computed_in_single() -> None:
    found = scaled_only(X.bfloat16(), (-1,), 1e-5, ARRIVED.bfloat16(), centred=True)
    expected = scaled_only(X.bfloat16().double(), (-1,), 1e-5, ARRIVED.bfloat16().double(), centred=True)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_all_of_an_activation_arrives() -> None:
    y = F.gelu(X)
    torch.testing.assert_close(X * activated(X, y, 0.0, ARRIVED, ARRIVED), ARRIVED * y)


@pytest.mark.parametrize("function", [F.gelu, torch.tanh, torch.sigmoid, F.softplus])
def test_no_step_at_zero(function: object) -> None:
    near = (
        torch.tensor([-1e-2, -1.01e-3, -0.99e-3, -1e-30, 0.0, 1e-30, 0.99e-3, 1.01e-3, 1e-2]).double().requires_grad_()
    )
    y = function(near)  # type: ignore[operator]
    (own,) = torch.autograd.grad(y.sum(), near)
    start = function(torch.zeros_like(near))  # type: ignore[operator]
    found = activated(near.detach(), y.detach(), 0.0 if not start.any() else start, torch.ones_like(own), own)
    torch.testing.assert_close(found, own.new_full(own.shape, float(own[4])), rtol=1e-2, atol=3e-3)


def test_infinite_values_pass_their_slope() -> None:
    x = torch.tensor([float("inf"), -float("inf"), 1.0])
    found = activated(x, torch.tanh(x), 0.0, torch.ones(3), 1 - torch.tanh(x) ** 2)
    assert found.isfinite().all() and found[:2].eq(0).all()


@pytest.mark.parametrize("axis", [1, 2])
def test_both_halves_of_a_gate(axis: int) -> None:
    a, b = X.chunk(2, axis)
    arrived = ARRIVED.chunk(2, axis)[0]
    to_value, to_gate = gated(X, axis, arrived).chunk(2, axis)
    gate = torch.sigmoid(b)
    torch.testing.assert_close(a * to_value, arrived * a * gate / 2)
    torch.testing.assert_close(b * to_gate, arrived * a * (gate - 0.5) / 2)
