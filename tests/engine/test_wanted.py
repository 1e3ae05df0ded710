import pytest
import torch
from torch import nn

from pellucid.core.sites import Place, Site
from pellucid.engine.edits import ablate
from pellucid.engine.looker import Looker
from pellucid.engine.member import Member
from pellucid.engine.passes import OUTPUT, Keep, Pass, layer_key
from pellucid.engine.recording import Recording
from pellucid.engine.taps import Taps
from pellucid.engine.wanted import last_place, leaves_of, wishes_of
from pellucid.inputs.read import read
from tests.engine.asking import plan, see

X = torch.randn(2, 4)
MODEL = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))


def member(looker, *, keep=(), grads=()):
    made = Member(Pass(read(X), keep=list(keep), grads=list(grads)))
    for layer in (*keep, *grads):
        made.sites[layer_key(layer)] = [looker.site(layer.site if isinstance(layer, Keep) else layer)]
    made.graded = {layer_key(layer) for layer in grads}
    return made


def traced():
    looker = Looker(MODEL)
    see(looker, X, keep=[OUTPUT])
    return looker, next(iter(looker.traces.values()))


def test_wishes_say_what_is_wanted_where():
    looker = Looker(MODEL)
    reduce = Keep("1", torch.sum)
    wishes, candidates = wishes_of(
        [member(looker, keep=["0", reduce], grads=["0", "2"]), member(looker, keep=["input", "0:weight"])], None
    )
    found = {(str(one.site), one.value, one.grad, one.reduce) for one in wishes}
    assert (
        found == {("0", True, True, None), ("1", False, False, torch.sum), ("2", False, True, None)} and not candidates
    )


def test_a_role_is_a_candidate_until_a_trace_is_known():
    looker, reader = traced()
    one = member(looker, keep=["every weight", "first weight:in"])
    wishes, candidates = wishes_of([one], None)
    assert not wishes and [str(site) for site, _ in candidates] == ["every weight", "first weight:in"]
    wishes, candidates = wishes_of([one], reader)
    assert [str(wish.site) for wish in wishes] == ["0#0", "2#0", "0#0:in"] and not candidates


def test_where_a_forward_may_stop():
    looker, reader = traced()

    def last(*layers):
        members = [member(looker, keep=[layer]) for layer in layers]
        wishes, candidates = wishes_of(members, reader)
        return last_place(members, wishes, candidates, reader)

    assert (
        last("0") == Place("0") and last("0", "1/relu.0") == Place("1", 0, "relu", 0) and last("1", "0") == Place("1")
    )
    assert last("0", "output") is None and last("0", Site("nowhere")) is None
    assert last("1:in") == Place("1") and last("every activation") == Place("1", 0, "relu", 0) and last("input") is None


def test_without_a_trace_it_never_stops():
    looker = Looker(MODEL)
    one = member(looker, keep=["0"])
    wishes, candidates = wishes_of([one], None)
    assert last_place([one], wishes, candidates, None) is None


def test_parameters_are_freed_on_their_own_memory():
    model = nn.Sequential(nn.Linear(4, 3).requires_grad_(False), nn.Linear(3, 2))
    looker, state = Looker(model), {}
    leaves = leaves_of(looker, [member(looker, grads=["*:weight"])], [], state, Recording(Taps([], []), grad_mode=True))
    assert list(leaves) == ["0.weight", "1.weight"] and leaves["1.weight"] is model[1].weight
    assert leaves["0.weight"].requires_grad and leaves["0.weight"].data_ptr() == model[0].weight.data_ptr()
    assert list(state) == ["0.weight"] and not model[0].weight.requires_grad


def test_edited_parameters_are_copies():
    looker, state = Looker(MODEL), {}
    recording, edit = Recording(Taps([], []), grad_mode=False), ablate("0:weight")
    leaves_of(looker, [], [(Site("0", side=":weight"), edit)], state, recording)
    assert not state["0.weight"].any() and MODEL[0].weight.any() and id(edit) in recording.edited


class Deep(nn.Module):
    """Knows how often each of its parts ran."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.ran = nn.Linear(4, 4), nn.Linear(4, 2), []
        self.first.register_forward_hook(lambda *_: self.ran.append("first"))
        self.second.register_forward_hook(lambda *_: self.ran.append("second"))

    def forward(self, x):
        return self.second(self.first(x).relu())


@pytest.mark.parametrize(
    ("layer", "stops"),
    [
        ("first", True),
        ("/relu.0", True),
        ("first:in", True),
        ("output", False),
        ("second", False),
        ("*", False),
        ("input", False),
        ("first:weight", False),
    ],
)
def test_a_pass_to_an_early_layer_stops_there_the_second_time(layer, stops):
    model = Deep()
    looker, x = Looker(model), torch.randn(2, 4)

    def early(x, _):
        seen = yield from Pass(x, keep=[layer])
        return [spot.value for spot in seen.at(layer)]

    (first,), _ = plan(looker, early, x=x)
    model.ran.clear()
    (again,), _ = plan(looker, early, x=x)
    assert model.ran == (["first"] if stops else ["first", "second"])
    assert len(first.result) == len(again.result)
    assert all(torch.equal(a, b) for a, b in zip(first.result, again.result, strict=True))


def gradient(x, target):
    return (yield from Pass(x, grads=["input"], target=target)).grad("input")


def test_a_neighbour_that_wants_the_output_keeps_the_pass_going():
    looker, x = Looker(Deep()), torch.randn(2, 4)

    def early(x, _):
        return (yield from Pass(x, keep=["first"]))["first"]

    plan(looker, early, x=x)
    tasks, planner = plan(looker, early, gradient, x=x, target=0)
    assert (planner.cost().forwards, planner.cost().backwards) == (1, 1) and all(task.error is None for task in tasks)


def test_a_stopped_pass_has_the_whole_trace_of_the_earlier_one():
    looker, x = Looker(Deep()), read(torch.randn(2, 4))

    def early(x, _):
        seen = yield from Pass(x, keep=["first"])
        return seen

    (first,), _ = plan(looker, early, x=x)
    (again,), _ = plan(looker, early, x=x)
    assert again.result.trace.addresses() == first.result.trace.addresses() and again.result.output is None
