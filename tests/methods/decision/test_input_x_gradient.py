"""Input × gradient: shares of the target, which add up where the network is homogeneous."""

import numpy as np
import pytest
import torch

import pellucid as pl
from tests.networks import NETWORKS, known
from tests.oracle import naive


@pytest.mark.parametrize("network", ["article_net", "series", "volume", "rows", "in_place", "channels_behind"])
def test_values_are_the_input_times_its_gradient(network: str) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    result = pl.input_x_gradient()(model, x, target=[1, 0])
    np.testing.assert_allclose(result.values, naive.input_x_gradient(model, x, [1, 0]).numpy(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(result.facts["sum"], result.values.reshape(2, -1).sum(1), rtol=1e-4, atol=1e-7)


def test_the_sum_is_the_score_of_a_homogeneous_network() -> None:
    model = known.homogeneous()
    x = torch.randn(2, 3, 14, 14, dtype=torch.float64)
    result = pl.input_x_gradient()(model, x, target=[1, 3])
    with torch.no_grad():
        scores = naive.chosen(model(x), [1, 3])
    np.testing.assert_allclose(result.facts["sum"], scores.numpy(), rtol=1e-12)
    assert str(result.unit) == "logit"


def test_over_several_inputs_the_sum_is_one() -> None:
    network = NETWORKS["two_inputs"]
    image, row = pl.input_x_gradient()(network.build(), network.x(2), target=1)
    assert image.facts["sum"] == row.facts["sum"]
    np.testing.assert_allclose(image.facts["sum"], image.values.sum((1, 2, 3)) + row.values.sum(1), rtol=1e-4)


def test_tokens_are_summed_over_their_features() -> None:
    network = NETWORKS["tied_lm"]
    result = pl.input_x_gradient()(network.build(), network.x(2), target=3)
    assert result.reduction == "sum" and result.signed and result.heat.shape == (2, 5)
    np.testing.assert_allclose(result.heat, result.values.sum(2), rtol=1e-5, atol=1e-7)


def test_what_is_zero_gets_nothing_and_it_says_so() -> None:
    result = pl.input_x_gradient()(NETWORKS["article_net"].build(), torch.zeros(1, 3, 32, 32), target=1)
    assert not result.values.any()
    assert "exactly zero" in result.describe("en") and "零" in result.describe("zh")


def test_it_says_how_much_speaks_against_the_target() -> None:
    scorer = known.linear_scorer(3, 2)
    with torch.no_grad():
        scorer.weight[0] = torch.tensor([3.0, -1.0, 0.0])
    result = pl.input_x_gradient()(scorer, torch.ones(1, 3, dtype=torch.float64), target=0)
    assert "25%" in result.describe("en") and "25%" in result.describe("zh")


def test_a_network_without_gradient_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.input_x_gradient()(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))


def test_at_every_layer_of_a_homogeneous_network_it_is_the_whole_score() -> None:
    model, x = known.homogeneous(), torch.randn(2, 3, 14, 14, dtype=torch.float64)
    layers = ("input", *(name for name, part in model.named_modules() if not any(part.children())))
    results = pl.input_x_gradient(layer=layers)(model, x, target=[1, 3])
    assert len(results) == len(layers)
    with torch.no_grad():
        scores = naive.chosen(model(x), [1, 3]).numpy()
    for result in results:
        np.testing.assert_allclose(result.facts["sum"], scores, rtol=1e-10)
        np.testing.assert_allclose(result.values.reshape(2, -1).sum(1), scores, rtol=1e-10)


def test_the_class_token_of_a_transformer_is_accounted_for() -> None:
    network = NETWORKS["tiny_vit"]
    views = pl.Lens(network.build()).see(network.x(2), pl.input_x_gradient(layer="last spatial"), target=1)
    result = views[0]
    assert result.axes == ("batch", "channel", "height", "width") and result.heat.shape == (2, 16, 16)
    total = result.values.reshape(2, -1).sum(1) + result.facts["off the grid"]
    np.testing.assert_allclose(total, result.facts["sum"], rtol=1e-4, atol=1e-6)
