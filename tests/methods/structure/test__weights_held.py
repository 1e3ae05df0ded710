"""Weights as they act: what is computed from what is stored, and what has no numbers."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import pellucid as pl
from pellucid.engine.looker import Looker
from pellucid.methods.structure._weights_held import held
from tests.networks import NETWORKS


class Adapted(nn.Module):
    """A linear layer with a low-rank adapter, named as the usual library names it."""

    def __init__(self, scaling: float = 2.0) -> None:
        super().__init__()
        self.base_layer = nn.Linear(4, 3)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 3, bias=False)})
        self.scaling, self.merged, self.active_adapters = {"default": scaling}, False, ["default"]

    def forward(self, x: Tensor) -> Tensor:
        low = self.lora_B["default"](self.lora_A["default"](x))
        return self.base_layer(x) + self.scaling["default"] * low


class Inside(nn.Linear):
    """The other usual form: the adapter's matrices beside the weight."""

    def __init__(self) -> None:
        super().__init__(4, 3, bias=False)
        self.lora_A, self.lora_B = nn.Parameter(torch.randn(2, 4)), nn.Parameter(torch.randn(3, 2))
        self.scaling, self.merged = 0.5, False

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.scaling * (x @ self.lora_A.T @ self.lora_B.T)


def _only(model: nn.Module, layer: Any = "0") -> Any:
    (one,), notes = held(Looker(model), layer)
    return one, notes


def _map(layer: nn.Module, inputs: int) -> Tensor:
    """The matrix that a layer without its bias really multiplies by."""
    with torch.no_grad():
        return (layer(torch.eye(inputs)) - layer(torch.zeros(1, inputs))).T


@pytest.mark.parametrize("make", [Adapted, Inside])
def test_an_adapter_is_added_as_the_layer_adds_it(make: Any) -> None:
    layer = make()
    one, notes = _only(nn.Sequential(layer))
    assert one.where == "0:weight"
    torch.testing.assert_close(one.weight, _map(layer, 4))
    assert any("W + BA" in note.en and "W + BA" in note.zh for note in notes)
    layer.merged = True
    with pytest.raises(pl.LayerNotFound) if make is Adapted else warnings.catch_warnings():
        merged, _ = _only(nn.Sequential(layer))
        assert torch.equal(merged.weight, layer.weight)


def test_every_weight_lists_base_and_adapter_too() -> None:
    found, _ = held(Looker(nn.Sequential(Adapted())), "every weight")
    assert [one.where for one in found] == [
        "0:weight",
        "0.base_layer:weight",
        "0.lora_A.default:weight",
        "0.lora_B.default:weight",
    ]


def _older(name: str) -> nn.Module:
    layer = nn.Linear(4, 3, bias=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "pruned":
            prune.l1_unstructured(layer, "weight", 0.5)
        else:
            getattr(torch.nn.utils, name)(layer)
    return layer.eval()


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm", "pruned"])
def test_weights_that_a_hook_computes(name: str) -> None:
    layer = _older(name)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    for asked in ("every weight", "0"):
        one, notes = _only(nn.Sequential(layer), asked)
        assert one.where == "0:weight" and notes
        torch.testing.assert_close(one.weight, _map(layer, 4))
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


def test_what_stands_behind_can_be_named() -> None:
    one, _ = _only(nn.Sequential(_older("weight_norm")), "0:weight_v")
    assert one.where == "0:weight_v"


@pytest.mark.parametrize("layer", ["0", "2"])
def test_parametrised(layer: str) -> None:
    model: Any = NETWORKS["parametrized"].build()
    one, notes = _only(model, layer)
    torch.testing.assert_close(one.weight, model.get_submodule(layer).weight.detach())
    assert one.where == f"{layer}:weight" and all(note.aside for note in notes)


def test_quantised_numbers_are_those_that_their_integers_stand_for() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        small: Any = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
        found, notes = held(Looker(small), "every weight")
        assert [one.where for one in found] == ["0:weight", "2:weight"]
        assert len(held(Looker(small), "2")[0]) == 1
    for one, layer in zip(found, (model[0], model[2]), strict=True):
        step = float(layer.weight.detach().abs().max()) / 127
        torch.testing.assert_close(one.weight, layer.weight.detach(), rtol=0, atol=step)
    assert "integers" in notes[0].en


def test_layers_keep_the_order_in_which_they_were_registered() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    assert [one.where for one in held(Looker(model), ("2", "0"))[0]] == ["0:weight", "2:weight"]


def test_without_numbers() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, device="meta"))
    one, notes = _only(model, "every weight")
    assert one.where == "0:weight" and "1:weight" in notes[0].en and "meta" in notes[0].zh
    with pytest.raises(pl.NotApplicable, match="meta"):
        held(Looker(model), "1")
    packed: Any = nn.Sequential(nn.Linear(3, 2))
    packed[0].weight = nn.Parameter(torch.ones(2, 3, dtype=torch.int8), requires_grad=False)
    with pytest.raises(pl.NotApplicable, match="integers"):
        held(Looker(packed), "0")
    with pytest.raises(pl.NotApplicable, match="empty"):
        held(Looker(nn.Sequential(nn.Embedding(0, 3))), "0")
