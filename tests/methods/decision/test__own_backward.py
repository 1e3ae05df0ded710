"""Functions with a backward of their own are named, or refused."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from pellucid.engine.passes import INPUT
from pellucid.methods.decision._attention_rules import AttentionRules, unruled
from pellucid.methods.decision._own_backward import custom, own_backward
from tests.engine.asking import see

X = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0)).double()


class Runs(nn.Module):
    def __init__(self, run: object) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x).flatten(1).sum(1, keepdim=True)  # type: ignore[operator]


class Doubled(torch.autograd.Function):  # noqa: TID251 - somebody else's
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: object, *arrived: Tensor) -> Tensor:
        return arrived[0] * 2


class Gate(torch.autograd.Function):  # noqa: TID251 - somebody else's
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, *arrived: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        return arrived[0] * b, arrived[0] * a


class Last(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Doubled.apply(x[:, 0])


@pytest.mark.parametrize("model", [Runs(lambda x: Doubled.apply(x) + 1), Last()], ids=["inside", "last"])
def test_functions_with_a_backward_of_their_own_are_named(model: nn.Module) -> None:
    seen = see(model, X, grads=[INPUT], target=0, rules=AttentionRules("attn", 0.0).rule)
    assert custom(seen.met) == ["Doubled"] and unruled(seen.met) == []


def test_one_that_brings_values_together_is_refused() -> None:
    for run in (lambda x: Gate.apply(x, x * 2) + 1, lambda x: Gate.apply(x.exp(), x)):
        seen = see(Runs(run), X, grads=[INPUT], target=0, rules=AttentionRules("attn", 0.0).rule)
        with pytest.raises(NotApplicable, match="'Gate' is a function with a backward of its own that reads 2 values"):
            custom(seen.met)
    seen = see(
        Runs(lambda x: Gate.apply(x, torch.ones(1))), X, grads=[INPUT], target=0, rules=AttentionRules("attn", 0.0).rule
    )
    assert custom(seen.met) == ["Gate"]


@pytest.mark.parametrize("name", ["lrp", "attn_lrp"])
def test_the_methods_say_it_or_refuse(name: str) -> None:
    method = getattr(pl, name)
    (note,) = own_backward(see(Last(), X, grads=[INPUT], target=0, rules=AttentionRules("attn", 0.0).rule).met)
    assert note in method()(Last(), X, target=0).notes and not note.aside and "'Doubled'" in note.en
    assert note not in method()(Runs(lambda x: x * 2), X, target=0).notes
    with pytest.raises(pl.NotApplicable, match="reads 2 values"):
        method()(Runs(lambda x: Gate.apply(x, x * 2) + 1), X, target=0)
