import gc

import pytest
import torch

from pellucid.core.errors import MethodFault, NotApplicable
from pellucid.core.sites import Place
from pellucid.engine.passes import Pass, Seen, Spot
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.task import Task
from pellucid.engine.trace import Trace
from pellucid.inputs.read import read

ASK = Pass(read(torch.zeros(1, 2)))


def task(method):
    return Task("mine()", None, None, method())


def two():
    first = yield ASK
    second = yield ASK
    return first, second


def test_it_steps_from_request_to_request_to_its_result():
    one = task(two)
    one.step(None)
    assert one.request is ASK and not one.done
    one.step("a")
    one.step("b")
    assert one.done and one.result == ("a", "b") and one.error is None


def test_an_error_is_raised_where_the_method_waits():
    def careful():
        try:
            yield ASK
        except NotApplicable as error:
            return error.what

    for method, expected in ((careful, "no"), (two, None)):
        one = task(method)
        one.step(None)
        one.step(NotApplicable("no"))
        assert one.done and one.result == expected and (one.error is None) == (expected is not None)


@pytest.mark.parametrize(
    ("raised", "words"), [(ZeroDivisionError("x"), "mine() raised ZeroDivisionError: x"), (NotApplicable("no"), "no")]
)
def test_what_a_method_raises_is_its_error(raised, words):
    def broken():
        raise raised
        yield

    one = task(broken)
    one.step(None)
    assert one.done and one.error.what == words and (one.error is raised or one.error.__cause__ is raised)


def test_running_out_of_memory_is_not_its_error():
    def hungry():
        raise torch.OutOfMemoryError
        yield

    with pytest.raises(MemoryRanOut):
        task(hungry).step(None)


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass_through(fault):
    def interrupted():
        raise fault
        yield

    with pytest.raises(fault):
        task(interrupted).step(None)


def test_a_request_that_is_none_is_a_fault():
    def strange():
        yield "conv1"

    one = task(strange)
    one.step(None)
    assert isinstance(one.error, MethodFault) and "yielded str, not a Pass or a Look" in one.error.what


def seen_of(tensor):
    return Seen({"a": (Spot(Place("a"), "a", tensor),)}, Trace())


def test_it_remembers_what_it_was_shown_as_long_as_that_lives():
    one, kept, lost = task(two), torch.zeros(2), torch.zeros(3)
    assert [(tensor.numel(), version) for tensor, version in one.versions((seen_of(kept), seen_of(lost)))] == [
        (2, 0),
        (3, 0),
    ]
    del lost
    gc.collect()
    kept.add_(1)
    assert [(tensor.numel(), version) for tensor, version in one.versions(None)] == [(2, 1)]
    one.answers[0] = seen_of(torch.zeros(5))
    assert [tensor.numel() for tensor in one.held()] == [2, 5]


def test_beginning_again_forgets_everything():
    one, closed = task(two), []

    def closing():
        try:
            yield ASK
        finally:
            closed.append(True)

    one.run = closing()
    one.step(None)
    one.answers[0] = "old"
    one.restart(two())
    assert closed == [True] and one.answers == {} and one.held() == []
    one.step(None)
    assert one.request is ASK


def test_failing_drops_a_result():
    one = task(two)
    one.result = "half"
    one.fail(ValueError("x"))
    assert one.done and one.result is None and isinstance(one.error, ValueError)
