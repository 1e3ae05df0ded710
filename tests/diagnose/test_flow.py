"""The norms that the checks of gradients read."""

import numpy as np
import torch
from torch import nn

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.diagnose.flow import flow_of
from pellucid.engine.passes import Spot
from tests.diagnose.planted import digits, plain, trained


def test_layers_without_gradient_are_left_out():
    spots = [Spot(Place("a"), "a", grad=torch.tensor([3.0, 4.0])), Spot(Place("b"), "b")]
    found = flow_of(spots)
    assert found.labels == ("a",)
    np.testing.assert_allclose(found.norms, [5.0])
    assert found.picture.log


def test_a_run_alone_tells_how_the_gradient_went():
    """Ten sigmoid layers in training; no example is given, only the record."""
    torch.manual_seed(0)
    model, run = trained(plain(nn.Sigmoid, 10), *digits(), steps=8, watched=True)
    found = pl.Lens(model).diagnose(run=run)
    (one,) = [one for one in found if one.check == "vanishing_gradients"]
    assert one.severity == "high" and one.place == "0" and "of the run" in one.said.en and "训练中" in one.said.zh
    assert found.cost.forwards == 0 and one.evidence.labels == ("0", *map(str, (3, *range(6, 21, 2))), "23")


def test_without_both_it_is_said_what_is_needed():
    reasons = {one.check: one.reason.en for one in pl.Lens(plain()).diagnose().not_made}
    assert (
        reasons["vanishing_gradients"] == reasons["exploding_gradients"] == "needs an input x or a watched run (run=)"
    )
