"""Guided Grad-CAM: the product of two pictures from one forward."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS, vision
from tests.oracle import naive


def test_the_formula_from_one_forward_and_two_backwards() -> None:
    network = NETWORKS["non_square"]
    lens, x = pl.Lens(network.build()), network.x(2)
    views = lens.see(x, pl.guided_grad_cam(layer="act#1"), target=[1, 2])
    assert (views.cost.forwards, views.cost.backwards) == (1, 2)
    guided = pl.guided_backprop()(network.build(), x, target=[1, 2])
    cam = pl.grad_cam(layer="act#1")(network.build(), x, target=[1, 2]).tensor()
    enlarged = F.interpolate(cam[:, None], x.shape[2:], mode="bilinear", align_corners=False)
    np.testing.assert_allclose(views[0].values, guided.values * enlarged.numpy(), rtol=1e-4, atol=1e-9)
    assert views[0].layer == "act#1" and views[0].values.shape == tuple(x.shape) and views[0].signed
    both = lens.see(x, pl.guided_grad_cam(), pl.grad_cam(), pl.guided_backprop(), pl.saliency(), target=[1, 2])
    assert (both.cost.forwards, both.cost.backwards) == (1, 2), "its parts are made once, whoever asks"


def test_a_naive_restatement() -> None:
    twin = vision.ArticleTwin().eval()
    net = vision.ArticleNet().eval()
    net.load_state_dict(twin.state_dict())
    x = torch.randn(2, 3, 32, 32)
    cam = naive.grad_cam(twin, twin.conv2, x, [1, 2])
    enlarged = F.interpolate(cam[:, None], (32, 32), mode="bilinear", align_corners=False)
    expected = naive.with_rule(twin, x, [1, 2], naive.guided) * enlarged
    values = pl.guided_grad_cam(layer="conv2")(net, x, target=[1, 2]).values
    np.testing.assert_allclose(values, expected.detach().numpy(), rtol=1e-4, atol=1e-9)


def test_where_grad_cam_sees_nothing_there_is_nothing() -> None:
    model = NETWORKS["residual"].build()
    pictures = torch.randn(30, 3, 14, 14, generator=torch.Generator().manual_seed(2))
    cam = pl.grad_cam(layer="first conv")(model, pictures).heat == 0
    values = pl.guided_grad_cam(layer="first conv")(model, pictures).values
    assert cam.any() and not values.transpose(0, 2, 3, 1)[cam].any()


def test_every_place_makes_one_result() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    assert [one.layer for one in pl.guided_grad_cam(layer="pool")(model, x)] == ["pool#0", "pool#1"]


@pytest.mark.parametrize("network", ["series", "volume", "tiny_vit", "two_inputs"])
def test_other_grids(network: str) -> None:
    zoo = NETWORKS[network]
    result = pl.guided_grad_cam()(zoo.build(), zoo.x(2))
    first = zoo.x(2)[0] if network == "two_inputs" else zoo.x(2)
    assert result.values.shape == tuple(first.shape) and result.heat.shape == (2, *first.shape[2:])


def test_what_one_of_the_two_cannot_see_is_refused() -> None:
    for network, says in (
        ("composed_activation", "composed in Python"),
        ("rows", "convolution"),
        ("scripted", "script"),
    ):
        with pytest.raises(pl.NotApplicable, match=says):
            pl.guided_grad_cam()(NETWORKS[network].build(), NETWORKS[network].x(1))


def test_it_says_what_it_cannot_tell() -> None:
    result = pl.guided_grad_cam()(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    assert "edge detector" in result.describe("en") and "边缘检测器" in result.describe("zh")
