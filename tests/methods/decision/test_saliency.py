"""Saliency: the gradient at the input, for inputs of every kind."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive


def corner(size: int = 12) -> nn.Module:
    """Class 1 reads nothing but the upper right corner of the picture, against the sign of channel 2."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 2, bias=False))
    with torch.no_grad():
        weight = torch.zeros(2, 3, size, size)
        weight[1, 0, :2, -2:] = 1.0
        weight[1, 2, :2, -2:] = -3.0
        model[1].weight.copy_(weight.flatten(1))
    return model.eval()


@pytest.mark.parametrize(
    ("network", "axes"),
    [
        ("article_net", ("batch", "channel", "height", "width")),
        ("non_square", ("batch", "channel", "height", "width")),
        ("series", ("batch", "channel", "time")),
        ("volume", ("batch", "channel", "depth", "height", "width")),
        ("rows", ("batch", "feature")),
    ],
)
def test_values_are_the_gradient(network: str, axes: tuple[str, ...]) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    result = pl.saliency()(model, x, target=[1, 2])
    assert np.array_equal(result.values, naive.saliency(model, x, [1, 2]).numpy())
    assert result.axes == axes and result.base.kind != "array"


def test_integer_tokens_are_explained_at_their_embedding() -> None:
    model, x = NETWORKS["causal_lm"].build(), NETWORKS["causal_lm"].x(2)
    result = pl.saliency()(model, x, target=(6, 3))
    embedded = naive.activation(model, model.embed, x)[0].requires_grad_()
    handle = model.embed.register_forward_hook(lambda *_: embedded)
    gradient = torch.autograd.grad(model(x)[:, 6, 3].sum(), embedded)[0]
    handle.remove()
    np.testing.assert_allclose(result.values, gradient.numpy(), rtol=1e-5, atol=1e-8)
    assert result.axes == ("batch", "token", "feature") and result.reduction == "l2"
    np.testing.assert_allclose(result.heat, gradient.norm(dim=2).numpy(), rtol=1e-5)


def test_each_input_of_several_has_its_own_result() -> None:
    network = NETWORKS["two_inputs"]
    image, row = pl.saliency()(network.build(), network.x(2), target=1)
    assert (image.input, row.input) == ("0", "1")
    assert image.values.shape == (2, 3, 10, 10) and row.values.shape == (2, 4)
    given = [one.requires_grad_() for one in network.x(2)]
    expected = torch.autograd.grad(network.build()(*given)[:, 1].sum(), given)
    for result, gradient in zip((image, row), expected, strict=True):
        np.testing.assert_allclose(result.values, gradient.numpy(), rtol=1e-5, atol=1e-9)


def test_the_picture_is_the_largest_absolute_value() -> None:
    result = pl.saliency()(corner(), torch.randn(1, 3, 12, 12), target=1)
    assert result.signed and not result.heat_signed and result.reduction == "max_abs"
    assert result.heat[0, 0, -1] == 3.0 and result.heat[0, 5, 5] == 0.0
    assert str(result.unit.en) == "logit per input unit" and str(result.unit.zh) == "logit / 输入单位"


def test_it_says_where_the_target_is_sensitive() -> None:
    result = pl.saliency()(corner(), torch.randn(1, 3, 12, 12), target=1)
    assert "upper right" in result.describe("en") and "右上" in result.describe("zh")
    assert "saturated has no gradient" in result.describe("en") and "饱和" in result.describe("zh")


def test_an_unread_input_has_a_zero_gradient_and_says_so() -> None:
    class ReadsFirst(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a * 2

    _, second = pl.saliency()(ReadsFirst().eval(), (torch.randn(1, 3), torch.randn(1, 3)), target=0)
    assert not second.values.any() and any("No gradient reaches" in note.en for note in second.notes)


def test_errors() -> None:
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.saliency()(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))
    with pytest.raises(pl.BadSetting, match="no setting 'abs'"):
        pl.saliency(abs=True)
    with pytest.raises(pl.BadInput):
        pl.saliency()(NETWORKS["rows"].build(), torch.full((1, 6), float("nan")))


def test_the_gradient_at_a_layer_shares_the_backward_with_that_at_the_input() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    views = pl.Lens(model).see(x, pl.saliency(layer="conv1"), pl.saliency(layer="fc1"), pl.saliency(), target=[1, 2])
    assert (views.cost.forwards, views.cost.backwards) == (1, 1)
    for result, place in ((views[0], model.conv1), (views[1], model.fc1)):
        _, expected = naive.layer_gradient(model, place, x, [1, 2])
        np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-5, atol=1e-9)
    assert [one.layer for one in views.results] == ["conv1", "fc1", ""]
    assert [one.base.kind for one in views.results] == ["image", "features", "image"]
    assert views[0].unit.en == "logit per unit of the layer" and views[0].unit.zh == "logit / 该层单位"


def test_every_place_of_a_layer_makes_one_result() -> None:
    network = NETWORKS["article_net"]
    results = pl.saliency(layer=("input", "pool"))(network.build(), network.x(2), target=1)
    assert [one.layer for one in results] == ["", "pool#0", "pool#1"]
    assert [one.unit.en for one in results] == ["logit per input unit", *["logit per unit of the layer"] * 2]
