"""Forwards without values: what they show is what a real run shows, and nothing of the model changes."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.core.errors import ModelFailed, NotApplicable, PellucidError
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.unreal import tensors_kept
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import ZOO
from tests.networks.network import Network

SEEN = [one for one in ZOO if "flow_graph" not in one.refuses]


def noted(trace: Any) -> list[tuple[Any, ...]]:
    links = trace.links
    return [
        (*event, links.reads.get(i), (note := links.notes.get(i)) and (note.attributes, note.flops, note.memory))
        for i, event in enumerate(trace.events)
    ]


@pytest.mark.parametrize("network", SEEN, ids=str)
def test_as_a_real_run(network: Network) -> None:
    model, x = network.build(), network.x(2)
    before = {name: (one, one.clone()) for name, one in model.state_dict(keep_vars=True).items()}
    unreal, real = (see(model, x, graph=Detail(), real=one) for one in (False, True))
    assert noted(unreal.trace) == noted(real.trace) and unreal.trace.links.outputs == real.trace.links.outputs
    after = model.state_dict(keep_vars=True)
    assert all(after[name] is one for name, (one, _) in before.items())
    assert all(torch.equal(after[name], value) for name, (_, value) in before.items())


def test_a_model_on_the_meta_device_is_traced_alike() -> None:
    for make in (
        lambda: nn.LSTM(4, 5, batch_first=True),
        lambda: nn.TransformerEncoderLayer(8, 2, batch_first=True, dim_feedforward=16),
        lambda: nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Flatten()),
    ):
        model = make().eval()
        x = torch.randn(2, *({"LSTM": (3, 4), "TransformerEncoderLayer": (3, 8)}.get(type(model).__name__, (2, 8))))
        hollow = copy.deepcopy(model).to("meta")
        first, second = (see(model, x, graph=Detail(), real=False), see(hollow, x, graph=Detail(), real=False))
        assert noted(first.trace) == noted(second.trace)
        third = see(hollow, x.to("meta"), graph=Detail(), real=False)
        assert noted(first.trace) == noted(third.trace)


class Asks(nn.Module):
    """Goes another way for other values."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        return y.relu() if x.sum() > 0 else y.sigmoid()


def test_a_model_that_asks_for_values_is_run() -> None:
    seen = see(Asks(), torch.ones(2, 4), graph=Detail(), real=False)
    assert "/relu.0" in seen.trace.addresses() and "was run on the input" in seen.notes[0].en
    assert "实际运行" in seen.notes[0].zh
    with pytest.raises(NotApplicable, match="no values: it lies on the meta device, and its forward asks for values"):
        see(Asks().to("meta"), torch.ones(2, 4), graph=Detail(), real=False)
    with pytest.raises(NotApplicable, match="this input has no values"):
        see(Asks(), torch.ones(2, 4, device="meta"), graph=Detail(), real=False)


def test_what_raises_is_known_up_to_there() -> None:
    for device in ("cpu", "meta"):
        model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(5, 2)).to(device)
        with pytest.raises(ModelFailed) as caught:
            see(model, torch.ones(2, 4), graph=Detail(), real=False)
        assert [one.op for one in caught.value.trace.events if one.op] == ["linear", "relu"]


@pytest.mark.parametrize("wanted", [{"keep": [OUTPUT]}, {"grads": ["0"], "target": 1}, {"graph": True}])
def test_everything_else_is_refused(wanted: dict[str, Any]) -> None:
    model = nn.Sequential(nn.Linear(4, 3)).to("meta")
    with pytest.raises(NotApplicable, match="this model has no values"):
        see(model, torch.ones(2, 4, device="meta"), **wanted)


def test_passes_with_and_without_values_are_not_one() -> None:
    model, x = nn.Linear(4, 3), read(torch.ones(2, 4))
    (first, second), cost = ask(model, Pass(x, graph=Detail(values=True)), Pass(x, graph=True, real=False))
    assert cost.forwards == 1 and not isinstance(first, PellucidError)
    (note,), (other,) = first.trace.links.notes.values(), second.trace.links.notes.values()
    assert note.value is not None and other.value is None


def test_the_trace_of_a_model_without_values_is_remembered() -> None:
    looker = Looker(nn.Sequential(nn.Linear(4, 3)).to("meta"))
    x = read(torch.ones(2, 4))
    see(looker, x, graph=True, real=False)
    assert x.signature in looker.traces
    real = Looker(nn.Sequential(nn.Linear(4, 3)))
    see(real, x, graph=True, real=False)
    assert not real.traces, "a forward without values may go another way"


def test_parts_with_two_names_are_put_back() -> None:
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    before = layer.weight
    assert len(see(model, torch.ones(2, 4), graph=True, real=False).trace.links.reads) == 3
    assert layer.weight is before and type(before) is nn.Parameter


class Remembers(nn.Module):
    """Keeps a table that its first forward makes."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[int, Tensor] = {}
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.tables.setdefault(x.shape[1], torch.arange(x.shape[1]) * 1.0)
        self.fresh = x.sum()
        return x + self.last


def test_what_a_model_keeps_in_attributes_is_as_before() -> None:
    model, x = Remembers(), torch.ones(2, 4)
    see(model, x, graph=True, real=False)
    assert model.tables == {} and model.last is None and not hasattr(model, "fresh")
    assert torch.equal(model(x), x + torch.arange(4))


def test_attributes_come_back_after_an_exception() -> None:
    model = Remembers()
    with pytest.raises(AttributeError), tensors_kept(model):
        model(torch.ones(1, 2)).nothing()
    assert model.tables == {} and model.last is None
