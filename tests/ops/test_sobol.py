"""Sobol indices against what is known of functions."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.ops.sobol import indices_of, masks_of


def test_blocks_are_mixed_from_two_that_are_independent() -> None:
    masks = masks_of(3, 64, 0)
    a, b = masks[:2]
    assert masks.shape == (5, 64, 3) and float(masks.min()) >= 0 and float(masks.max()) <= 1
    for i in range(3):
        others = [j for j in range(3) if j != i]
        assert torch.equal(masks[2 + i][:, i], b[:, i]) and torch.equal(masks[2 + i][:, others], a[:, others])
    assert np.abs(np.corrcoef(torch.cat([a, b], 1).T.numpy()) - np.eye(6)).max() < 0.25
    assert torch.equal(masks, masks_of(3, 64, 0)) and not torch.equal(masks, masks_of(3, 64, 1))


def test_a_naive_restatement() -> None:
    masks = masks_of(3, 32, 4)
    scores = (masks.square().sum(-1) + 3 * masks[..., 0] * masks[..., 2]).exp()
    every = [float(one) for one in scores.flatten()]
    mean = sum(every) / 160
    variance = sum((one - mean) ** 2 for one in every) / 159
    found = indices_of(scores)
    for i in range(3):
        total = sum(float(scores[0, n] - scores[2 + i, n]) ** 2 for n in range(32)) / (2 * 32 * variance)
        alone = sum(float(scores[1, n] - mean) * float(scores[2 + i, n] - scores[0, n]) for n in range(32))
        assert float(found.total[i]) == pytest.approx(total, rel=1e-12)
        assert float(found.alone[i]) == pytest.approx(alone / 32 / variance, rel=1e-9)


def test_of_a_sum_each_index_is_the_share_of_the_variance() -> None:
    weights = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    found = indices_of(masks_of(5, 4096, 1) @ weights + 7)
    shares = weights.square() / weights.square().sum()
    assert torch.allclose(found.total, shares, atol=0.005) and torch.allclose(found.alone, shares, atol=0.005)
    assert float(found.total.sum()) == pytest.approx(1, abs=0.005)
    assert float(found.total[3]) == float(found.alone[3]) == 0.0, "what is not used has none, exactly"
    assert found.variance == pytest.approx(float(weights.square().sum()) / 12, rel=0.01)


def test_of_a_product_the_analytic_indices() -> None:
    """f = Π xᵢ of uniform xᵢ: E x² = 1/3, E x = 1/2."""
    found = indices_of(masks_of(2, 8192, 2).prod(-1))
    variance = 1 / 9 - 1 / 16
    alone, total = (1 / 12 / 4) / variance, (1 / 3 / 12) / variance
    assert found.alone.tolist() == pytest.approx([alone] * 2, abs=0.01)
    assert found.total.tolist() == pytest.approx([total] * 2, abs=0.01)
    assert float(found.total.sum()) > 1, "what they do together counts for both"


def ishigami(masks: Tensor) -> Tensor:
    x, y, z = ((2 * masks - 1) * math.pi).unbind(-1)
    return x.sin() + 7 * y.sin() ** 2 + 0.1 * z**4 * x.sin()


def test_of_ishigami_the_analytic_indices() -> None:
    a, b, pi = 7.0, 0.1, math.pi
    one, two = 0.5 * (1 + b * pi**4 / 5) ** 2, a**2 / 8
    three = b**2 * pi**8 * (1 / 18 - 1 / 50)
    whole = one + two + three
    found = indices_of(ishigami(masks_of(3, 8192, 3)))
    assert found.variance == pytest.approx(whole, rel=0.01)
    assert found.total.tolist() == pytest.approx([(one + three) / whole, two / whole, three / whole], abs=0.015)
    assert found.alone.tolist() == pytest.approx([one / whole, two / whole, 0], abs=0.03)


def test_the_error_is_that_of_the_estimate() -> None:
    """Of masks that are drawn independently, the spread over draws is what each of them says."""
    draw, found = torch.Generator().manual_seed(0), []
    for _ in range(200):
        a, b = torch.rand(2, 64, 3, generator=draw, dtype=torch.float64)
        mixed = [torch.where(torch.arange(3) == i, b, a) for i in range(3)]
        found.append(indices_of(ishigami(torch.stack([a, b, *mixed]))))
    spread = torch.stack([one.total for one in found]).std(0)
    said = torch.stack([one.error for one in found]).mean(0)
    assert torch.allclose(spread, said, rtol=0.35), "the variance is estimated, too"


@pytest.mark.parametrize("scale", [0.0, 1e-9])
def test_a_constant_has_no_indices(scale: float) -> None:
    found = indices_of(5 + scale * masks_of(2, 16, 0).sum(-1))
    assert bool(found.total.isnan().all()) and found.variance == 0
