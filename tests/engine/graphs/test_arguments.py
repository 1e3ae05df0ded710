"""What calls were given, as the function mode sees them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pellucid.engine.calls import known
from pellucid.engine.graphs.arguments import attributes

X, W = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)


class Seeing(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call = known(func)
        if not call.silent:
            self.seen.append(attributes(func, call.name, args, kwargs or {}))
        return func(*args, **(kwargs or {}))


def given(run: Callable[[], Any]) -> dict[str, Any]:
    with Seeing() as mode:
        run()
    return mode.seen[-1]


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (lambda: F.conv2d(X, W, None, 2, 1), {"kernel_size": (3, 3), "stride": 2, "padding": 1}),
        (lambda: F.conv2d(X, W, padding="same"), {"kernel_size": (3, 3), "padding": "same"}),
        (lambda: F.max_pool2d(X, 2, padding=1), {"kernel_size": 2, "padding": 1, "dilation": 1}),
        (lambda: X.permute(0, 2, 3, 1), {"dims": (0, 2, 3, 1)}),
        (lambda: X.permute((0, 2, 3, 1)), {"dims": (0, 2, 3, 1)}),
        (lambda: X.view(2, -1), {"size": (2, -1)}),
        (lambda: X.transpose(1, 2), {"dim0": 1, "dim1": 2}),
        (lambda: X.mean((2, 3), keepdim=True), {"dim": (2, 3), "keepdim": True}),
        (lambda: X.std(1), {"dim": 1}),
        (lambda: X.max(1), {"dim": 1}),
        (lambda: torch.softmax(X, 1), {"dim": 1}),
        (lambda: F.softmax(X, dim=-1), {"dim": -1}),
        (lambda: F.dropout(X, 0.3, training=False), {"p": 0.3}),
        (lambda: torch.cat([X, X], 1), {"dim": 1}),
        (lambda: X * 2, {"other": 2}),
        (lambda: X**2, {"exponent": 2}),
        (lambda: X.clamp(0, 6), {"min": 0, "max": 6}),
        (lambda: X.to(torch.float64), {"dtype": "float64"}),
        (lambda: torch.einsum("bchw,bdhw->bcd", X, X), {"equation": "bchw,bdhw->bcd"}),
        (lambda: torch.zeros(2, 3), {"size": (2, 3)}),
        (lambda: torch.arange(0, 6, 2), {"start": 0, "end": 6, "step": 2}),
        (lambda: F.scaled_dot_product_attention(X, X, X, is_causal=True), {"is_causal": True}),
        (lambda: torch.ops.aten.mean.dim(X, [1], True), {"dim": (1,), "keepdim": True}),
        (lambda: X + X, {}),
    ],
)
def test_by_name(run: Callable[[], Tensor], wanted: dict[str, Any]) -> None:
    assert given(run) == wanted


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ((slice(None), 0), ":, 0"),
        ((Ellipsis, None), "..., None"),
        ((slice(None), slice(1, None, 2)), ":, 1::2"),
        (X > 0, "mask"),
        (torch.tensor([0, 1]), "indices"),
    ],
)
def test_an_index_is_written_as_it_was(index: Any, wanted: str) -> None:
    assert given(lambda: X[index]) == {"index": wanted}


def test_long_lists_are_left_out() -> None:
    assert given(lambda: torch.tensor(list(range(50)))) == {}
