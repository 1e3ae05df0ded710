from collections.abc import Generator
from typing import Any

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadTarget, MethodFault, NotApplicable
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.task import Task
from pellucid.engine.trace import Trace
from pellucid.inputs.inputs import Inputs
from tests.engine.asking import plan

x = Inputs((torch.zeros(1, 2),))


def task(run: Generator[Any, Any, Any]) -> Task:
    return Task("view", x, None, run)


def asks_twice() -> Generator[Any, Any, str]:
    yield Pass(x)
    try:
        yield Pass(x)
    except NotApplicable as error:
        return f"without it: {error.what}"
    return "with it"


def seen(output: torch.Tensor) -> Seen:
    return Seen({}, Trace(), output)


def test_from_request_to_request_to_the_result() -> None:
    one = task(asks_twice())
    one.step(None)
    assert isinstance(one.request, Pass) and not one.done
    one.step(seen(torch.zeros(1)))
    one.step(NotApplicable("no such place"))
    assert one.done and one.result == "without it: no such place" and one.error is None


def raising(error: Exception) -> Generator[Any, Any, Any]:
    yield Pass(x)
    raise error


@pytest.mark.parametrize(
    ("raised", "kept"), [(BadTarget("no"), BadTarget), (ZeroDivisionError("by zero"), MethodFault)]
)
def test_what_a_method_raises(raised: Exception, kept: type[Exception]) -> None:
    one = task(raising(raised))
    one.step(None)
    one.step(seen(torch.zeros(1)))
    assert one.done and isinstance(one.error, kept) and (one.error is raised or one.error.__cause__ is raised)


def test_memory_that_runs_out_in_a_method_is_not_its_fault() -> None:
    one = task(raising(torch.OutOfMemoryError("out of memory")))
    one.step(None)
    with pytest.raises(MemoryRanOut):
        one.step(seen(torch.zeros(1)))


def test_a_request_that_is_none() -> None:
    one = task(value for value in ["not a pass"])
    one.step(None)
    assert isinstance(one.error, MethodFault) and "yielded str" in one.error.what


def test_what_it_holds_is_what_it_was_shown_while_that_lives() -> None:
    one, output = task(asks_twice()), torch.zeros(2)
    assert one.versions(seen(output)) == [(output, output._version)]
    assert one.held()[0] is output
    del output
    assert one.held() == []
    waiting = torch.ones(1)
    one.answers[1] = seen(waiting)
    assert one.held() == [waiting]
    one.restart(asks_twice())
    assert one.held() == [] and not one.answers


def test_whoever_was_shown_the_same_memory_through_a_view_begins_again():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)).eval()

    def spoiler(x, _):
        seen = yield from Pass(x, keep=["1"])
        seen["1"].zero_()

    def honest(x, _):
        seen = yield from Pass(x, keep=["0"])
        return seen["0"].clone()

    given = torch.randn(2, 3, 8, 8)
    tasks, _ = plan(model, spoiler, honest, x=given)
    assert isinstance(tasks[0].error, MethodFault) and torch.equal(tasks[1].result, model[0](given).detach())


def test_equal_tasks_are_one():
    def value(x, _):
        seen = yield from Pass(x, keep=["0"])
        return seen["0"]

    planned = plan(nn.Sequential(nn.Linear(3, 2)), value, value, x=torch.randn(2, 3))[0]
    assert planned[0] is planned[1]
