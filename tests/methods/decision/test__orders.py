"""Shapley values of one example, exact and from orders; the methods' tests hold the identities."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.decision._orders import noise
from pellucid.ops.draws import generator


class Products(nn.Module):
    """`f(x) = x0 x1 + 2 x2 + x3 x4 x5 …`: pairs and a triple that count only together."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, 0] * x[:, 1] + 2 * x[:, 2] + x[:, 3] * x[:, 4] * x[:, 5] + self.anchor)[:, None]


@torch.no_grad()
def restated(model: nn.Module, x: Tensor, pairs: int, seed: int) -> tuple[Tensor, Tensor]:
    """Castro's estimate with each order and its reverse: one forward per coalition."""
    each = []
    for pair in range(pairs):
        order = torch.randperm(x.shape[1], generator=generator(seed, pair))
        gains = torch.zeros(2, x.shape[1], dtype=torch.float64)
        for way, one in enumerate((order, order.flip(0))):
            shown = torch.zeros_like(x)
            before = float(model(shown))
            for player in one.tolist():
                shown[0, player] = x[0, player]
                after = float(model(shown))
                gains[way, player] = after - before
                before = after
        each.append(gains.mean(0))
    stacked = torch.stack(each)
    return stacked.mean(0), stacked.std(0) / pairs**0.5


@pytest.mark.parametrize("batch_size", [None, 5, 200])
def test_sampling_is_its_restatement(batch_size: int | None) -> None:
    x = torch.rand(1, 15, generator=generator(4), dtype=torch.float64) + 0.5
    result = pl.shapley(n_samples=12, seed=3, batch_size=batch_size)(Products(15).eval(), x)
    values, errors = restated(Products(15), x, 6, 3)
    np.testing.assert_allclose(result.values[0], values.numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(result.facts["standard error"][0], errors.numpy(), rtol=1e-9, atol=1e-12)


def test_each_example_stops_by_itself_and_not_before_four_pairs() -> None:
    """Without products no order matters: four pairs are enough. With them more are drawn, however the other fares."""
    x = torch.ones(2, 15, dtype=torch.float64)
    x[0, [1, 3]] = 0.0
    result = pl.shapley(n_samples=200, tolerance=0.01)(Products(15).eval(), x)
    easy, hard = result.facts["orders"]
    assert easy == 8 < hard <= 200
    errors = torch.tensor(result.facts["standard error"][1])
    assert noise(torch.from_numpy(result.values[1].copy()), errors) <= 0.01
    alone = pl.shapley(n_samples=200, tolerance=0.01)(Products(15).eval(), x[1:])
    assert alone.facts["orders"] == (hard,) and np.array_equal(alone.values[0], result.values[1])


def test_errors_are_honest() -> None:
    """Over 30 seeds the true values lie within 3.5 standard errors nearly always; more orders have smaller ones."""
    x = torch.ones(1, 15, dtype=torch.float64)
    truth = np.zeros(15)
    truth[:2], truth[2], truth[3:6] = 0.5, 2.0, 1 / 3
    far = 0
    for seed in range(30):
        result = pl.shapley(n_samples=24, seed=seed)(Products(15).eval(), x)
        errors = np.array(result.facts["standard error"][0])
        far += int((np.abs(result.values[0] - truth) > 3.5 * errors + 1e-12).sum())
    assert far <= 3
    few, many = (np.mean(pl.shapley(n_samples=n)(Products(15).eval(), x).facts["standard error"]) for n in (16, 256))
    assert many < few / 2


def test_reverse_orders_make_pairs_exact() -> None:
    """In a game of pairs alone, an order and its reverse give the exact value: no error is left."""

    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.randn(15, 15, generator=generator(2), dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return torch.einsum("bi,ij,bj->b", x, self.matrix, x)[:, None]

    x = torch.randn(1, 15, generator=generator(5), dtype=torch.float64)
    model = Pairs().eval()
    result = pl.shapley(n_samples=4)(model, x)
    symmetric = (model.matrix + model.matrix.T).detach() / 2
    exact = (x[0] * (symmetric @ x[0])).numpy()
    np.testing.assert_allclose(result.values[0], exact, rtol=1e-10, atol=1e-11)
    assert max(result.facts["standard error"][0]) < 1e-10
