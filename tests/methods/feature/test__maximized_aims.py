from typing import Any

import pytest
import torch

import pellucid as pl
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized_aims import beginning

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
