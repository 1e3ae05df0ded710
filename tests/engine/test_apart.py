"""Networks whose rows know of one another: every variant scores as it would alone, or the look is refused."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.results.failure import Failure

METHODS = {
    "occlusion": {"size": 4, "stride": 2},
    "rise": {"n_samples": 12},
    "shapley": {"groups": "grid:2"},
    "lime": {"groups": "grid:2", "n_samples": 12},
    "score_cam": {"layer": "body.1"},
    "smooth_grad": {"n_samples": 3},
    "integrated_gradients": {"baselines": "blur"},
    "expected_gradients": {"n_samples": 3},
}


class Mixing(nn.Module):
    def __init__(self, before: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = before
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.before(x)).mean((2, 3)))


def standardised(x: Tensor) -> Tensor:
    return (x - x.mean()) / x.std()


def by_batch_statistics(x: Tensor) -> Tensor:
    return functional.batch_norm(x, None, None, training=True) * torch.linspace(0, 1, x.shape[-1])


def branching(x: Tensor) -> Tensor:
    return x * 2 if x.mean() > 0.05 else x


def read_into_python(x: Tensor) -> Tensor:
    return x * float(1 + x.detach().numpy().mean())


MIXING = [standardised, by_batch_statistics, branching, read_into_python]


def _pictures(examples: int) -> Tensor:
    return torch.randn(examples, 2, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("before", MIXING, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", METHODS)
def test_variants_score_as_they_would_alone(name: str, before: Callable[[Tensor], Tensor]) -> None:
    x, made = _pictures(1), getattr(pl, name)
    together, alone = pl.Lens(Mixing(before)).see(
        x, made(**METHODS[name]), made(**METHODS[name], batch_size=1), target=1
    )
    np.testing.assert_allclose(together.values, alone.values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("before", MIXING, ids=lambda one: one.__name__)
def test_occlusion_is_as_naively_computed(before: Callable[[Tensor], Tensor]) -> None:
    x, model = _pictures(1), Mixing(before)
    seen = pl.Lens(model).see(x, pl.occlusion(size=4, stride=4), target=1)[0]
    with torch.no_grad():
        for row, column in ((0, 0), (0, 4), (4, 0), (4, 4)):
            covered = x.clone()
            covered[:, :, row : row + 4, column : column + 4] = 0
            fall = float(model(x)[0, 1] - model(covered)[0, 1])
            assert float(seen.values.reshape(8, 8)[row, column]) == pytest.approx(fall, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("batch_size", [None, 1])
def test_of_several_examples_what_one_scores_is_refused(batch_size: int | None) -> None:
    lens, view = pl.Lens(Mixing(standardised)), pl.occlusion(size=4, stride=4, batch_size=batch_size)
    refused = lens.see(_pictures(3), view, target=[0, 1, 2])[0]
    assert isinstance(refused, Failure)
    assert "beside others" in refused.reason
    blocks = lens.see(_pictures(3), view, target=[0, 1, 2], batch_size=1)[0]
    alone = lens.see(_pictures(3)[2:], view, target=2)[0]
    np.testing.assert_allclose(blocks.values[2], alone.values[0], rtol=1e-5, atol=1e-6)


def test_a_scalar_that_mixes_nothing_costs_a_trial_once() -> None:
    def scaled(x: Tensor) -> Tensor:
        return x * weight.norm()

    weight = torch.ones(3)
    lens, view = pl.Lens(Mixing(scaled)), pl.rise(n_samples=32)
    first = lens.see(_pictures(1), view, target=1)
    again = lens.see(_pictures(1), view, target=1)
    assert (first.cost.forwards, again.cost.forwards) == (5, 2)
