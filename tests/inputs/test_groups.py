"""Groups over all inputs: covering rows, and the numbers of groups back on the grid."""

import pytest
import torch

from pellucid.core.errors import BadSetting, MethodFault
from pellucid.inputs.groups import grouped
from pellucid.inputs.inputs import Inputs


def test_each_example_has_its_own_groups() -> None:
    labels = torch.tensor([[[0, 0], [1, 2]], [[4, 4], [4, 4]]])
    found = grouped(Inputs((torch.zeros(2, 3, 2, 2),)), labels)
    assert found.count == (3, 1) and found.names(0) == ("#0", "#1", "#2") and found.names(1) == ("#4",)
    assert found.labels.shape == (2, 1, 2, 2) and found.kinds == {"input": "labels"}


def test_covered_rows_hold_the_fill_where_groups_are_off() -> None:
    value = torch.arange(24.0).reshape(2, 3, 2, 2)
    x = Inputs((value,))
    found = grouped(x, torch.tensor([[0, 0], [1, -1]]))
    off = torch.tensor([[False, False], [True, False], [True, True]])
    rows = found.covered(x.rows(1, 2), 1, off, torch.full((1, 3, 2, 2), -5.0)).tensors["input"]
    assert rows.shape == (3, 3, 2, 2)
    assert torch.equal(rows[0], value[1])
    assert (rows[1, :, 0] == -5).all() and torch.equal(rows[1, :, 1], value[1, :, 1])
    assert (rows[2, :, 1, 0] == -5).all() and torch.equal(rows[2, :, 1, 1], value[1, :, 1, 1])
    assert torch.equal(x.tensors["input"], torch.arange(24.0).reshape(2, 3, 2, 2))


def test_tokens_are_covered_at_their_embedding() -> None:
    x = Inputs((torch.tensor([[1, 2, 3], [4, 5, 6]]),))
    found = grouped(x, "tokens")
    embedded = torch.arange(30.0).reshape(2, 3, 5)
    off = torch.tensor([[True, False, True]])
    rows = found.covered(x.replaced({"input": embedded}).rows(1, 2), 1, off, torch.zeros(1, 3, 5))
    assert torch.equal(rows.embedded["input"][0, 1], embedded[1, 1]) and not rows.embedded["input"][0, [0, 2]].any()
    assert torch.equal(rows.tensors["input"], torch.tensor([[4, 5, 6]]))
    with pytest.raises(MethodFault, match="'input'"):
        found.covered(x.rows(1, 2), 1, off, torch.zeros(1, 3, 5))


def test_several_inputs_are_numbered_through() -> None:
    x = Inputs((torch.ones(2, 3, 4, 4), torch.ones(2, 3)))
    found = grouped(x, ("grid:2", "columns"))
    assert found.count == (7, 7) and found.by_input["1"].tolist() == [[4, 5, 6]] * 2
    off = torch.zeros(1, 7, dtype=torch.bool)
    off[0, [0, 5]] = True
    rows = found.covered(x.rows(0, 1), 0, off, {"0": torch.zeros(1, 3, 4, 4), "1": torch.zeros(1, 3)}).tensors
    assert rows["0"].sum() == 3 * 12 and rows["1"].tolist() == [[1, 0, 1]]
    assert found.spread(torch.arange(14.0).reshape(2, 7), "1").tolist() == [[4, 5, 6], [11, 12, 13]]
    with pytest.raises(BadSetting, match="2 inputs"):
        _ = found.labels
    with pytest.raises(BadSetting, match="3 groupings for 2 explained inputs"):
        grouped(x, ("grid", "columns", "columns"))


def test_numbers_go_back_to_the_elements() -> None:
    labels = torch.tensor([[[0, 0], [1, -1]], [[2, 1], [0, 0]]])
    found = grouped(Inputs((torch.zeros(2, 3, 2, 2),)), labels)
    values = torch.tensor([[1.0, 2.0, 99.0], [3.0, 4.0, 5.0]])
    assert found.spread(values).tolist() == [[[[1, 1], [2, 0]]], [[[5, 4], [3, 3]]]]


def test_groups_of_an_example_do_not_depend_on_its_company() -> None:
    value = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    both, alone = grouped(Inputs((value,)), "superpixels:9"), grouped(Inputs((value[1:],)), "superpixels:9")
    assert torch.equal(both.labels[1], alone.labels[0])
