"""Multipliers: every difference is handed down whole, whatever the operation."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pellucid.ops import deep_lift as lift
from pellucid.ops.deep_lift import Two


def two(*shape: int, seed: int = 0, least: float | None = None) -> Two:
    """Normal numbers at both ends."""
    x, b = torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Two(x, b) if least is None else Two(x.abs() + least, b.abs() + least)


TRIANGLE = torch.full((5, 5), float("-inf"), dtype=torch.float64).triu(1)
V, POSITIVE = two(3, 5, 7), two(3, 5, 7, seed=4, least=0.5)
Q, K, W = (two(2, 3, 5, 4, seed=seed) for seed in (5, 6, 7))
RECTIFIED = two(2, 3, 9, 9, seed=8).of(torch.relu)


def pool(value: Tensor) -> Tensor:
    """Windows that overlap and hang over the edge."""
    return F.max_pool2d(value, 3, 2, 1, ceil_mode=True)


CASES: dict[str, tuple[Callable[..., Tensor], list[Two], Callable[[int, Tensor], Tensor]]] = {
    "gelu": (F.gelu, [V], lambda _, g: lift.rescaled(V, V.of(F.gelu), g, g)),
    "softmax": (lambda v: v.softmax(1), [V], lambda _, g: lift.softmax(V, 1, g)),
    "log_softmax": (lambda v: v.log_softmax(1), [V], lambda _, g: lift.log_softmax(V, 1, g)),
    "layer_norm": (
        lambda v: F.layer_norm(v, (7,)),
        [V],
        lambda _, g: lift.standardised(V, [-1], 1e-5, g, centred=True),
    ),
    "rms_norm": (
        lambda v: F.rms_norm(v, (7,), eps=1e-3),
        [V],
        lambda _, g: lift.standardised(V, [-1], 1e-3, g, centred=False),
    ),
    "normalize": (
        lambda v: F.normalize(v, dim=1, eps=2.2),
        [V],
        lambda _, g: lift.standardised(V, [1], 2.2, g, centred=False, floor=True),
    ),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        [Q, K, W],
        lambda i, g: lift.attention(Q, K, W, i, g, scale=0.5, mask=Two(TRIANGLE, TRIANGLE)),
    ),
    "quotient": (torch.div, [V, POSITIVE], lambda i, g: lift.quotient(V, POSITIVE, i, g)),
    "product": (torch.mul, [V, POSITIVE], lambda i, g: lift.at_mean(torch.mul, [V, POSITIVE], i, g)),
    "pool": (pool, [RECTIFIED], lambda _, g: lift.winners(pool, [RECTIFIED], 0, g)),
    "maximum": (torch.maximum, [V, POSITIVE], lambda i, g: lift.winners(torch.maximum, [V, POSITIVE], i, g)),
    "minimum": (
        torch.minimum,
        [V, POSITIVE],
        lambda i, g: lift.winners(torch.minimum, [V, POSITIVE], i, g, lowest=True),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost(case: str) -> None:
    function, values, multiplier = CASES[case]
    y = Two(function(*(one.x for one in values)), function(*(one.b for one in values)))
    arrived = torch.randn(y.x.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    passed = sum((multiplier(i, arrived) * one.difference).sum() for i, one in enumerate(values))
    torch.testing.assert_close(passed, (arrived * y.difference).sum(), rtol=1e-12, atol=1e-12)


def gradient(function: Callable[..., Tensor], x: Tensor, arrived: Tensor) -> Tensor:
    """The ordinary one."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x), x, arrived)[0]


@pytest.mark.parametrize("case", ["softmax", "log_softmax", "layer_norm", "rms_norm", "attention"])
def test_where_nothing_changes_it_is_the_gradient(case: str) -> None:
    same = Two(V.x, V.x)
    g = torch.randn(V.x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found: dict[str, Any] = {
        "softmax": (lambda v: v.softmax(1), lift.softmax(same, 1, g)),
        "log_softmax": (lambda v: v.log_softmax(1), lift.log_softmax(same, 1, g)),
        "layer_norm": (lambda v: F.layer_norm(v, (7,)), lift.standardised(same, [-1], 1e-5, g, centred=True)),
        "rms_norm": (lambda v: F.rms_norm(v, (7,), eps=1e-3), lift.standardised(same, [-1], 1e-3, g, centred=False)),
        "attention": (
            lambda v: F.scaled_dot_product_attention(v, V.b, V.b, scale=0.3),
            lift.attention(same, Two(V.b, V.b), Two(V.b, V.b), 0, g, scale=0.3, mask=None),
        ),
    }
    function, value = found[case]
    torch.testing.assert_close(value, gradient(function, V.x, g))


def test_softmax_over_scores_that_are_far_apart_or_hidden() -> None:
    x = torch.tensor([[900.0, 0.0, float("-inf")]], dtype=torch.float64)
    b = torch.tensor([[0.0, 700.0, float("-inf")]], dtype=torch.float64)
    arrived = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    passed = lift.softmax(Two(x, b), 1, arrived)
    assert passed.isfinite().all() and passed[0, 2] == 0
    change = (arrived * (x.softmax(1) - b.softmax(1))).sum()
    torch.testing.assert_close((passed[:, :2] * (x - b)[:, :2]).sum(), change)


def test_a_winner_never_gets_more_than_arrived() -> None:
    passed = lift.winners(lambda v: v.amax(1), [V], 0, torch.ones(3, 7, dtype=torch.float64))
    assert (passed >= 0).all() and (passed <= 1).all() and (passed.sum(1) <= 2).all()


def test_rows_of_which_every_key_is_hidden_pass_nothing_on() -> None:
    hidden = torch.zeros(5, 5, dtype=torch.float64)
    hidden[2] = float("-inf")
    arrived = torch.ones(2, 3, 5, 4, dtype=torch.float64)
    passed = [lift.attention(Q, K, W, i, arrived, scale=0.5, mask=Two(hidden, hidden)) for i in range(3)]
    assert all(one.isfinite().all() for one in passed) and not passed[0][:, :, 2].any()
