from collections.abc import Callable

import pytest
import torch
from torch import nn

import pellucid as pl


def net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = (nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(80, 2))
        return nn.Sequential(*layers).eval()


x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_gradient_of_a_channel_at_its_strongest_position_even_under_an_in_place_relu() -> None:
    model, leaf = net(), x.clone().requires_grad_()
    strongest = model[0](leaf)[:, 2].flatten(1).amax(1)
    (expected,) = torch.autograd.grad(strongest.sum(), leaf)
    result = pl.saliency()(model, x, target=pl.unit("0", 2))
    assert torch.equal(result.tensor(), expected)
    assert [info.score for info in result.targets] == pytest.approx(strongest.tolist())
    assert result.targets[0].label.startswith("channel 2 of 0 at (") and result.targets[0].unit == "activation"


def test_position_is_kept_along_the_path_of_integrated_gradients() -> None:
    facts = pl.integrated_gradients(n_steps=200)(net(), x, target=pl.unit("2", 1)).facts
    for gap, score, start in zip(facts["gap"], facts["score"], facts["baseline score"], strict=True):
        assert abs(gap) < 1e-2 * abs(score - start) + 1e-4


def test_a_given_position_and_a_feature_of_a_matrix() -> None:
    model, leaf = net(), x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model[:3](leaf)[:, 1, 0, 2].sum(), leaf)
    assert torch.equal(pl.saliency()(model, x, target=pl.unit("2", 1, (0, 2))).tensor(), expected)
    (whole,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    assert torch.allclose(pl.saliency()(model, x, target=pl.unit("4", 1)).tensor(), whole)


def test_nothing_outside_the_receptive_field_of_the_unit() -> None:
    values = pl.deconvolution()(net(), x, target=pl.unit("0", 0, (0, 0))).values
    assert values[:, :, :3, :3].any() and not values[:, :, 3:].any() and not values[:, :, :, 3:].any()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (pl.unit("0", 4), "channels, 0 to 3, not 4"),
        (pl.unit("2", 0, (9, 9)), "not on the grid"),
        (pl.unit("2", 0, (1,)), "not on the grid"),
        (pl.unit("last spatial", 0), "lies in one layer"),
        (pl.unit("*", 0), "lies in one layer"),
    ],
)
def test_units_that_do_not_exist(target: object, words: str) -> None:
    with pytest.raises(pl.BadTarget, match=words):
        pl.saliency()(net(), x, target=target)


def test_a_loss_of_a_unit_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="needs a label"):
        pl.gradient_maps()(net(), x, target=pl.unit("0", 1))


def test_a_function_of_a_layer() -> None:
    model, leaf = net(), x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model[:3](leaf)[:, :2].mean((1, 2, 3)).sum(), leaf)
    result = pl.saliency()(model, x, target=pl.unit("2", lambda a: a[:, :2].mean((1, 2, 3))))
    assert torch.allclose(result.tensor(), expected)
    assert result.targets[0].unit == "activation" and result.targets[0].label == "<lambda> of 2"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda a: a.mean(), "one number per example"),
        (lambda a: a.flatten(1).mean(1).detach(), "no gradient"),
        (lambda a: a[:, 99].sum(), "IndexError"),
    ],
)
def test_functions_of_a_layer_that_cannot_be(function: Callable[[torch.Tensor], torch.Tensor], why: str) -> None:
    with pytest.raises(pl.BadTarget, match=why):
        pl.saliency()(net(), x, target=pl.unit("2", function))
