"""Guided backpropagation: the rule at every rectifier, however it is written."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS, seeded, vision
from tests.oracle import naive


class Spelled(nn.Module):
    """One rectifier between two linear layers, written in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first, self.second = nn.Linear(6, 9), nn.Linear(9, 4)
        self.act = nn.ReLU(inplace=how == "module in place")

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        match self.how:
            case "function":
                x = F.relu(x)
            case "method":
                x = x.relu()
            case "in place":
                x.relu_()
            case "clamp":
                x = x.clamp(min=0)
            case _:
                x = self.act(x)
        return self.second(x)


HOW = ("module", "module in place", "function", "method", "in place", "clamp")


@pytest.mark.parametrize("how", HOW)
def test_however_the_rectifier_is_written(how: str) -> None:
    plain, other = seeded(lambda: Spelled("module"))(), seeded(lambda: Spelled(how))()
    x = torch.randn(3, 6)
    expected = naive.with_rule(plain, x, [1, 2, 0], naive.guided).numpy()
    assert np.array_equal(pl.guided_backprop()(other, x, target=[1, 2, 0]).values, expected)


def test_in_one_dimension_and_three() -> None:
    for name in ("series", "volume"):
        model, x = NETWORKS[name].build(), NETWORKS[name].x(2)
        expected = naive.with_rule(model, x, [1, 2], naive.guided).numpy()
        np.testing.assert_allclose(pl.guided_backprop()(model, x, target=[1, 2]).values, expected, rtol=1e-5, atol=1e-9)


def test_it_keeps_less_than_either_of_its_halves() -> None:
    """One rectifier: what is left is where the gradient and the deconvnet agree."""
    model, x = seeded(lambda: Spelled("function"))(), torch.randn(2, 6)
    inner = pl.Lens(model)
    guided = inner.see(x, pl.guided_backprop(), target=1)[0].values
    with torch.no_grad():
        arriving = model.second.weight[1].clamp(min=0)
        expected = (arriving * (model.first(x) > 0)) @ model.first.weight
    np.testing.assert_allclose(guided, expected.numpy(), rtol=1e-5, atol=1e-7)


def test_the_forward_and_the_score_are_the_models_own() -> None:
    network = NETWORKS["article_net"]
    views = pl.Lens(network.build()).see(network.x(2), pl.saliency(), pl.guided_backprop(), target=1)
    assert views["guided_backprop"].targets == views["saliency"].targets
    assert (views.cost.forwards, views.cost.backwards) == (1, 2)


def test_smooth_activations_and_none_are_said() -> None:
    smooth = pl.guided_backprop()(NETWORKS["smooth"].build(), NETWORKS["smooth"].x(1), target=1)
    assert any("gelu, silu" in note.en and "类比" in note.zh for note in smooth.notes)
    plain = NETWORKS["lstm"]
    result = pl.guided_backprop()(plain.build(), plain.x(1), target=1)
    assert any("equals the plain gradient" in note.en for note in result.notes)
    assert np.array_equal(result.values, pl.saliency()(plain.build(), plain.x(1), target=1).values)


def test_it_warns_that_it_hardly_knows_the_class() -> None:
    result = pl.guided_backprop()(seeded(vision.ArticleNet)(), NETWORKS["article_net"].x(1), target=1)
    assert "hardly depends on the class" in result.describe("en") and "几乎不依赖于类别" in result.describe("zh")
    assert str(result.unit.en) == "arbitrary units" and result.axes[0] == "batch" and result.signed


@pytest.mark.parametrize(("network", "says"), [("composed_activation", "composed in Python"), ("scripted", "script")])
def test_what_it_cannot_see_is_refused_by_name(network: str, says: str) -> None:
    with pytest.raises(pl.NotApplicable, match=says):
        pl.guided_backprop()(NETWORKS[network].build(), NETWORKS[network].x(1))


def test_at_a_layer_it_is_what_has_come_down_to_there() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    at_layer = pl.guided_backprop(layer="conv1")(model, x, target=[1, 2])
    below = torch.nn.functional.conv_transpose2d(at_layer.tensor(), model.conv1.weight)
    np.testing.assert_allclose(below.detach().numpy(), pl.guided_backprop()(model, x, target=[1, 2]).values, atol=1e-7)
    assert at_layer.layer == "conv1" and at_layer.values.shape == (2, 6, 28, 28)
