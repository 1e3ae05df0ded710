"""Numbers of groups become attributions on the grid."""

import numpy as np
import pytest
import torch

from pellucid.inputs.attributed_groups import attributed_groups, on_grid
from pellucid.inputs.base import base_of
from pellucid.inputs.groups import grouped
from pellucid.inputs.inputs import Inputs


def inputs(*values: torch.Tensor) -> Inputs:
    found = Inputs(values)
    return Inputs(values, base={name: base_of(value)[0] for name, value in found.tensors.items()})


@pytest.mark.parametrize(
    ("value", "groups", "axes", "heat"),
    [
        (torch.zeros(2, 3, 4, 4), "grid:2", ("batch", "height", "width"), (2, 4, 4)),
        (torch.zeros(2, 5, 4, 4), "grid:2", ("batch", "height", "width"), (2, 4, 4)),
        (torch.zeros(2, 3, 4, 4), "channels", ("batch", "channel", "height", "width"), (2, 4, 4)),
        (torch.zeros(2, 3, 6), "segments:3", ("batch", "time"), (2, 6)),
        (torch.zeros(2, 1, 4, 4, 4), "blocks:2", ("batch", "depth", "height", "width"), (2, 4, 4, 4)),
        (torch.zeros(2, 5), "columns", ("batch", "feature"), (2, 5)),
        (torch.zeros(2, 5, dtype=torch.long), "tokens", ("batch", "token"), (2, 5)),
    ],
)
def test_it_lies_on_the_grid(value: torch.Tensor, groups: str, axes: tuple[str, ...], heat: tuple[int, ...]) -> None:
    x = inputs(value)
    cut = grouped(x, groups)
    values = [torch.arange(float(count)) + example for example, count in enumerate(cut.count)]
    (result,) = attributed_groups(x, cut, values, facts={"more": 1}, signed=True)
    assert result.axes == axes and result.heat.shape == heat and result.values.dtype == np.float32
    assert result.facts["more"] == 1 and result.facts["values"][1] == tuple(values[1].tolist())
    assert result.facts["groups"][0] == cut.names(0)
    for example in range(2):
        shown = result.values[example]
        assert set(np.unique(shown).tolist()) == set(values[example].tolist())


def test_examples_may_have_different_numbers_of_groups() -> None:
    x = inputs(torch.zeros(2, 3, 2, 2))
    cut = grouped(x, torch.tensor([[[0, 1], [2, 3]], [[0, 0], [0, -1]]]))
    (result,) = attributed_groups(x, cut, [torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0])], facts={})
    assert result.values.tolist() == [[[1, 2], [3, 4]], [[5, 5], [5, 0]]]
    assert result.notes[-1].en == "Groups: 1–4 (groups given as labels); each part shows the value of its whole group."
    assert "标签" in result.notes[-1].zh and "整组" in result.notes[-1].zh


def test_columns_need_no_word_about_groups() -> None:
    x = inputs(torch.zeros(1, 3))
    (result,) = attributed_groups(x, grouped(x), [torch.ones(3)], facts={})
    assert result.notes[-1].en == "Groups: 3 (columns)."


def test_every_input_gets_its_own() -> None:
    x = inputs(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2))
    cut = grouped(x, ("grid:2", "columns"))
    image, row = attributed_groups(x, cut, [torch.arange(6.0)], facts={})
    assert (image.input, row.input) == ("0", "1") and row.values.tolist() == [[4, 5]]
    assert image.values[0, 0].tolist() == [0, 0, 1, 1] and "cells of a grid + columns" in image.notes[-1].en


def test_channels_are_named_because_the_map_cannot_show_them() -> None:
    x = inputs(torch.zeros(1, 3, 2, 2))
    (result,) = attributed_groups(x, grouped(x, "channels"), [torch.tensor([0.5, -2.0, 0.0])], facts={})
    assert "strongest: #1 -2, #0 +0.5" in result.notes[-1].en and "最强" in result.notes[-1].zh


def test_double_precision_stays() -> None:
    x = inputs(torch.zeros(1, 2, dtype=torch.float64))
    assert on_grid(x, "input", torch.ones(1, 2)).values.dtype == np.float64
