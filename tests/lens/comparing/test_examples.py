"""An input as a data set, and the other way."""

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.inputs.inputs import Inputs
from pellucid.lens.comparing.examples import rows_of, some_of


def test_each_example_is_an_item():
    x, mask = torch.arange(6.0).reshape(3, 2), torch.ones(3, 2)
    assert [row.tolist() for row in rows_of(Inputs((x,)))] == x.tolist()
    two = rows_of(Inputs((x, mask)))
    assert len(two) == 3 and [one.tolist() for one in two[1][0]] == [[2, 3], [1, 1]]
    assert rows_of(Inputs((), {"x": x, "mask": mask}))[2]["x"].tolist() == [4, 5]


def test_what_examples_share_cannot_be_taken_apart():
    x = torch.zeros(3, 2)
    for one in (
        Inputs((x,), {"mask": x}),
        Inputs((x, torch.zeros(1, 2))),
        Inputs((x, None)),
        Inputs((x,), shared=frozenset(["input"])),
    ):
        assert rows_of(one) is None


def test_some_samples_keep_their_labels():
    data = pl.data(np.arange(20.0).reshape(10, 2).astype(np.float32), labels=np.arange(10) % 2, classes=("a", "b"))
    some = some_of(data, 4)
    assert len(some) == 4 and [some.read(i).label for i in range(4)] == [0, 1, 0, 1] and some.classes == ("a", "b")
    with pytest.raises(BadInput):
        some_of(pl.data([{}]), 4)
