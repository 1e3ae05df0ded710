"""RISE: the paper's map and the debiased one, in expectation with their errors, and where they stop."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.ops.random_masks import smooth_masks
from tests.networks import NETWORKS, known


def restated(model: nn.Module, x: Tensor, target: int, masks: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The authors' sum, divided by the sum of the masks; and the covariance with each place over its variance."""
    with torch.no_grad():
        scores = torch.stack([model(x * mask)[0, target] for mask in masks]).double().numpy()
    wide = masks.double().numpy()[:, 0]
    paper = np.tensordot(scores, wide, 1) / wide.sum(0)
    centred = wide - wide.mean(0)
    return paper, np.tensordot(scores - scores.mean(), centred, 1) / (centred**2).sum(0)


@pytest.mark.parametrize("network", ["article_net", "series", "volume"])
def test_both_formulas(network: str) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    views = pl.Lens(model).see(
        x, pl.rise(n_samples=100, cells=4, debiased=False), pl.rise(n_samples=100, cells=4), target=[1, 2]
    )
    masks = smooth_masks(tuple(x.shape[2:]), 4, 0.5, 7919, 0, 100)[:, None]
    for example, target in enumerate((1, 2)):
        paper, debiased = restated(model, x[example : example + 1], target, masks)
        for result, expected in zip(views, (paper, debiased), strict=True):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(result.values[example], expected, rtol=0, atol=1e-5 * max(scale, 0.1))
    assert (views[0].signed, views[1].signed) == (False, True)


def test_a_linear_score_in_expectation() -> None:
    """`E S_j = p Σ w x + (1 − p) w_j x_j + b`; the covariance form is `w_j x_j`: both within their own errors."""
    model = known.linear_scorer(5)
    x = torch.randn(1, 5, generator=known.generator(3), dtype=torch.float64)
    share = (model.weight[1] * x[0]).detach().numpy()
    paper = pl.rise(n_samples=4000, probability=0.3, debiased=False)(model, x, target=1)
    expected = 0.3 * share.sum() + 0.7 * share + float(model.bias[1].detach())
    assert (np.abs(paper.values[0] - expected) < 5 * paper.facts["standard error"][0]).all()
    debiased = pl.rise(n_samples=4000, probability=0.3)(model, x, target=1)
    error = debiased.facts["standard error"][0]
    assert (np.abs(debiased.values[0] - share) < 4.5 * error).all() and error < 0.1 * np.abs(share).max()


def test_errors_are_the_scatter_over_seeds() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    for debiased in (True, False):
        many = [pl.rise(n_samples=96, cells=4, seed=seed, debiased=debiased)(model, x, target=1) for seed in range(16)]
        scatter = float(np.stack([one.values for one in many]).std(0, ddof=1).mean())
        told = float(np.mean([one.facts["standard error"] for one in many]))
        assert told == pytest.approx(scatter, rel=0.25)


def test_a_constant_score_gives_nothing() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.tensor([2.5, -1.0]))

        def forward(self, x: Tensor) -> Tensor:
            return self.value.expand(len(x), 2)

    x = torch.randn(1, 3, 12, 12, generator=known.generator(0))
    assert not pl.rise(n_samples=64)(Constant().eval(), x, target=0).values.any()
    paper = pl.rise(n_samples=64, debiased=False)(Constant().eval(), x, target=0).values
    np.testing.assert_allclose(paper, 2.5, rtol=1e-6)


def test_what_the_network_cannot_see_is_nothing_within_its_error() -> None:
    class Blind(nn.Module):
        """Sees the left half alone."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.conv(x[..., :8])).sum((2, 3))

    torch.manual_seed(0)
    model, x = Blind().eval(), torch.rand(1, 1, 16, 16, generator=known.generator(1)) + 0.5
    result = pl.rise(n_samples=1500, cells=8)(model, x, target=0)
    error = result.facts["standard error"][0]
    hidden, seen = np.abs(result.values[0][:, 12:]), np.abs(result.values[0][:, :8])
    assert hidden.mean() < 1.5 * error and hidden.max() < 4.5 * error < seen.max()
    whole = pl.rise(n_samples=600, groups="grid:4")(model, x, target=0)
    assert np.abs(whole.values[0][:, 8:]).max() < 4.5 * whole.facts["standard error"][0]


def test_groups_tokens_and_columns() -> None:
    language = NETWORKS["tied_lm"]
    tokens = pl.rise(n_samples=400)(language.build(), language.x(1), target=(4, 3))
    assert tokens.axes == ("batch", "token")
    assert np.abs(tokens.values[0, :4]).max() < 4.5 * tokens.facts["standard error"][0] < np.abs(tokens.values[0, 4])
    network = NETWORKS["article_net"]
    cells = pl.rise(groups="grid:2", n_samples=64)(network.build(), network.x(1), target=1)
    assert len(np.unique(cells.values)) == 4


def test_two_inputs_at_once() -> None:
    network = NETWORKS["two_inputs"]
    image, row = pl.rise(n_samples=64)(network.build(), network.x(2), target=[1, 2])
    assert image.values.shape == (2, 10, 10) and row.values.shape == (2, 4) and row.axes == ("batch", "feature")
    assert image.facts == row.facts


def test_it_stops_where_it_is_told_to() -> None:
    lens, x = pl.Lens(NETWORKS["article_net"].build()), NETWORKS["article_net"].x(2)
    views = lens.see(x, pl.rise(n_samples=2000, cells=4, tolerance=0.15, batch_size=20), target=[1, 2])
    facts = views[0].facts
    assert all(share <= 0.15 for share in facts["relative error"]) and all(n % 32 == 0 for n in facts["masks"])
    assert views.cost.samples == 2 + sum(facts["masks"]) < 2000
    assert views.cost.forwards == 1 + sum(facts["masks"]) // 32 * 2 and views.cost.backwards == 0
    alone = lens.see(x[1:], pl.rise(n_samples=2000, cells=4, tolerance=0.15), target=2)[0]
    assert alone.facts["masks"] == facts["masks"][1:]
    np.testing.assert_allclose(alone.values[0], views[0].values[1], rtol=1e-3, atol=1e-5)
    fixed = lens.see(x, pl.rise(n_samples=100, cells=4), target=[1, 2])
    assert fixed.cost.samples == 2 + 200 and fixed[0].facts["masks"] == (100, 100)


def test_the_note_tells_the_error() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.rise(n_samples=40)(model, x)
    assert "40 masks; values are good to about ±" in result.notes[0].en and "40 个掩码" in result.notes[0].zh
    assert "n_samples=" in result.notes[0].en and "n_samples" in result.notes[0].zh


def test_settings_are_checked() -> None:
    for settings in ({"n_samples": 1}, {"cells": 0}, {"probability": 0.0}, {"probability": 1.0}, {"tolerance": 0.0}):
        with pytest.raises(pl.BadSetting):
            pl.rise(**settings)
