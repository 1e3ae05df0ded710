"""The norms that the checks of gradients read."""

import numpy as np
import torch

from pellucid.core.sites import Place
from pellucid.diagnose.flow import flow_of
from pellucid.engine.passes import Spot


def test_layers_without_gradient_are_left_out():
    spots = [Spot(Place("a"), "a", grad=torch.tensor([3.0, 4.0])), Spot(Place("b"), "b")]
    found = flow_of(spots)
    assert found.labels == ("a",)
    np.testing.assert_allclose(found.norms, [5.0])
    assert found.picture.log
