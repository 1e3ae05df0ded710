"""Expected gradients: the formula with its draws, what holds exactly, and how far chance reaches."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.methods.decision._draws import draw
from tests.networks import NETWORKS, known
from tests.oracle import naive


def many(x: torch.Tensor, count: int = 5) -> torch.Tensor:
    return torch.randn(count, *x.shape[1:], generator=torch.Generator().manual_seed(7)).to(x)


@pytest.mark.parametrize("network", ["article_net", "series", "rows"])
@pytest.mark.parametrize("kind", ["tensor", "noise", "number"])
def test_the_formula(network: str, kind: str) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2).double()
    baselines = {"tensor": many(x), "noise": "noise", "number": 0.5}[kind]
    result = pl.expected_gradients(baselines=baselines, n_samples=7, seed=3)(model, x, target=[1, 2])
    drawn = draw({"input": x}, baselines, 7, 3, tokens=False)
    total, starts, misses = torch.zeros_like(x), [], []
    with torch.no_grad():
        score = naive.chosen(model(x), [1, 2])
    for i, alpha in enumerate(drawn.alphas):
        baseline = drawn.baselines([i])["input"]
        part = (x - baseline) * naive.saliency(model, baseline + alpha * (x - baseline), [1, 2])
        total += part / 7
        with torch.no_grad():
            starts.append(naive.chosen(model(baseline), [1, 2]))
        misses.append(part.flatten(1).sum(1) - (score - starts[-1]))
    np.testing.assert_allclose(result.values, total.numpy(), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(result.facts["baseline score"], torch.stack(starts).mean(0).numpy(), rtol=1e-9)
    np.testing.assert_allclose(result.facts["gap"], torch.stack(misses).mean(0).numpy(), atol=1e-9)
    np.testing.assert_allclose(result.facts["standard error"], (torch.stack(misses).std(0) / 7**0.5).numpy(), rtol=1e-6)


def test_of_a_linear_scorer_it_is_the_weight_times_the_distance_from_the_mean_of_the_drawn_baselines() -> None:
    scorer, x = known.linear_scorer(5, 3), torch.randn(2, 5, dtype=torch.float64)
    baselines = many(x, 4)
    result = pl.expected_gradients(baselines=baselines, n_samples=8)(scorer, x, target=[0, 2])
    expected = scorer.weight[[0, 2]] * (x - baselines.mean(0))
    np.testing.assert_allclose(result.values, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(result.facts["gap"], 0, atol=1e-12)
    np.testing.assert_allclose(result.facts["standard error"], 0, atol=1e-12)


def test_the_sum_is_the_difference_of_the_scores_within_its_standard_error() -> None:
    model, x = NETWORKS["smooth"].build().double(), NETWORKS["smooth"].x(2).double()
    inside = 0
    for seed in range(10):
        facts = pl.expected_gradients(baselines=many(x, 20), n_samples=60, seed=seed)(model, x, target=[1, 2]).facts
        inside += sum(abs(g) <= 2 * e for g, e in zip(facts["gap"], facts["standard error"], strict=True))
    assert inside >= 18, "of twenty, two or so may lie outside two standard errors"


def test_from_one_baseline_it_nears_integrated_gradients() -> None:
    model, x = NETWORKS["smooth"].build().double(), NETWORKS["smooth"].x(2).double()
    exact = pl.integrated_gradients(n_steps=64)(model, x, target=1).values
    errors = []
    for n in (20, 200):
        values = pl.expected_gradients(baselines=0.0, n_samples=n, batch_size=200)(model, x, target=1).values
        errors.append(np.abs(values - exact).max() / np.abs(exact).max())
    assert errors[1] < 0.01 and errors[1] < 0.3 * errors[0], "strata make the error fall faster than one over the root"


def test_baselines_of_several_inputs_are_drawn_together() -> None:
    network = NETWORKS["two_inputs"]
    image, row = network.x(2)
    view = pl.expected_gradients(baselines=(many(image, 3), "noise"), n_samples=5)
    results = view(network.build(), (image, row), target=1)
    assert [one.values.shape for one in results] == [(2, 3, 10, 10), (2, 4)]
    assert results[0].facts == results[1].facts and len(results[0].facts["gap"]) == 2


def test_passes_and_samples() -> None:
    network = NETWORKS["article_net"]
    lens, x = pl.Lens(network.build()), network.x(2)
    few = lens.see(x, pl.expected_gradients(baselines=many(x, 3), n_samples=16), target=1).cost
    assert (few.forwards, few.backwards, few.samples) == (1 + 1 + 2, 2, 2 + 6 + 32)
    each = lens.see(x, pl.expected_gradients(n_samples=16, batch_size=8), target=1).cost
    assert (each.forwards, each.backwards, each.samples) == (1 + 4 + 4, 4, 2 + 32 + 32)


def test_a_batch_is_its_members_and_pieces_do_not_matter() -> None:
    network = NETWORKS["smooth"]
    view = pl.expected_gradients(n_samples=6)
    both, one = view(network.build(), network.x(2), target=1), view(network.build(), network.x(1), target=1)
    np.testing.assert_allclose(both.values[:1], one.values, rtol=1e-4, atol=1e-8)
    pieces = pl.expected_gradients(n_samples=6, batch_size=4)(network.build(), network.x(2), target=1)
    np.testing.assert_allclose(pieces.values, both.values, rtol=1e-4, atol=1e-8)
    other = pl.expected_gradients(n_samples=6, seed=1)(network.build(), network.x(2), target=1)
    assert np.abs(other.values - both.values).max() > 0.01 * np.abs(both.values).max()


def test_at_a_layer_it_is_the_same_in_the_space_of_the_layer() -> None:
    model, x = NETWORKS["article_net"].build().double(), NETWORKS["article_net"].x(2).double()
    baselines = many(x, 4)
    result = pl.expected_gradients(baselines=baselines, n_samples=8, layer="fc3")(model, x, target=[1, 2])
    assert result.layer == "fc3" and result.base.kind == "features"
    with torch.no_grad():
        expected = model(x) - model(baselines).mean(0)
    for row, index in enumerate((1, 2)):
        assert result.values[row, index] == pytest.approx(float(expected[row, index]), rel=1e-9)
    inner = pl.expected_gradients(baselines=baselines, n_samples=8, layer="conv1")(model, x, target=[1, 2])
    np.testing.assert_allclose(inner.facts["baseline score"], result.facts["baseline score"], rtol=1e-9)


def test_much_chance_is_said() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.expected_gradients(n_samples=2)(model, x, target=1)
    assert "With 2 samples" in result.notes[0].en and "2 个样本" in result.notes[0].zh
    scorer = nn.Linear(3, 2).eval()
    assert not pl.expected_gradients(n_samples=2)(scorer, torch.randn(1, 3), target=1).notes


@pytest.mark.parametrize(
    ("baselines", "says"),
    [
        ("grey", "no baseline is called 'grey'"),
        (torch.zeros(4, 7), "does not fit"),
        (torch.zeros(4, 3, 5, 5), "does not fit"),
        ((0.0, 0.0), "2 baselines for 1 explained inputs"),
    ],
)
def test_errors(baselines: object, says: str) -> None:
    with pytest.raises(pl.BadSetting, match=says):
        pl.expected_gradients(baselines=baselines)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))


def test_settings_are_checked() -> None:
    for settings in ({"n_samples": 1}, {"batch_size": 0}, {"baselines": None}):
        with pytest.raises(pl.BadSetting):
            pl.expected_gradients(**settings)
