import torch
from torch import nn

from pellucid.zoo.opened import OpenedModel, StatedInput


def test_a_source_may_state_nothing_but_the_model() -> None:
    opened = OpenedModel(nn.Identity(), "identity")
    assert (opened.preprocess, opened.labels, opened.notes) == (None, None, ())


def test_an_input_that_is_stated_can_be_made() -> None:
    stated = StatedInput("tokens", (None, 3), torch.int64)
    assert stated.words == "?x3" and torch.equal(stated.zeros(), torch.zeros(1, 3, dtype=torch.int64))
