"""Together equals alone, bit for bit, whatever is asked with what and in which order."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models import resnet50

import pellucid as pl
from tests.networks import NETWORKS, normal, seeded

AWKWARD = (
    "article_net",
    "in_place",
    "called_twice",
    "residual",
    "tiny_vit",
    "encoder_layer",
    "causal_lm",
    "lstm",
    "two_inputs",
    "segmentation",
    "half_training",
    "counts_calls",
    "writes_into_input",
    "writes_through_view",
    "always_drops",
    "checkpointed",
    "bfloat16",
    "masked_tokens",
)
VIEWS = (
    pl.saliency(),
    pl.input_x_gradient(),
    pl.grad_cam(),
    pl.guided_backprop(),
    pl.deconvolution(),
    pl.activation_maps(),
    pl.activation_statistics(),
    pl.integrated_gradients(n_steps=3),
    pl.integrated_gradients(n_steps=5),
    pl.gradient_maps(),
    pl.gradient_flow(),
    pl.slices(),
    pl.flow_graph(),
    pl.weights(),
    pl.grad_cam(relu=False),
)


def bits(answer: Any) -> Any:
    """What must be equal: the values of every result of one view, or the reason of its refusal."""
    if isinstance(answer, tuple):
        return tuple(map(bits, answer))
    if not hasattr(answer, "values"):
        return "refused"
    return str(answer.values.dtype), answer.values.shape, np.ascontiguousarray(answer.values).tobytes()


@cache
def alone(name: str, index: int) -> Any:
    """One view, on a fresh model through a fresh lens."""
    network = NETWORKS[name]
    return bits(pl.Lens(network.build()).see(network.x(2), VIEWS[index], target=1)[0])


@pytest.mark.parametrize("name", AWKWARD)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    orders=st.lists(
        st.lists(st.integers(0, len(VIEWS) - 1), min_size=2, max_size=8, unique=True), min_size=2, max_size=2
    )
)
def test_together_equals_alone(name: str, orders: list[list[int]]) -> None:
    network = NETWORKS[name]
    lens = pl.Lens(network.build())
    for order in orders:  # the second time the lens is warm
        views = lens.see(network.x(2), *(VIEWS[index] for index in order), target=1)
        for place, index in enumerate(order):
            assert bits(views[place]) == alone(name, index), VIEWS[index]


@pytest.mark.parametrize("name", ["article_net", "residual", "tiny_vit"])
def test_predicted_and_equal_named_target_share(name: str) -> None:
    network = NETWORKS[name]
    model, x = network.build(), network.x(2)
    predicted = model(x).argmax(1).tolist()
    views = pl.Lens(model).see(x, pl.saliency(), pl.input_x_gradient(), pl.activation_maps())
    named = pl.Lens(model).see(x, pl.saliency(), target=predicted)
    assert bits(views["saliency"]) == bits(named["saliency"])
    assert (views.cost.forwards, views.cost.backwards) == (1, 1)


@pytest.mark.parametrize("name", ["article_net", "residual", "non_square"])
def test_passes_that_are_needed_and_no_more(name: str) -> None:
    network = NETWORKS[name]
    lens, x = pl.Lens(network.build()), network.x(2)
    plain = (pl.saliency(), pl.input_x_gradient(), pl.grad_cam(), pl.grad_cam(relu=False), pl.activation_maps())
    assert cost(lens.see(x, *plain, target=1)) == (1, 1)
    assert cost(lens.see(x, *plain, pl.guided_backprop(), target=1)) == (1, 2)
    assert cost(lens.see(x, *plain, pl.guided_backprop(), pl.deconvolution(), target=1)) == (1, 3)
    assert cost(lens.see(x, pl.activation_maps(), target=1)) == (1, 0)


def test_twelve_pictures_of_a_resnet50_in_one_forward_and_three_backwards() -> None:
    lens = pl.Lens(seeded(resnet50)())
    layers = ("layer1", "layer2", "layer3", "layer4")
    ten = (
        *(pl.grad_cam(layer=layer) for layer in layers),
        *(pl.activation_maps(layer=layer) for layer in layers),
        pl.saliency(),
        pl.input_x_gradient(),
    )
    x = normal(3, 64, 64)(1)
    assert cost(lens.see(x, *ten, target=1)) == (1, 1)
    views = lens.see(x, *ten, pl.guided_backprop(), pl.deconvolution(), target=1)
    assert cost(views) == (1, 3) and not views.failures


def cost(views: Any) -> tuple[int, int]:
    """Forwards and backwards."""
    return views.cost.forwards, views.cost.backwards


def test_a_method_that_writes_into_what_it_was_shown_fails_alone() -> None:
    words = {name: pl.Text("x", "某") for name in ("title", "question", "shows", "cannot", "check", "needs")}

    @pl.method(**words, paper="none")
    def spoiler(x: pl.Inputs, target: pl.Target) -> Any:
        seen = yield from pl.Pass(x, keep=["conv1"], grads=["input"], target=target)
        seen["conv1"].zero_()
        seen.grad("input").zero_()
        yield from pl.Pass(x)

    index = VIEWS.index(pl.saliency())
    maps = pl.activation_maps(layer="conv1")
    network = NETWORKS["article_net"]
    views = pl.Lens(network.build()).see(network.x(2), spoiler(), VIEWS[index], maps, target=1)
    assert [card.method for card in views.failures] == ["spoiler"]
    assert bits(views["saliency"]) == alone("article_net", index)
    assert bits(views["activation_maps"]) == bits(maps(network.build(), network.x(2)))
