from typing import Any

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.aims import beginning

ONE, TWO = Inputs((torch.zeros(1, 2),)), Inputs((torch.ones(1, 2),))


class Reads:
    """Samples of which the first cannot be read."""

    def __init__(self, bad: int) -> None:
        self.bad = bad

    def __len__(self) -> int:
        return 5

    def inputs(self, ordinals: list[int]) -> Inputs:
        if ordinals[0] < self.bad:
            raise pl.BadInput("damaged")
        return Inputs((torch.full((1, 2), float(ordinals[0])),))


def test_what_is_made_is_like_the_input_else_a_sample_else_the_preprocessing() -> None:
    data: Any = Reads(3)
    assert beginning(ONE, None, TWO) is ONE and beginning(None, None, TWO) is TWO
    assert beginning(None, data, TWO).tensors["input"].tolist() == [[3.0, 3.0]]
    with pytest.raises(pl.BadInput, match="damaged"):
        beginning(None, Reads(5), None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(pl.BadInput, match="needs an input x"):
        beginning(None, None, None)


def test_of_data_that_cannot_be_read_the_last_reason_is_told() -> None:
    data: Any = Reads(5)
    with pytest.raises(pl.BadInput, match="none of the first 5 samples can be read; the last one: damaged") as refused:
        beginning(None, data, None)
    assert refused.value.hint == "check the data set"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"channels": ()}, "names no unit"),
        ({"channels": (), "layer": ""}, "names no unit"),
        ({"channels": (1,)}, "channels= are units of a layer"),
        ({"objective": "neuron"}, "objective= is one of a layer"),
        ({"objective": torch.ones(2)}, "objective= is one of a layer"),
        ({"diversity": 1.0}, "inside a layer"),
        ({"prior": "maco"}, "has no grid"),
        ({"prior": "maco_of_x"}, "has no grid"),
    ],
)
def test_settings_that_would_change_nothing_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(pl.BadSetting, match=said):
        pl.activation_maximization(n_steps=1, **settings)(nn.Linear(2, 2), torch.rand(1, 2))
