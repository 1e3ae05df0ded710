"""The check constant_answer."""

import pytest
import torch
from torch import nn

import pellucid as pl
from tests.diagnose.planted import batch, host, plain


def found_in(model, x):
    return [one for one in pl.Lens(model.eval()).diagnose(x) if one.check == "constant_answer"]


def test_the_layer_from_which_on_examples_are_alike_is_named():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.constant_(model[2].bias, -90.0)
    (one,) = found_in(model, torch.randn(6, 4))
    assert (one.severity, one.place) == ("high", "3") and "6 examples" in one.said.en
    nn.init.zeros_(model[2].weight)
    assert found_in(model, torch.randn(6, 4))[0].place == "2"


def test_healthy_networks_differ_trained_or_not():
    x = batch(16)[0]
    for model in (host("plain"), host("residual"), host("transformer"), plain(depth=8), plain(nn.Tanh, 8)):
        assert not found_in(model, x) and not found_in(model, x[:2])


@pytest.mark.parametrize("last", [nn.Sigmoid(), nn.ReLU(), nn.Softmax(1)], ids=str)
def test_a_sure_answer_is_no_constant_one(last):
    """Behind the last, bounded function nothing differs, before it everything."""
    model = nn.Sequential(nn.Linear(4, 2), last)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.copy_(torch.tensor([900.0, 100.0]) if isinstance(last, nn.Softmax) else torch.tensor(-1000.0))
    x = torch.rand(6, 4)
    assert bool((model(x) == model(x)[:1]).all()) and not found_in(model, x)


def test_examples_that_are_all_the_same_tell_nothing():
    found = pl.Lens(nn.Linear(4, 2)).diagnose(torch.ones(4, 4))
    assert "constant_answer" in {one.check for one in found.not_made}
