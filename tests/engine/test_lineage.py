import torch
from torch import nn
from torch.autograd.graph import get_gradient_edge

from pellucid.engine.lineage import Lineage
from pellucid.engine.recording import Entry


def lineage():
    leaf = torch.ones(2, 3).requires_grad_()
    return Lineage([Entry("input", edge=get_gradient_edge(leaf)), Entry("ids")]), leaf


def test_what_comes_from_the_input_and_what_from_weights():
    known, leaf = lineage()
    weight = nn.Parameter(torch.ones(3))
    made = leaf.clone() * weight
    for _ in range(2000):
        made = made + weight
    assert known.reaches(made) and known.reaches([1, {"a": made}]) and known.reaches(leaf)
    assert not known.reaches(weight * 2) and not known.reaches(made.detach()) and not known.reaches(3)
    assert not known.reaches([weight]) and known.inputs((weight, made), {"other": made}) == (1, "other")


def test_an_entry_that_gets_its_edge_late():
    known, _ = lineage()
    weight = nn.Parameter(torch.ones(3))
    early = weight * 2
    assert not known.reaches(early)
    known.entries[1].edge = get_gradient_edge(embedded := weight * 3)
    assert known.reaches(embedded.clone()) and not known.reaches(early)


def test_entered_as_it_is():
    known, leaf = lineage()
    x = leaf.clone()
    for same in (x, x.view(6), x[None].squeeze(0), x.double()):
        assert known.entered(same.grad_fn) == ()
    for other in (x.T, x + 1, x.sum()):
        assert known.entered(other.grad_fn) is None
    assert known.entered((nn.Parameter(torch.ones(3)).clone()).grad_fn) is None


def test_entered_and_padded():
    known, leaf = lineage()
    x = leaf.clone()
    assert known.entered(x.grad_fn) == () == known.entered(x.view(6).grad_fn)
    assert known.entered(torch.nn.functional.pad(x, (1, 2)).grad_fn) == (1, 2)
    assert known.entered(torch.nn.functional.pad(x, (1, -1)).grad_fn) is None
    assert known.entered(torch.nn.functional.pad(x, (1, 2)).view(-1).grad_fn) is None
