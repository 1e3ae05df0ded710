"""Which calls may let the rows of a batch know of one another."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.sharing import run_shared
from pellucid.inputs.inputs import Inputs


class Calls(nn.Module):
    def __init__(self, call: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        self.call(x)
        return x.flatten(1)


def _mixes(call: Callable[[Tensor], Any]) -> bool:
    looker = Looker(Calls(call))
    with looker.looking(0) as session:
        (seen,) = run_shared(session, [Pass(Inputs((torch.randn(2, 3, 4),), {}), keep=[OUTPUT])], [])
    return seen.trace.mixes  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x - x.mean(),
        lambda x: x - x.mean(0, keepdim=True),
        lambda x: x.softmax(dim=-3),
        lambda x: x.amax((0, 1)),
        lambda x: x.numpy().sum(),
        lambda x: x[0, 0, 0],
        lambda x: functional.batch_norm(x, None, None, training=True),
    ],
)
def test_what_goes_over_the_first_axis_is_noticed(call: Callable[[Tensor], Any]) -> None:
    assert _mixes(call)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.mean(1, keepdim=True),
        lambda x: x.softmax(-1),
        lambda x: x.max(torch.zeros(())),
        lambda x: functional.batch_norm(x, torch.zeros(3), torch.ones(3)),
        lambda x: x.flatten(1).relu(),
    ],
)
def test_what_keeps_rows_apart_is_not(call: Callable[[Tensor], Any]) -> None:
    assert not _mixes(call)
