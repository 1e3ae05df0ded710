import pytest
import torch
from torch import nn

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.sites import Place
from pellucid.engine.passes import Keep, Look, Pass, Seen, Spot, Together, layer_key, together
from pellucid.engine.trace import Trace
from pellucid.inputs.read import read
from tests.engine.asking import see
from tests.networks import NETWORKS

X = read(torch.zeros(1, 2))


@pytest.mark.parametrize("request_", [Pass(X), Look("view", X)])
def test_a_request_is_yielded_and_answered(request_):
    def method():
        return (yield from request_)

    run = method()
    assert next(run) is request_
    with pytest.raises(StopIteration) as stop:
        run.send("answer")
    assert stop.value.value == "answer"


def advance(run, answer=None):
    try:
        return run.send(answer), None
    except StopIteration as stop:
        return None, stop.value


def test_together_asks_for_everything_that_is_pending_at_once():
    a, b, c = Pass(X), Look("b"), Pass(X)

    def two():
        first = yield from a
        second = yield from c
        return first + second

    def none():
        return "none"
        yield

    run = together(two(), b, none())
    asked, _ = advance(run)
    assert isinstance(asked, Together) and asked.requests == (a, b)
    asked, _ = advance(run, ("1", "B"))
    assert asked.requests == (c,)
    assert advance(run, ("2",)) == (None, ("12", "B", "none"))


def test_together_of_nothing_asks_for_nothing():
    assert advance(together()) == (None, ())


def test_what_was_seen_is_read_by_the_layer_that_was_asked_for():
    module, reduce = nn.ReLU(), torch.sum
    spots = {name: (Spot(Place(name), name, value=name),) for name in ("a", "b")}
    kept, modular = Keep("a", reduce), (Spot(Place("m"), "m", value=1, grad=torch.ones(1)),)
    seen = Seen({**spots, layer_key(kept): (Spot(Place("a"), "a", value=6),), layer_key(module): modular}, Trace())
    assert seen["a"] == "a" and seen[kept] == 6 and seen[module] == 1 and seen.grad(module) == 1
    assert seen.at("b")[0].address == "b"
    with pytest.raises(KeyError):
        seen["c"]


def test_one_value_of_several_places_is_ambiguous():
    seen = Seen({"a": tuple(Spot(Place("a", i), f"a#{i}") for i in range(6))}, Trace())
    with pytest.raises(LayerNotFound, match="'a' is 6 places here") as caught:
        seen["a"]
    assert caught.value.nearest == "a#0, a#1, a#2, a#3" and ".at(layer)" in caught.value.hint


def test_what_was_not_asked_for_is_not_there():
    seen = Seen({"a": (Spot(Place("a"), "a", value=1),)}, Trace())
    with pytest.raises(NotApplicable, match="no gradient was asked for at 'a'"):
        seen.grad("a")
    with pytest.raises(NotApplicable, match="had no target"):
        seen.scores


def test_layers_are_looked_up_by_text_module_or_reducer():
    one, two = nn.ReLU(), nn.ReLU()
    assert layer_key("a") == "a" and layer_key(one) == layer_key(one) != layer_key(two)
    assert layer_key(Keep("a", sum)) == layer_key(Keep("a", sum)) != layer_key(Keep("a", max))
    assert layer_key(("a", "b")) == ("a", "b")


def test_keep_reduces_where_it_is_seen():
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    mean, largest = Keep("pool", lambda value: value.mean()), Keep("pool", lambda value: value.amax())
    seen = see(model, x, keep=[mean, largest, "pool"])
    assert [spot.value for spot in seen.at(mean)] == [spot.value.mean() for spot in seen.at("pool")]
    assert [spot.value for spot in seen.at(largest)] == [spot.value.amax() for spot in seen.at("pool")]
    alone = see(model, x, keep=[mean])
    assert [spot.value for spot in alone.at(mean)] == [spot.value for spot in seen.at(mean)]


def test_keep_of_a_role_reduces_too():
    network = NETWORKS["article_net"]
    keep = Keep("every conv", lambda value: tuple(value.shape))
    assert [spot.value for spot in see(network.build(), network.x(2), keep=[keep]).at(keep)] == [
        (2, 6, 28, 28),
        (2, 16, 10, 10),
    ]
