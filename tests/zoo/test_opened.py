from torch import nn

from pellucid.zoo.opened import OpenedModel


def test_a_source_may_state_nothing_but_the_model() -> None:
    opened = OpenedModel(nn.Identity(), "identity")
    assert (opened.preprocess, opened.labels, opened.notes) == (None, None, ())
