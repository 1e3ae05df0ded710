"""Layers that hold numbers, and by how much they differ."""

import copy
import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import pellucid as pl
from pellucid.lens.comparing.held import Layer, change, flat, layers_of
from tests.lens.comparing.small import net, rows


def test_layers_stand_in_the_order_in_which_they_run():
    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.late, self.early = nn.Linear(4, 2), nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.late(self.early(x))

    lens = pl.Lens(Crossed())
    assert [one.path for one in layers_of(lens)] == ["late", "early"]
    lens.layers(torch.zeros(1, 3))
    assert [one.path for one in layers_of(lens)] == ["early", "late"]


def test_weights_and_running_statistics_are_held():
    found = {one.path: one for one in layers_of(pl.Lens(net()))}
    assert list(found) == [f"{part}.{one}" for part in ("stem", "middle", "last") for one in ("conv", "norm")] + [
        "head"
    ]
    norm = found["stem.norm"]
    assert list(norm.weights) == ["weight", "bias"] and list(norm.statistics) == ["running_mean", "running_var"]
    assert norm.parameters == 12 and not norm.is_map and found["head"].is_map and found["head"].shape == (4, 8)


def test_the_change_is_the_length_of_the_difference_beside_that_of_the_first():
    one = Layer("a", "Linear", {"weight": torch.tensor([[3.0, 4.0]])}, {"mean": torch.tensor([2.0])})
    two = Layer("a", "Linear", {"weight": torch.tensor([[-4.0, 3.0]])}, {"mean": torch.tensor([3.0])})
    found = change(one, two)
    assert found.size == pytest.approx(math.sqrt(2)) and found.cosine == pytest.approx(0, abs=1e-12)
    assert found.statistics == pytest.approx(0.5)
    assert change(one, one).size == 0 and change(one, one).cosine == pytest.approx(1)


def test_tensors_of_other_shapes_are_not_compared():
    one = Layer("a", "Linear", {"weight": torch.zeros(2, 2)})
    two = Layer("a", "Linear", {"weight": torch.zeros(2, 3)})
    assert math.isnan(change(one, two).size)
    zeros = change(one, Layer("b", "Linear", {"w": torch.ones(2, 2)}))
    assert zeros.size == math.inf and math.isnan(zeros.cosine)


def test_everything_lies_in_one_vector():
    assert flat([torch.ones(2, 2), torch.zeros(1)]).tolist() == [1, 1, 1, 1, 0] and not len(flat([]))
    assert rows(2).shape == (2, 3, 10, 10)


def test_pruned_weights_are_those_that_are_used():
    model = nn.Sequential(nn.Linear(4, 3))
    plain = layers_of(pl.Lens(copy.deepcopy(model)))[0]
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    (found,) = layers_of(pl.Lens(model))
    assert torch.equal(found.weights["weight"], model[0].weight) and found.statistics == {}
    assert found.parameters == plain.parameters and change(plain, found).size > 0


def test_quantised_weights_are_read_as_numbers():
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))

    with warnings.catch_warnings(action="ignore"):  # PyTorch will do without quantised tensors
        packed = torch.quantize_per_tensor(weight, 0.01, 0, torch.qint8)

    class Packed(nn.Module):
        def weight(self) -> torch.Tensor:
            return packed

        def bias(self) -> None:
            return None

    (found,) = layers_of(pl.Lens(nn.Sequential(Packed())))
    apart = (found.weights["weight"] - weight.clamp(-1.28, 1.27)).abs().max()
    assert list(found.weights) == ["weight"] and apart < 0.006


def test_the_whole_model_is_called_by_its_class():
    (found,) = layers_of(pl.Lens(nn.Linear(4, 3)))
    assert found.path == "" and found.called == "Linear"
