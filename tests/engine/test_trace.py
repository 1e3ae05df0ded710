import numpy as np
import torch
from torch import nn

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.engine.looker import Looker
from pellucid.engine.trace import Event, Trace
from tests.engine.asking import see
from tests.networks import NETWORKS


def trace() -> Trace:
    network = NETWORKS["article_net"]
    return see(network.build(), network.x(2), keep=["output"]).trace


def test_events_come_in_the_order_in_which_they_ended():
    found = trace()
    assert found.complete and found.failed == ""
    assert found.addresses()[:7] == [
        "conv1/conv2d.0",
        "conv1",
        "/relu.0",
        "pool#0/max_pool2d.0",
        "pool#0",
        "conv2/conv2d.0",
        "conv2",
    ]
    assert found.addresses()[-1] == "output"


def test_every_address_is_of_one_place():
    found = trace()
    assert len(set(found.addresses())) == len(found.events)


def test_a_call_index_where_a_module_ran_twice():
    found = trace()
    assert found.calls["pool"] == 2 and found.calls["conv1"] == 1
    assert found.address(Place("pool", 1)) == "pool#1" and found.address(Place("conv1", 0)) == "conv1"
    assert found.address(Place("conv1", side=":weight")) == "conv1:weight"


def test_modules_and_kinds():
    found = trace()
    assert [event.kind for event in found.modules()][:3] == ["Conv2d", "MaxPool2d", "Conv2d"]
    assert [event.kind for event in found.events].count("relu") == 4


def test_describe_says_the_shape():
    event = Event("layer4", 0, "", 0, "Sequential", (1, 512, 7, 7), torch.float32)
    assert Trace([event], {"layer4": 1}).describe(event.place, event) == "'layer4' (1 512 7 7)"
    assert Trace().describe(Place("layer4"), None) == "'layer4'"


def test_the_trace_does_not_depend_on_what_is_asked():
    network = NETWORKS["in_place"]
    asked = (
        {"keep": ["output"]},
        {"keep": ["*"], "grads": ["conv1"], "target": 1},
        {"keep": ["output"], "graph": True},
    )
    traces = [see(network.build(), network.x(2), **one).trace for one in asked]
    assert traces[0].events == traces[1].events == traces[2].events


def test_shapes_are_those_of_the_run():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    looker = Looker(model)
    shapes = [event.shape for event in see(looker, torch.randn(2, 3, 5, 6), keep=["output"]).trace.modules()]
    assert shapes == [(2, 4, 3, 4), (2, 48), (2, 48)]


def test_a_forward_that_stops_early_follows_the_whole_one():
    whole, part, other = (Trace(complete=complete) for complete in (True, False, True))
    whole.events = [Event("a", 0, "", 0, "Linear", (2, 3), None), Event("", 0, "", 0, "Net", (2, 3), None)]
    part.events, other.events = whole.events[:1], whole.events[:1]
    assert part.follows(whole) and whole.follows(whole) and not other.follows(whole) and not whole.follows(part)
    part.events = [whole.events[0]._replace(shape=(9, 3))]
    assert part.follows(whole)
    part.events = [whole.events[0]._replace(call=1)]
    assert not part.follows(whole)


def test_a_forward_that_stops_early_keeps_its_own_shapes():
    network = NETWORKS["article_net"]
    looker = Looker(network.build())
    see(looker, network.x(2), keep=["output"])
    seen = see(looker, network.x(3), keep=["conv1"])
    shapes = {event.place: event.shape for event in seen.trace.events}
    assert shapes[Place("conv1", op="conv2d")][0] == 3
    assert seen.trace.addresses() == trace().addresses()


def test_deep_lift_to_a_unit_does_not_depend_on_the_batch_seen_before():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 2))
    x, lens = torch.randn(3, 4), pl.Lens(model)
    lens.see(x[:2], pl.saliency(), target=1)
    after = lens.see(x[2:], pl.deep_lift(), target=pl.unit("2", 1))[0]
    fresh = pl.Lens(model).see(x[2:], pl.deep_lift(), target=pl.unit("2", 1))[0]
    np.testing.assert_array_equal(after.values, fresh.values)
    assert abs(after.facts["gap"][0]) < 1e-6
