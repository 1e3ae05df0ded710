import torch

from pellucid.core.sites import Place
from pellucid.engine.passes import Look, Pass, Seen, Spot, Together
from pellucid.engine.requests import answer_to, looks_in, passes_in, shared_tensors, sweeps_in
from pellucid.engine.sweeps.request import Sweep
from pellucid.engine.trace import Trace
from pellucid.inputs.read import read

X = read(torch.zeros(1, 2))
A, B, L = Pass(X), Pass(X), Look("view")
NEST = Together((A, Together((L, B)), A))


def test_what_a_request_is_made_of():
    assert passes_in(NEST) == [A, B, A] and looks_in(NEST) == [L]
    assert passes_in(A) == [A] and looks_in(A) == [] and passes_in(L) == [] and looks_in(L) == [L]


def test_sweeps_among_a_request():
    sweep = Sweep(())
    assert sweeps_in(Together((A, Together((sweep, L))))) == [sweep] and sweeps_in(sweep) == [sweep]
    assert sweeps_in(A) == [] and passes_in(sweep) == []


def test_answers_have_the_shape_of_the_request():
    answers = {id(A): "a", id(B): "b", id(L): "l"}
    assert answer_to(NEST, answers) == ("a", ("l", "b"), "a") and answer_to(A, answers) == "a"


def test_errors_stand_in_their_places():
    error, later = ValueError("first"), ValueError("later")
    assert answer_to(NEST, {id(A): "a", id(B): later, id(L): error}) == ("a", (error, later), "a")
    assert answer_to(A, {id(A): error}) is error


def test_every_tensor_that_was_shown():
    tensors = [torch.zeros(1) for _ in range(4)]
    value, grad, output, score = tensors
    seen = Seen({"a": (Spot(Place("a"), "a", value, grad), Spot(Place("b"), "b", "reduced"))}, Trace(), output, score)
    assert [id(one) for one in shared_tensors(seen)] == [id(one) for one in tensors]
    assert (
        len(shared_tensors((seen, ("x", seen)))) == 8 and shared_tensors("answer") == [] and shared_tensors(None) == []
    )
