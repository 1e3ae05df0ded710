"""FullGrad: the sum of absolute shares, restated; signed, they are the whole score on piecewise-linear networks."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive

EXACT = ["article_net", "in_place", "called_twice", "residual", "segmentation", "non_square", "functional"]
EXACT += ["series", "volume", "dict_output", "frozen", "half_training", "checkpointed", "parametrized", "two_inputs"]


def restated(model: nn.Module, x: Tensor, target: list[int]) -> tuple[Tensor, Tensor]:
    """For a network whose constants are biases of modules called once: the map, and the signed sum of all shares."""
    twin, sums = copy.deepcopy(model), []
    with_bias = [one for one in twin.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    for module in with_bias:
        module.register_forward_hook(lambda one, _, out: sums.append((one, out)) or out.clone())
    x = x.clone().requires_grad_()
    score = naive.chosen(twin(x), target)
    gradient, *gradients = torch.autograd.grad(score.sum(), [x, *(out for _, out in sums)])
    total = (x * gradient).abs().sum(1)
    signed = (x * gradient).flatten(1).sum(1)
    for (module, _), one in zip(sums, gradients, strict=True):
        share = one * module.bias.reshape(-1, *[1] * (one.ndim - 2))
        signed = signed + share.flatten(1).sum(1)
        if one.ndim == 4:
            larger = F.interpolate(share.abs(), x.shape[2:], mode="bilinear", align_corners=False)
            total = total + larger.sum(1)
    return total.detach(), signed.detach() - score.detach()


def test_the_formula() -> None:
    model, x = NETWORKS["article_net"].build().double(), NETWORKS["article_net"].x(2).double()
    result = pl.full_grad()(model, x, target=[1, 2])
    expected, gap = restated(model, x, [1, 2])
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-10)
    np.testing.assert_allclose(result.facts["gap"], gap.numpy(), atol=1e-15)
    assert result.facts["maps"] == 3 and result.axes == ("batch", "height", "width") and not result.signed


@pytest.mark.parametrize("network", EXACT)
def test_input_and_constants_are_the_whole_score(network: str) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2)
    x = tuple(one.double() for one in x) if isinstance(x, tuple) else x.double()
    result = pl.full_grad()(model, x)
    scores = [abs(one.score) for one in result.targets]
    assert np.abs(result.facts["gap"]).max() <= 1e-13 * max(scores)
    assert not result.notes or "Explained" in result.notes[0].en


def test_without_constants_it_is_input_x_gradient() -> None:
    model, x = NETWORKS["functional"].build(), NETWORKS["functional"].x(2)
    shares = pl.input_x_gradient()(model, x, target=[0, 1]).values
    result = pl.full_grad()(model, x, target=[0, 1])
    np.testing.assert_allclose(result.values, np.abs(shares).sum(1), rtol=1e-5)
    assert result.facts["constants"] == (0.0, 0.0)


@pytest.mark.parametrize("network", ["smooth", "tiny_vit", "channels_behind"])
def test_what_bends_is_told(network: str) -> None:
    result = pl.full_grad()(NETWORKS[network].build(), NETWORKS[network].x(2))
    assert np.abs(result.facts["gap"]).max() > 1e-3 and "the network bends" in result.notes[-1].en


def test_constants_of_linear_layers_have_no_place() -> None:
    model, x = NETWORKS["rows"].build(), NETWORKS["article_net"].x(1)

    class Behind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 6, 3, bias=False), model

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.relu(self.conv(x)).mean((2, 3)))

    with pytest.raises(pl.NotApplicable, match="no constant lies on the grid"):
        pl.full_grad()(Behind(), x)


def test_scaling() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    plain, layer, channel = (pl.full_grad(scaling=how)(model, x, target=1) for how in ("none", "layer", "channel"))
    assert channel.values.max() <= 3 + 6 + 16 and layer.values.max() <= 3 + 6 + 16
    assert (channel.values >= layer.values.min()).all() and not np.allclose(layer.values, plain.values)
    assert "scaled" in str(layer.unit.en) and plain.unit.en == "logit per cell"


def test_one_forward_and_one_backward_shared_with_others() -> None:
    lens, x = pl.Lens(NETWORKS["residual"].build()), NETWORKS["residual"].x(2)
    cost = lens.see(x, pl.full_grad(), pl.saliency(), pl.grad_cam()).cost
    assert (cost.forwards, cost.backwards) == (1, 1)


def test_rows_and_text_have_no_grid() -> None:
    for network in ("rows", "causal_lm"):
        with pytest.raises(pl.NotApplicable, match="no grid"):
            pl.full_grad()(NETWORKS[network].build(), NETWORKS[network].x(1))
