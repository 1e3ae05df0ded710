import torch

from pellucid.core.sites import Place
from pellucid.engine.cones.tape import Ref
from pellucid.engine.receptive.notes import ALIASED, UNSEEN, Notes


def noted(x: torch.Tensor) -> Notes:
    notes = Notes()
    notes.enter(x)
    return notes


def test_only_what_descends_from_the_input_is_noted():
    x, weight = torch.ones(1, 2), torch.ones(2)
    notes = noted(x)
    notes.know([weight])
    notes.called("mul", torch.mul, (weight, weight), {}, weight * weight, None)
    assert not notes.steps
    out = x * weight
    notes.called("mul", torch.mul, (x, weight), {}, out, None)
    (step,) = notes.steps
    assert step.args == (Ref(0), weight) and step.out == Ref(1) and notes.shapes == [(1, 2), (1, 2)]
    notes.left(Place("layer", 0), out)
    notes.left(Place("other", 0), weight)
    assert notes.places == {Place("layer", 0): 1}


def test_a_write_in_place_is_a_new_value_and_so_is_every_view_of_it():
    x = torch.ones(1, 4)
    notes = noted(x)
    out = x + 1
    notes.called("add", torch.add, (x, 1), {}, out, None)
    part = out[:, 1:3]
    notes.called("getitem", torch.Tensor.__getitem__, (out, ()), {}, part, None)
    part.relu_()
    notes.called("relu", torch.relu_, (part,), {}, part, part)
    alias = notes.steps[-1]
    assert alias.name == ALIASED and alias.args == (((1, 4), (4, 1), 0), ((1, 2), (4, 1), 1), Ref(3), Ref(1))
    notes.left(Place("out", 0), out)
    assert notes.places == {Place("out", 0): 4}


def test_a_constant_that_is_written_through_a_view():
    x, blank = torch.ones(1, 4), torch.zeros(2, 4)
    notes = noted(x)
    before, row = blank[0], blank[1]
    notes.know([blank, before, row])
    row.copy_(x[0])
    first = x[0]
    notes.called("getitem", torch.Tensor.__getitem__, (x, 0), {}, first, None)
    notes.called("copy", torch.Tensor.copy_, (row, first), {}, row, row)
    assert [step.name for step in notes.steps] == ["getitem", "copy", ALIASED]
    notes.left(Place("blank", 0), blank)
    assert notes.places == {Place("blank", 0): 3}
    notes.called("neg", torch.neg, (before,), {}, -before, None)
    assert [step.name for step in notes.steps[3:]] == [UNSEEN, "neg"]


def test_values_that_are_read():
    x = torch.ones(1, 4)
    notes = noted(x)
    notes.read("item", (torch.ones(()),))
    assert notes.read_at is None
    notes.called("neg", torch.neg, (x,), {}, -x, None)
    notes.read("item", (x,))
    notes.read("tolist", (x,))
    assert (notes.read_at, notes.reader) == (1, "item")


def test_a_tensor_that_no_call_gave():
    x, known = torch.ones(1, 4), torch.ones(1, 4)
    notes = noted(x)
    notes.know([known])
    notes.called("add", torch.add, (known, known), {}, out := known + known, None)
    notes.called("mul", torch.mul, (out, known), {}, out * known, None)
    assert not notes.steps
    notes.called("add", torch.add, (known, torch.ones(1, 4)), {}, known + 1, None)
    assert [step.name for step in notes.steps] == [UNSEEN, "add"]
