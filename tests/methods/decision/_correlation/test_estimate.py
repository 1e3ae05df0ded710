"""Estimates and their standard errors: what the same formula gives on the pairs themselves, group by group."""

from typing import Any

import numpy as np
import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.engine.sweeps.crossed import Crossed, Window
from pellucid.engine.sweeps.reducers import Samples, State
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._correlation.estimate import MENDED, estimated

PIXELS, UNITS, GROUPS = 5, 3, 4
WHOLE = Window((), (), (), (), (), 0, ())


def rows(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs whose pixels are alike, and units of them."""
    generator = torch.Generator().manual_seed(seed)
    x = (
        torch.randn(count, PIXELS, generator=generator).double()
        @ torch.randn(PIXELS, PIXELS, generator=generator).double()
    )
    noise = torch.randn(count, UNITS, generator=generator).double()
    return x + 3, torch.tanh(x @ torch.randn(PIXELS, UNITS, generator=generator).double()) + noise


def gathered(x: torch.Tensor, units: torch.Tensor, *, own: bool = True, groups: int = GROUPS) -> State:
    reducer = Crossed("", WHOLE, (x.shape[1],), 1, tuple(range(units.shape[1])), groups, 1, own)
    return reducer.update(None, units[:, :, None], Samples(torch.arange(len(x)), torch.arange(len(x)), Inputs((x,))))


def formula(x: np.ndarray, units: np.ndarray, measure: str, ridge: float = 0.0) -> np.ndarray:
    """`(unit, pixel)`, written down as it is defined."""
    together = np.cov(x.T, units.T)
    own, cross = together[: x.shape[1], : x.shape[1]], together[: x.shape[1], x.shape[1] :]
    if measure == "correlation":
        return (np.corrcoef(x.T, units.T)[: x.shape[1], x.shape[1] :]).T
    if measure == "covariance":
        return cross.T
    return np.linalg.solve(own + ridge * np.trace(own) / len(own) * np.eye(len(own)), cross).T


def left_out(x: np.ndarray, units: np.ndarray, measure: str, ridge: float, groups: int) -> np.ndarray:
    """Standard errors by leaving one group after another out, groups of unequal size as Busing et al. 1999."""
    member = np.arange(len(x)) % groups
    whole = formula(x, units, measure, ridge)
    times = [len(x) / (member == group).sum() for group in range(groups)]
    others = [formula(x[member != group], units[member != group], measure, ridge) for group in range(groups)]
    centre = groups * whole - sum((1 - 1 / h) * one for h, one in zip(times, others, strict=True))
    spread = [((h * whole - (h - 1) * one) - centre) ** 2 / (h - 1) for h, one in zip(times, others, strict=True)]
    return np.sqrt(sum(spread) / groups)


@pytest.mark.parametrize("count", [40, 43])
@pytest.mark.parametrize(
    ("measure", "ridge"), [("correlation", 0.0), ("covariance", 0.0), ("weights", 0.0), ("weights", 0.3)]
)
def test_values_and_errors_are_those_of_the_pairs_themselves(count: int, measure: Any, ridge: float) -> None:
    x, units = rows(count)
    found = estimated(gathered(x, units), measure, ridge, None, "x")
    np.testing.assert_allclose(found.values, formula(x.numpy(), units.numpy(), measure, ridge), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.errors, left_out(x.numpy(), units.numpy(), measure, ridge, GROUPS), rtol=1e-7)
    assert (found.pairs, found.groups, found.fixed) == (count, GROUPS, 0) and not found.dead.any()
    assert found.how == ("own" if measure == "weights" else "")


def test_noise_is_rarely_above_noise() -> None:
    above = []
    for seed in range(30):
        x, _ = rows(80, seed)
        units = torch.randn(80, 3, generator=torch.Generator().manual_seed(1000 + seed)).double()
        above.append(estimated(gathered(torch.randn_like(x), units, groups=20), "correlation", 0.0, None, "x").above)
    assert torch.stack(above).mean() < 0.03  # of 450 values 1 % are expected


def test_white_noise_is_divided_by_its_variance() -> None:
    x, units = rows(40)
    found = estimated(gathered(x, units, own=False), "weights", 0.0, 2.0, "x")
    assert found.how == "white"
    np.testing.assert_allclose(found.values, formula(x.numpy(), units.numpy(), "covariance") / 4, rtol=1e-9)
    fewer = estimated(gathered(x[:6], units[:6]), "weights", 0.0, 2.0, "x")
    assert fewer.how == "white" and fewer.ridge == 0  # too few pairs for a covariance of their own


def test_a_singular_covariance_is_mended_and_said_so() -> None:
    x, units = rows(40)
    x[:, 1] = x[:, 0]
    found = estimated(gathered(x, units), "weights", 0.0, None, "x")
    assert (found.ridge, found.mended, found.how) == (MENDED, True, "own")
    np.testing.assert_allclose(found.values, formula(x.numpy(), units.numpy(), "weights", MENDED), rtol=1e-6)
    assert not estimated(gathered(x, units), "weights", 0.1, None, "x").mended
    assert estimated(gathered(x[:6], units[:6]), "weights", 0.0, None, "x").mended


def test_what_never_varies_has_no_map() -> None:
    x, units = rows(40)
    x[:, 2], units[:, 1] = 7.7, -0.3
    for measure in ("correlation", "covariance", "weights"):
        found = estimated(gathered(x, units), measure, 0.0, None, "x")  # type: ignore[arg-type]
        assert found.fixed == 1 and found.dead.tolist() == [False, True, False]
        assert not found.values[:, 2].any() and not found.errors[:, 2].any() and found.above[1] == 0
        assert bool(found.values.isfinite().all()) and bool(found.errors.isfinite().all())


def test_a_large_mean_costs_no_digits() -> None:
    x, units = rows(60)
    near, far = (estimated(gathered(x + by, units + by), "weights", 0.0, None, "x") for by in (0.0, 1e5))
    np.testing.assert_allclose(near.values, far.values, rtol=1e-6, atol=1e-9)


def test_one_sample_has_no_error() -> None:
    x, units = rows(1)
    with pytest.raises(NotApplicable, match=r"two groups of samples, .* come from 1"):
        estimated(gathered(x, units), "correlation", 0.0, None, "x")
