"""Figures of tensors: as their definitions."""

import math

import numpy as np
import pytest
import torch

from pellucid.engine.graphs.figures import figures


def of(tensor: torch.Tensor, name: str) -> dict[str, float]:
    found = figures(tensor, name)
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_as_defined(dtype: torch.dtype) -> None:
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0)).to(dtype).relu()
    x[:, 1] = 0
    found, y = of(x, "relu"), x.double().numpy()
    assert found["mean"] == pytest.approx(y.mean(), rel=1e-5) and found["max"] == pytest.approx(y.max())
    assert found["rms"] == pytest.approx(np.sqrt((y**2).mean()), rel=1e-5) and found["min"] == 0
    assert found["zeros"] == pytest.approx((y == 0).mean()) and found["dead"] == 0.25 and found["nonfinite"] == 0


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    found = of(torch.tensor([[1.0, float("nan"), float("inf"), -3.0]]), "mul")
    assert found["nonfinite"] == 2 and (found["min"], found["max"], found["mean"]) == (-3, 1, -1)
    assert of(torch.full((2, 2), math.nan), "mul") == {"nonfinite": 4}


def test_large_values_do_not_overflow() -> None:
    found = of(torch.full((1000,), 1e38), "mul")
    assert found["rms"] == pytest.approx(1e38, rel=1e-6) and found["mean"] == pytest.approx(1e38, rel=1e-6)


def test_what_has_no_figures() -> None:
    assert figures(torch.zeros(0), "relu") is None and figures(torch.ones(3, dtype=torch.long), "add") is None
    assert of(torch.tensor([3 + 4j]), "mul")["rms"] == 5


def test_only_activations_have_dead_channels() -> None:
    assert "dead" not in of(torch.zeros(2, 3), "linear") and of(torch.zeros(2, 3), "relu")["dead"] == 1


def test_minus_zero_is_zero() -> None:
    assert of(torch.tensor([-0.0, 1.0]), "mul")["zeros"] == 0.5
