"""Gradient maps: the gradient of the loss for weights of every shape."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive


@pytest.mark.parametrize(
    ("network", "layer", "axes"),
    [
        ("article_net", "conv2", ("filter", "channel", "height", "width")),
        ("series", "2", ("filter", "channel", "time")),
        ("volume", "0", ("filter", "channel", "depth", "height", "width")),
        ("rows", "2", ("out", "in")),
        ("residual", "0.bn1", ("unit",)),
        ("rows", "0:bias", ("unit",)),
    ],
)
def test_values_are_the_gradient_of_the_mean_loss(network: str, layer: str, axes: tuple[str, ...]) -> None:
    model, x, label = NETWORKS[network].build(), NETWORKS[network].x(3), [1, 2, 0]
    result = pl.gradient_maps(layer=layer)(model, x, target=label)
    name = layer.replace(":", ".") if ":" in layer else f"{layer}.weight"
    expected = naive.gradient_maps(model, x, label)[name].numpy()
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert result.axes == axes and str(result.unit.en) == "loss per unit of weight"


def test_without_a_label_it_is_the_predicted_one() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    label = model(x).argmax(1).tolist()
    assert np.array_equal(pl.gradient_maps()(model, x).values, pl.gradient_maps()(model, x, target=label).values)
    assert [one.chosen for one in pl.gradient_maps()(model, x).targets] == ["predicted", "predicted"]


def test_a_tied_weight_has_one_gradient_the_sum_of_its_uses() -> None:
    network = NETWORKS["tied_lm"]
    model, tokens = network.build(), network.x(2)
    result = pl.gradient_maps(layer="embed")(model, tokens, target=(4, 3))
    loss = F.cross_entropy(model(tokens)[:, 4], torch.tensor([3, 3]))
    expected = torch.autograd.grad(loss, model.embed.weight)[0]
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-4, atol=1e-7)


def test_frozen_weights_have_gradients_and_stay_frozen() -> None:
    network = NETWORKS["frozen"]
    model = network.build()
    assert pl.gradient_maps()(model, network.x(1), target=1).values.any()
    assert not any(one.requires_grad for one in model.parameters())


def test_transposed_convolutions_are_drawn_by_filter() -> None:
    network = NETWORKS["segmentation"]
    model = network.build()
    model.up = nn.ConvTranspose2d(6, 6, 2, 2, groups=3)
    result = pl.gradient_maps(layer="up")(model, network.x(1), target=1)
    assert result.values.shape == (6, 2, 2, 2) and result.axes[:2] == ("channel", "filter")
    assert [str(one).split()[0] for one in result.captions] == ["0", "1", "2", "3", "4", "5"]
    for index, (tile, caption) in enumerate(zip(result.images, result.captions, strict=True)):
        group, inside = divmod(index, 2)
        channel = 2 * group + int(str(caption).split()[-1])
        assert np.array_equal(tile, result.values[channel, inside])


def test_three_input_channels_are_colours_around_grey() -> None:
    network = NETWORKS["article_net"]
    result = pl.gradient_maps(filters=2)(network.build(), network.x(1), target=1)
    assert [image.shape for image in result.images] == [(5, 5, 3), (5, 5, 3)]
    shown = result.values[:2].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(np.stack(result.images), 0.5 + shown / (2 * np.abs(shown).max()), rtol=1e-5)
    assert any("grey is zero" in note.en and "灰色为零" in note.zh for note in result.notes)


def test_parametrized_weights_say_whose_gradient_it_is() -> None:
    network = NETWORKS["parametrized"]
    result = pl.gradient_maps(layer="0")(network.build(), network.x(1), target=1)
    assert "parametrizations" in result.layer and any("parametrized" in note.en for note in result.notes)
    assert result.values.shape == (6, 3, 3, 3)


def test_another_loss() -> None:
    network = NETWORKS["regression"]
    model, x = network.build(), network.x(3)

    def squared(output: Tensor, label: Tensor) -> Tensor:
        return (output - label) ** 2

    result = pl.gradient_maps(loss=squared, layer="0")(model, x, target=[0.5, 1.0, -1.0])
    loss = ((model(x).flatten() - torch.tensor([0.5, 1.0, -1.0])) ** 2).mean()
    expected = torch.autograd.grad(loss, model[0].weight)[0]
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-5)


def test_facts() -> None:
    network = NETWORKS["rows"]
    model = network.build()
    with torch.no_grad():
        model[0].weight[2], model[0].bias[2] = 0.0, -1.0
    result = pl.gradient_maps()(model, network.x(3), target=1)
    assert result.facts["gradient norm"] == pytest.approx(np.linalg.norm(result.values), rel=1e-6)
    assert result.facts["relative to the weights"] == pytest.approx(
        result.facts["gradient norm"] / float(model[0].weight.detach().norm()), rel=1e-5
    )
    assert result.facts["zero share"] >= 1 / 12


def test_it_says_what_is_there() -> None:
    network = NETWORKS["rows"]
    result = pl.gradient_maps(layer=("0", "2"))(network.build(), network.x(2), target=1)
    assert [one.layer for one in result] == ["0:weight", "2:weight"]
    assert "One picture" in result[0].describe("en") and "1 张图" in result[0].describe("zh")
    assert "momentum" in result[0].describe("en") and "动量" in result[0].describe("zh")


def test_errors() -> None:
    with pytest.raises(pl.NotApplicable, match="classes"):
        pl.gradient_maps()(NETWORKS["regression"].build(), NETWORKS["regression"].x(1))
    with pytest.raises(pl.LayerNotFound, match="no weight of its own"):
        pl.gradient_maps(layer="pool")(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    with pytest.raises(pl.NotApplicable, match="does not use it"):
        pl.gradient_maps(layer="spare")(NETWORKS["unused_branch"].build(), NETWORKS["unused_branch"].x(1))
