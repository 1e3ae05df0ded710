import pytest
import torch
from torch import nn

from pellucid.engine.sweeps.reducers import Extremes, Moments
from pellucid.engine.sweeps.request import Sweep, Swept
from tests.engine.sweeps.feeding import Fed, sweep

ROWS = torch.randn(9, 6, generator=torch.Generator().manual_seed(1))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    relu = nn.ReLU()
    return nn.Sequential(nn.Linear(6, 5), relu, nn.Linear(5, 4), relu).eval()


def test_a_sweep_is_yielded_once_and_gives_what_is_sent() -> None:
    asked = Sweep([Extremes("0")])
    swept = Swept({}, Fed(ROWS), 9)
    steps = iter(asked)
    assert next(steps) is asked
    with pytest.raises(StopIteration) as ended:
        steps.send(swept)
    assert ended.value.value is swept


def test_every_place_of_a_layer_has_a_state_of_its_own_and_can_be_asked_for_again() -> None:
    (swept,) = sweep(net(), Fed(ROWS), [Sweep([Extremes("*")])])
    found = swept.at(Extremes("*"))
    sizes = {one.address: len(one.state["low"]) for one in found}
    assert len(sizes) == len(found) >= 4
    for one in found:
        (again,) = sweep(net(), Fed(ROWS), [Sweep([Extremes(one.site)])])
        (only,) = again.at(Extremes(one.site))
        assert only.address == one.address and only.shape == one.shape == (1, sizes[one.address])
        assert all(torch.equal(only.state[name], one.state[name]) for name in one.state)


def test_a_module_that_is_called_twice_has_two_places() -> None:
    model = net()
    (swept,) = sweep(model, Fed(ROWS), [Sweep([Moments("1")])])
    first, second = swept.at(Moments("1"))
    hidden = model[0](ROWS).relu()
    assert first.address != second.address
    assert torch.allclose(first.state["total"], hidden.double().sum(0), rtol=1e-6)
    assert torch.allclose(second.state["total"], model[2](hidden).relu().double().sum(0), rtol=1e-6)


def test_facts_name_what_was_left_out() -> None:
    (swept,) = sweep(net(), Fed(ROWS, bad=frozenset({2})), [Sweep([Extremes("0")])])
    assert swept.facts == {"samples": 8, "left out": (("row 2", "cut short"),)}


def test_the_input_can_be_gathered_too() -> None:
    (swept,) = sweep(net(), Fed(ROWS), [Sweep([Extremes("input"), Extremes("0")])])
    (found,) = swept.at(Extremes("input"))
    assert torch.equal(found.state["low"], ROWS.amin(0).double())
    assert torch.equal(found.state["high"], ROWS.amax(0).double())
