"""Deconvolution: the transposed network, rectified on its way back."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS, seeded, vision
from tests.oracle import naive


def one_switch() -> nn.Sequential:
    """One filter, a rectifier, a pool over everything, and a class that wants it or not."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.ReLU(), nn.MaxPool2d(6), nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.arange(9.0).reshape(1, 1, 3, 3) - 4)
        model[4].weight.copy_(torch.tensor([[2.0], [-2.0]]))
        model[4].bias.zero_()
    return model.eval()


def test_the_filter_is_laid_where_the_pool_found_its_maximum() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 2:5, 3:6] = torch.arange(9.0).reshape(3, 3) - 4
    values = pl.deconvolution()(one_switch(), x, target=0).values[0, 0]
    expected = np.zeros((8, 8), np.float32)
    expected[2:5, 3:6] = 2 * (np.arange(9).reshape(3, 3) - 4)
    assert np.array_equal(values, expected)
    assert not pl.deconvolution()(one_switch(), x, target=1).values.any()


def test_the_forward_sign_does_not_matter() -> None:
    """Where a unit is off, guided backpropagation stops and the deconvnet goes on."""
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(2))
        model[2].weight.copy_(torch.tensor([[1.0, 3.0], [-1.0, -3.0]]))
    x = torch.tensor([[1.0, -1.0]])
    assert pl.deconvolution()(model, x, target=0).values.tolist() == [[1.0, 3.0]]
    assert pl.guided_backprop()(model, x, target=0).values.tolist() == [[1.0, 0.0]]
    assert pl.saliency()(model, x, target=0).values.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("network", ["series", "volume", "frozen"])
def test_against_its_restatement(network: str) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    expected = naive.with_rule(model, x, [1, 2], naive.deconvnet).numpy()
    values = pl.deconvolution()(model, x, target=[1, 2]).values
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-9)


def test_a_module_called_twice_and_functional_rectifiers() -> None:
    net, twin = seeded(vision.ArticleNet)(), seeded(vision.ArticleTwin)()
    twin.load_state_dict(net.state_dict())
    x = NETWORKS["article_net"].x(2)
    expected = naive.with_rule(twin, x, [3, 8], naive.deconvnet).numpy()
    assert np.array_equal(pl.deconvolution()(net, x, target=[3, 8]).values, expected)


def test_each_input_of_several() -> None:
    network = NETWORKS["two_inputs"]
    assert [one.input for one in pl.deconvolution()(network.build(), network.x(1), target=1)] == ["0", "1"]


def test_it_says_what_it_cannot_tell() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, :3, 5:] = torch.arange(9.0).reshape(3, 3) - 4
    result = pl.deconvolution()(one_switch(), x, target=0)
    assert "upper right" in result.describe("en") and "右上" in result.describe("zh")
    assert "reconstructs the image" in result.describe("en") and "重构图像" in result.describe("zh")
    assert result.axes == ("batch", "channel", "height", "width")


@pytest.mark.parametrize("network", ["composed_activation", "scripted"])
def test_what_it_cannot_see_is_refused(network: str) -> None:
    with pytest.raises(pl.NotApplicable, match=r"composed|script"):
        pl.deconvolution()(NETWORKS[network].build(), NETWORKS[network].x(1))
