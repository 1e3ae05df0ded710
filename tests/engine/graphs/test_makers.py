"""Which call made a tensor: writes, what is given back unchanged, and tensors that are gone."""

import gc

import torch
from torch import Tensor

from pellucid.engine.graphs.makers import Makers


def made(count: int) -> tuple[Makers, list[Tensor]]:
    """Tensors made by the events 0, 1, ..."""
    makers, tensors = Makers(), [torch.zeros(4) for _ in range(count)]
    for index, one in enumerate(tensors):
        makers.made(one, index)
    return makers, tensors


def test_the_last_maker_counts_and_elsewhere_is_none() -> None:
    makers, (one,) = made(1)
    makers.made(one, 5)
    assert makers.of(one) == 5 and makers.of(torch.zeros(4)) is None


def test_a_view_that_was_not_seen_is_what_it_shows() -> None:
    makers, (whole,) = made(1)
    row = whole[:2]
    assert makers.of(row) == 0
    makers.made(row, 1)
    assert (makers.of(row), makers.of(whole)) == (1, 0)


def test_a_write_reaches_every_view_that_shows_it() -> None:
    makers, (whole,) = made(1)
    left, right = whole[:2], whole[2:]
    makers.made(left, 1)
    makers.made(right, 2)
    assert makers.renewed(left, 3) == [(0, (4,))], "the rest of the whole is still the first event's"
    assert [makers.of(one) for one in (whole, left, right)] == [3, 1, 2], "the caller notes what was written itself"


def test_what_is_given_back_belongs_to_the_call_inside_its_module_alone() -> None:
    makers, (x,) = made(1)
    makers.enter()
    makers.passed(x, 1)
    makers.passed(x, 2)
    assert makers.of(x) == 2
    makers.leave([torch.zeros(4)])
    assert makers.of(x) == 0


def test_a_module_that_gives_it_on_passes_the_call_to_the_one_around() -> None:
    makers, (x,) = made(1)
    makers.enter()
    makers.enter()
    makers.passed(x, 1)
    makers.leave([x])
    assert makers.of(x) == 1
    makers.leave([])
    assert makers.of(x) == 0


def test_what_was_written_since_stays_with_its_writer() -> None:
    makers, (x,) = made(1)
    makers.enter()
    makers.passed(x, 1)
    makers.made(x, 2)
    makers.leave([])
    assert makers.of(x) == 2


def test_a_parameter_that_was_given_back_comes_from_nowhere_again() -> None:
    makers, weight = Makers(), torch.zeros(4)
    makers.enter()
    makers.passed(weight, 0)
    assert makers.of(weight) == 0
    makers.leave([])
    assert makers.of(weight) is None and makers.renewed(weight, 1) == []
    makers.made(weight, 2)
    assert makers.renewed(weight[:2], 3) == [(2, (4,))], "known once, however often it came"


def test_a_tensor_that_is_gone_is_forgotten() -> None:
    makers, tensors = made(1)
    makers.enter()
    makers.passed(tensors[0], 1)
    tensors.clear()
    gc.collect()
    makers.leave([])
    assert makers.of(torch.zeros(4)) is None
