"""Activation maps: what a layer returned, whatever its layout, and which channels are drawn."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive


def three_filters() -> nn.Module:
    """Channel 0 is the input, channel 1 minus twice the input, channel 2 nothing."""
    model = nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), nn.Flatten(), nn.Linear(48, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -2.0, 0.0]).reshape(3, 1, 1, 1))
    return model.eval()


class StepsFirst(nn.Module):
    """Works on `step batch feature`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.fc = nn.Linear(5, 7), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.inner(x.transpose(0, 1)).mean(0))


@pytest.mark.parametrize(
    ("network", "layer", "axes"),
    [
        ("article_net", "conv2", ("batch", "channel", "height", "width")),
        ("series", "2", ("batch", "channel", "time")),
        ("volume", "2", ("batch", "channel", "depth", "height", "width")),
        ("rows", "2", ("batch", "unit")),
        ("attention", "project", ("batch", "token", "feature")),
    ],
)
def test_values_are_what_the_layer_returned(network: str, layer: str, axes: tuple[str, ...]) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    result = pl.activation_maps(layer=layer)(model, x)
    assert result.axes == axes and result.layer == layer
    assert np.array_equal(result.values, naive.activation(model, model.get_submodule(layer), x)[0].numpy())


def test_channels_behind_are_brought_to_the_front() -> None:
    model, x = NETWORKS["channels_behind"].build(), NETWORKS["channels_behind"].x(2)
    result = pl.activation_maps(layer="mix")(model, x)
    given = naive.activation(model, model.mix, x)[0].movedim(-1, 1)
    assert result.axes == ("batch", "channel", "height", "width")
    assert np.array_equal(result.values, given.numpy())


def test_tokens_lie_on_the_grid_without_the_class_token() -> None:
    model, x = NETWORKS["tiny_vit"].build(), NETWORKS["tiny_vit"].x(2)
    result = pl.activation_maps(layer="norm2")(model, x)
    tokens = naive.activation(model, model.norm2, x)[0]
    assert np.array_equal(result.values, tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4)).numpy())
    assert result.facts["channels"] == 12


def test_order_and_number_of_tiles() -> None:
    x = torch.arange(1.0, 17.0).reshape(1, 1, 4, 4)
    drawn = {
        order: [caption.en for caption in pl.activation_maps(layer="0", order=order)(three_filters(), x).captions]
        for order in ("max", "variance", "index")
    }
    assert drawn == {
        "max": ["channel 0", "channel 2", "channel 1"],
        "variance": ["channel 1", "channel 0", "channel 2"],
        "index": ["channel 0", "channel 1", "channel 2"],
    }
    result = pl.activation_maps(layer="0", channels=1)(three_filters(), x)
    assert len(result.images) == 1 and np.array_equal(result.images[0], x[0, 0].numpy())
    assert result.values.shape == (1, 3, 4, 4) and result.signed
    assert result.facts == {"channels": 3, "silent channels": 1}


def test_silent_features_of_tokens_are_not_silent_tokens() -> None:
    network = NETWORKS["attention"]
    model = network.build()
    with torch.no_grad():
        model.project.weight[3] = 0.0
        model.project.bias[3] = 0.0
    facts = pl.activation_maps(layer="project")(model, network.x(2)).facts
    assert facts == {"channels": 8, "silent channels": 1}


def test_every_example_asked_for_is_drawn_and_all_are_kept() -> None:
    network = NETWORKS["article_net"]
    result = pl.activation_maps(layer="conv1", channels=2, examples=2)(network.build(), network.x(3))
    assert len(result.values) == 3
    assert [str(group.zh) for group in result.groups] == ["样本 1", "样本 1", "样本 2", "样本 2"]


def test_a_volume_shows_the_slice_with_its_largest_value() -> None:
    network = NETWORKS["volume"]
    result = pl.activation_maps(layer="1", channels=3)(network.build(), network.x(1))
    for image, caption in zip(result.images, result.captions, strict=True):
        channel, depth = (int(part.split()[-1]) for part in caption.en.split(", "))
        assert image.max() == result.values[0, channel].max()
        assert np.array_equal(image, result.values[0, channel, depth])


def test_each_call_and_each_name_makes_a_gallery() -> None:
    twice, article = NETWORKS["called_twice"], NETWORKS["article_net"]
    assert [one.layer for one in pl.activation_maps(layer="block")(twice.build(), twice.x(1))] == ["block#0", "block#1"]
    assert [one.layer for one in pl.activation_maps(layer="conv*")(article.build(), article.x(1))] == ["conv1", "conv2"]
    functional = NETWORKS["functional"]
    assert pl.activation_maps(layer="/relu.0")(functional.build(), functional.x(1)).values.min() == 0


def test_a_layer_whose_first_axis_is_not_the_batch_says_so() -> None:
    torch.manual_seed(0)
    result = pl.activation_maps(layer="inner")(StepsFirst().eval(), torch.randn(2, 6, 5))
    assert result.axes == ("axis 0", "axis 1", "axis 2") and result.values.shape == (6, 2, 7)
    assert "not the batch" in result.notes[0].en and "批次" in result.notes[0].zh


def test_it_says_what_is_there() -> None:
    result = pl.activation_maps(layer="0")(three_filters(), torch.arange(1.0, 17.0).reshape(1, 1, 4, 4))
    english, chinese = result.describe("en"), result.describe("zh")
    assert "3 pictures" in english and "-32" in english.replace("−", "-") and "1 of 3 pictures is zero" in english
    assert "3" in chinese and "通道" in chinese


def test_errors() -> None:
    with pytest.raises(pl.LayerNotFound, match="conv1"):
        pl.activation_maps(layer="conv11")(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    with pytest.raises(pl.NotApplicable, match="convolution"):
        pl.activation_maps()(NETWORKS["rows"].build(), NETWORKS["rows"].x(1))
    with pytest.raises(pl.BadSetting, match="at least 1"):
        pl.activation_maps(channels=0)
