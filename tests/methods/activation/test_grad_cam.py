"""Grad-CAM: the formula on every layout, and what an empty map means."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS, known
from tests.oracle import naive


def weighed(activation: Tensor, gradient: Tensor) -> np.ndarray:
    """`Σ_k mean(g_k) A_k` over `(batch, channel, *grid)`."""
    cells = tuple(range(2, activation.ndim))
    return (gradient.mean(cells, keepdim=True) * activation).sum(1).numpy()


@pytest.mark.parametrize(
    ("network", "layer", "axes"),
    [
        ("float64", "2", ("batch", "height", "width")),
        ("non_square", "stem", ("batch", "height", "width")),
        ("series", "2", ("batch", "time")),
        ("volume", "2", ("batch", "depth", "height", "width")),
        ("two_inputs", "conv", ("batch", "height", "width")),
    ],
)
@pytest.mark.parametrize("relu", [True, False])
def test_the_formula(network: str, layer: str, axes: tuple[str, ...], relu: bool) -> None:
    zoo = NETWORKS[network]
    model, x, target = zoo.build(), zoo.x(2), [1, 3]
    seen: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, out: seen.append(out) or out.clone())
    scores = model(*x) if isinstance(x, tuple) else model(x)
    handle.remove()
    gradient = torch.autograd.grad(naive.chosen(scores, target).sum(), seen)[0]
    expected = weighed(seen[0].detach(), gradient)
    result = pl.grad_cam(layer=layer, relu=relu)(model, x, target=target)
    np.testing.assert_allclose(result.values, np.maximum(expected, 0) if relu else expected, rtol=1e-5, atol=1e-8)
    assert result.axes == axes and result.signed is not relu
    assert str(result.unit.en) == "logit per cell" and str(result.unit.zh) == "logit / 格"


def test_channels_behind_and_tokens() -> None:
    for name, layer in (("channels_behind", "mix"), ("tiny_vit", "norm1")):
        model, x = NETWORKS[name].build(), NETWORKS[name].x(2)
        activation, gradient = naive.layer_gradient(model, model.get_submodule(layer), x, [1, 2])
        if name == "tiny_vit":
            activation, gradient = (one[:, 1:].transpose(1, 2).unflatten(2, (4, 4)) for one in (activation, gradient))
        else:
            activation, gradient = (one.movedim(-1, 1) for one in (activation, gradient))
        result = pl.grad_cam(layer=layer, relu=False)(model, x, target=[1, 2])
        np.testing.assert_allclose(result.values, weighed(activation, gradient), rtol=1e-5, atol=1e-8)


def test_one_map_for_each_place() -> None:
    twice, article = NETWORKS["called_twice"], NETWORKS["article_net"]
    assert [one.layer for one in pl.grad_cam(layer="block")(twice.build(), twice.x(1))] == ["block#0", "block#1"]
    several = pl.grad_cam(layer=("conv1", "/relu.1"))(article.build(), article.x(1))
    assert [one.layer for one in several] == ["conv1", "/relu.1"]
    root = NETWORKS["functional"]
    assert pl.grad_cam()(root.build(), root.x(1)).layer == "/relu.0"


def test_a_map_is_the_same_alone_and_in_a_batch() -> None:
    network = NETWORKS["residual"]
    both = pl.grad_cam()(network.build(), network.x(2), target=[1, 2]).values
    np.testing.assert_allclose(both[:1], pl.grad_cam()(network.build(), network.x(1), target=1).values, rtol=1e-5)


def test_an_empty_map_says_that_nothing_speaks_for_the_target() -> None:
    detector = known.template_detector()
    x = torch.cat([detector.x, detector.x])
    result = pl.grad_cam(layer="1")(detector.model, x, target=[0, 1])
    assert result.values[0].any() and not result.values[1].any()
    assert "In 1 of 2 examples no cell speaks for the target" in result.notes[0].en
    assert "relu=False" in result.notes[0].zh
    alone = pl.grad_cam(layer="1")(detector.model, detector.x, target=1)
    assert "speaks only against the target" in alone.describe("en")
    assert (pl.grad_cam(layer="1", relu=False)(detector.model, detector.x, target=1).values <= 0).all()


def test_a_layer_that_no_gradient_reaches_is_not_said_to_speak_against() -> None:
    """The head reads the class token alone, so nothing reaches the cells of the last norm."""
    network = NETWORKS["tiny_vit"]
    result = pl.grad_cam(layer="norm2")(network.build(), network.x(2), target=1)
    assert not result.values.any() and result.facts["without gradient"] == 2
    assert "In 2 of 2 examples no gradient reaches" in result.notes[0].en and "梯度没有到达" in result.notes[0].zh
    assert not any("speaks for" in note.en for note in result.notes)
    assert "speaks only against" not in result.describe("en") and "exactly zero" in result.describe("en")
    assert "只反对目标" not in result.describe("zh") and "零" in result.describe("zh")


def test_it_says_where_the_evidence_is() -> None:
    detector = known.template_detector(row=19, column=0)
    result = pl.grad_cam(layer="1")(detector.model, detector.x, target=0)
    assert "lower left" in result.describe("en") and "左下" in result.describe("zh")
    assert "highly concentrated" in result.describe("en")


def test_errors() -> None:
    network = NETWORKS["article_net"]
    with pytest.raises(pl.NotApplicable, match="grid"):
        pl.grad_cam(layer="fc1")(network.build(), network.x(1))
    with pytest.raises(pl.BadTarget):
        pl.grad_cam()(network.build(), network.x(1), target=10)
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.grad_cam()(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))
    with pytest.raises(pl.LayerNotFound):
        pl.grad_cam(layer=nn.ReLU())(network.build(), network.x(1))
