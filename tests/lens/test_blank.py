from typing import Any

import pytest
import torch
from torch import nn
from torchvision import transforms

import pellucid as pl
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.limits import picture_limits
from pellucid.inputs.preprocess import PRESETS
from pellucid.inputs.read import read
from pellucid.lens.blank import blank


def made(preprocess: Any) -> Inputs | None:
    return blank(lambda x: read(x, preprocess=preprocess), preprocess)


@pytest.mark.parametrize("name", PRESETS)
def test_as_the_preprocessing_states_it(name: str) -> None:
    x, stated = made(name), PRESETS[name]
    assert x is not None and x.tensors["input"].shape == (1, 3, stated.size, stated.size)
    limits = picture_limits(x, "input")
    assert limits is not None
    for found, expected in zip(limits, stated.limits, strict=True):
        assert torch.allclose(found.flatten(), torch.tensor(expected).expand(3).float(), atol=1e-4)


def test_nothing_where_the_size_is_not_stated() -> None:
    assert made(None) is None and made(pl.Preprocess()) is None
    assert made(transforms.Compose([transforms.Resize(20), transforms.ToTensor()])) is None
    sized = made(transforms.Compose([transforms.Resize((20, 24)), transforms.ToTensor()]))
    assert sized is not None and sized.tensors["input"].shape == (1, 3, 20, 24)


def test_only_methods_that_may_do_without_are_given_it() -> None:
    lens = pl.Lens(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()).eval(), preprocess=pl.Preprocess(size=9))
    with pytest.raises(pl.BadInput, match="saliency needs an input x"):
        lens.see(None, "saliency", pl.activation_maximization(layer="0", n_steps=1))
    views = lens.see(None, "weights", pl.activation_maximization(layer="0", channels=1, n_steps=1))
    assert not views.failures
    assert views["activation_maximization"][0].code.endswith("channels=1, n_steps=1)(lens)")
