"""FLOPs of single calls, beside torch's own counter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from pellucid.engine.calls import known
from pellucid.engine.graphs.flops import flops


class Counting(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.total += flops(known(func).name, args, kwargs or {}, out)
        return out


def t(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


CALLS: dict[str, Callable[[], Any]] = {
    "linear": lambda: F.linear(t(2, 5, 3), t(4, 3), t(4)),
    "linear of one": lambda: F.linear(t(3), t(4, 3)),
    "matmul": lambda: t(2, 5, 3) @ t(2, 3, 4),
    "broadcast matmul": lambda: t(2, 1, 5, 3) @ t(6, 3, 4),
    "bmm": lambda: torch.bmm(t(2, 5, 3), t(2, 3, 4)),
    "addmm": lambda: torch.addmm(t(4), t(5, 3), t(3, 4)),
    "baddbmm": lambda: torch.baddbmm(t(2, 5, 4), t(2, 5, 3), t(2, 3, 4)),
    "conv1d": lambda: F.conv1d(t(2, 4, 9), t(6, 4, 3), stride=2),
    "conv2d": lambda: F.conv2d(t(2, 4, 9, 8), t(6, 2, 3, 3), groups=2, padding=1),
    "conv2d by keywords": lambda: F.conv2d(input=t(2, 4, 9, 8), weight=t(6, 4, 3, 3), dilation=2),
    "conv3d": lambda: F.conv3d(t(1, 2, 5, 5, 5), t(3, 2, 3, 3, 3)),
    "conv_transpose2d": lambda: F.conv_transpose2d(t(2, 4, 5, 5), t(4, 3, 3, 3), stride=2, groups=2),
    "conv_transpose3d": lambda: F.conv_transpose3d(t(1, 2, 4, 4, 4), t(2, 3, 2, 2, 2), stride=2),
    "aten convolution": lambda: torch.ops.aten.convolution.default(
        t(1, 2, 5, 5), t(3, 2, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    ),
    "attention": lambda: F.scaled_dot_product_attention(t(2, 4, 7, 8), t(2, 4, 9, 8), t(2, 4, 9, 6)),
    "grouped attention": lambda: F.scaled_dot_product_attention(
        t(2, 4, 7, 8), t(2, 2, 9, 8), t(2, 2, 9, 8), enable_gqa=True
    ),
    "einsum": lambda: torch.einsum("bhqd,bhkd->bhqk", t(2, 3, 5, 4), t(2, 3, 6, 4)),
    "einsum with dots": lambda: torch.einsum("...ij,...jk->...ik", t(2, 3, 5, 4), t(2, 3, 4, 6)),
    "einsum without an arrow": lambda: torch.einsum("ij,jk", t(5, 4), t(4, 6)),
    "einsum that sums first": lambda: torch.einsum("ijm,jk->ik", t(5, 4, 3), t(4, 6)),
    "einsum of equal letters": lambda: torch.einsum("bi,bi->b", t(5, 4), t(5, 4)),
    "elementwise": lambda: (t(3, 4) * t(3, 4)).relu().softmax(-1),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_torchs_own_counter(name: str) -> None:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as theirs:
        CALLS[name]()
    with Counting() as mine:
        CALLS[name]()
    assert mine.total == theirs.get_total_flops()


def test_recurrent_cells_by_formula() -> None:
    lstm, x = torch.nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True), t(3, 7, 4)
    with Counting() as mine, torch.no_grad():
        lstm(x)
    assert mine.total == 2 * 3 * 7 * sum(one.numel() for one in lstm.parameters() if one.ndim == 2)
    cell = torch.nn.GRUCell(4, 5)
    with Counting() as mine, torch.no_grad():
        cell(t(3, 4))
    assert mine.total == 2 * 3 * (15 * 4 + 15 * 5)


def test_bilinear_by_formula() -> None:
    with Counting() as mine:
        F.bilinear(t(6, 3), t(6, 4), t(5, 3, 4))
    assert mine.total == 2 * 6 * 5 * 3 * 4 + 2 * 6 * 5 * 4


@pytest.mark.filterwarnings("ignore:.*quantiz")
def test_a_packed_weight_counts_as_the_weight_in_it() -> None:
    packed = torch.ao.nn.quantized.Conv2d(3, 4, 3)
    x, out = torch.rand(1, 3, 5, 5), torch.rand(1, 4, 3, 3)
    assert flops("conv2d", (x, packed._packed_params, 1.0, 0), {}, out) == 2 * out.numel() * 3 * 9
