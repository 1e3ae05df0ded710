"""The check zero_weights."""

import torch
from torch import nn

import pellucid as pl
from tests.diagnose.planted import batch, host, plain


def named(model, x=None):
    found = pl.Lens(model.eval()).diagnose(x)
    return [(one.severity, one.place) for one in found if one.check == "zero_weights"], found


def test_a_layer_of_zeros_is_named_first():
    torch.manual_seed(0)
    model = plain()
    nn.init.zeros_(model[3].weight)
    told, found = named(model, batch(16)[0])
    assert told == [("high", "3")] and found[0].check == "zero_weights"
    assert not [one for one in found if one.check == "vanishing_gradients" and "ReLU" in one.advice.en]
    assert named(model)[0] == [("info", "3")]


def test_an_embedding_of_zeros():
    model = nn.Sequential(nn.Embedding(10, 8), nn.Flatten(), nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.zeros_(model[0].weight)
    assert named(model, torch.randint(0, 10, (6, 4)))[0] == [("high", "0")]


def test_zeros_on_purpose_are_merely_told():
    """The last convolution of a residual block, and a new last layer."""
    x = batch(16)[0]
    model = host("residual")
    nn.init.zeros_(model.blocks[1][3].weight)
    assert named(model, x)[0] == [("info", "blocks.1.3")]
    model = host("plain")
    nn.init.zeros_(model[-1].weight)
    told, found = named(model, x)
    assert [one[0] for one in told] == ["info"] and "constant_answer" in found.passed and not found.high
