"""Every operation with a rule keeps sums in a network, however it is written; which operations need none."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid.methods.decision import _multipliers


class Between(nn.Module):
    """An operation between two linear layers, on `(example, 3, 8)`."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(4, 24), nn.LazyLinear(2)
        self.function = function
        self.double()
        self(torch.zeros(1, 4, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.function(self.first(x).unflatten(1, (3, 8))).flatten(1))


WEIGHT = torch.linspace(0.5, 2, 8, dtype=torch.float64)
WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    "relu_": lambda v: v.clone().relu_(),
    "clamp": lambda v: v.clamp(-0.2, 0.3),
    "leaky_relu": lambda v: F.leaky_relu(v.clone(), 0.3, inplace=True),
    "silu_": lambda v: F.silu(v + 0.1, inplace=True),
    "gelu_tanh": lambda v: F.gelu(v, approximate="tanh"),
    "prelu": lambda v: F.prelu(v, torch.full((3,), 0.1, dtype=torch.float64)),
    "power": lambda v: v**3,
    "exponential": lambda v: 2.0**v + v.exp(),
    "one_over": lambda v: 1.0 / (v.square() + 1),
    "swish_by_hand": lambda v: v * torch.sigmoid(v),
    "square_by_hand": lambda v: v * v,
    "gate": lambda v: v[..., :4] * torch.tanh(v[..., 4:]),
    "softmax": lambda v: F.softmax(v, dim=-1),
    "softmax_method": lambda v: v.softmax(1),
    "log_softmax": lambda v: torch.log_softmax(v, -1),
    "layer_norm": lambda v: F.layer_norm(v, (8,), WEIGHT, WEIGHT),
    "rms_norm": lambda v: F.rms_norm(v, (8,), WEIGHT),
    "rms_norm_by_hand": lambda v: v * torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + 1e-5),
    "group_norm": lambda v: F.group_norm(v, 3, WEIGHT[:3], WEIGHT[:3]),
    "instance_norm": lambda v: F.instance_norm(v),
    "normalize": lambda v: F.normalize(v, dim=2),
    "division": lambda v: v / (v.abs().sum(-1, keepdim=True) + 1),
    "matmul": lambda v: v @ v.transpose(1, 2),
    "einsum": lambda v: torch.einsum("bij,bkj->bik", v, v.sin()),
    "attention": lambda v: F.scaled_dot_product_attention(v[:, None], v[:, None].tanh(), v[:, None]),
    "causal": lambda v: F.scaled_dot_product_attention(v[:, None], v[:, None], v[:, None], is_causal=True),
    "grouped_heads": lambda v: F.scaled_dot_product_attention(
        v.unflatten(2, (4, 2)).transpose(1, 2),
        v.unflatten(2, (4, 2)).transpose(1, 2)[:, ::2],
        v.unflatten(2, (4, 2)).transpose(1, 2)[:, 1::2],
        enable_gqa=True,
    ),
    "max_pool1d": lambda v: F.max_pool1d(v.relu(), 3, 2, 1, ceil_mode=True),
    "max_pool2d": lambda v: F.max_pool2d(v.relu(), 2, 1),
    "max_pool_with_indices": lambda v: F.max_pool1d(v, 2, return_indices=True)[0],
    "adaptive_max_pool": lambda v: F.adaptive_max_pool1d(v, 3),
    "amax": lambda v: v.amax(2),
    "max_of_axis": lambda v: v.max(dim=1).values,
    "maximum": lambda v: torch.maximum(v, v.roll(1, 2)),
    "minimum": lambda v: torch.minimum(v, v.roll(1, 2) * 0.5),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_sums_are_kept(name: str) -> None:
    net = Between(WRITTEN[name]).eval()
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(2)).double()
    result = pl.deep_lift(baselines=-0.3)(net, x, target=1)
    assert np.abs(result.facts["gap"]).max() <= 1e-12 * np.abs(result.facts["score"]).max(), result.facts
    assert np.abs(result.values).max() > 0


def test_tokens_in_front_of_examples() -> None:
    """Attention over `(token, example, feature)`: the axis of examples is found, also where sizes are equal."""

    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu")
            self.fc = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.layer(x.transpose(0, 1)).mean(0))

    net, x = Sequence().double().eval(), torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0)).double()
    result = pl.deep_lift(baselines=0.2 * x.flip(2))(net, x, target=1)
    assert np.abs(result.facts["gap"]).max() <= 1e-12


def test_only_what_bends_is_replaced() -> None:
    from pellucid.core.sites import Place
    from pellucid.engine.operations import Operation

    def made(name: str, *inputs: int) -> Operation:
        return Operation(name, Place(""), torch.mul, (), {}, inputs, torch.zeros(1))

    assert not _multipliers.bends(made("mul", 0)) and not _multipliers.bends(made("div", 0))
    assert _multipliers.bends(made("mul", 0, 1)) and _multipliers.bends(made("div", 1))
    assert _multipliers.bends(made("relu", 0))
