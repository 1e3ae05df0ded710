import math

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.collector import Collector, name_of_loss
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.measured import Measured
from pellucid.engine.monitor.parameters import Parameters
from pellucid.engine.monitor.sample import Logged, Told


def collecting():
    history = History()
    made = Collector(lambda item: history.add((item,)), Parameters(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))))
    made.tell()
    return made, history


def given(made, values, facts=None, activations=None, step=4):
    one = Measured(step, 0.0, everything=True, facts=facts or {}, activations=activations)
    for key, value in values.items():
        one.transfer.add(key, torch.tensor(value))
        if key[0] == "bad_gradient":
            one.transfer.add(("gradient", key[1]), torch.tensor(math.nan))
    made.take(one)
    made.collect(wait=True)
    made.settle()


def test_parameters_of_a_layer_are_one_norm_and_the_scale_is_divided_out():
    made, history = collecting()
    given(made, {("gradient", "0.weight"): 3.0, ("gradient", "0.bias"): 4.0, ("flow", 1): 8.0, ("fact", "scale"): 4.0})
    assert history.grid("gradient").values.tolist() == [[5.0]] and history.grid("flow").values.tolist() == [[2.0]]
    assert history.facts("scale").values.tolist() == [4.0]


def arrived(*numbers):
    made = Activations(None, None, None)
    made.arrived, made.order = list(numbers), [0, 1]
    made.called_so_far, made.at = ["linear", "sqrt", "linear"], {0: 1, 1: 3}
    return made


@pytest.mark.parametrize(
    ("values", "facts", "expected"),
    [
        ({("bad_weight", "1.bias"): 1}, {}, ("1", "", "update")),
        ({("bad_backward", 0): 3, ("flow", 1): 1.0}, {}, ("1", "sqrt, linear", "backward")),
        ({("bad_backward", 1): 3, ("bad_backward", 0): 3}, {}, ("loss", "", "loss")),
        ({("bad_backward", 1): 3}, {"scale": 65536.0}, ("1", "", "scale")),
        ({("gradient", "1.weight"): 3.0, ("bad_gradient", "0.weight"): 3}, {}, ("0", "", "backward")),
        ({("bad_gradient", "0.weight"): 3, ("bad_gradient", "1.weight"): 3}, {}, ("", "", "backward")),
        ({("flow", 1): 1.0}, {"skipped": 1.0}, ("", "", "scale")),
        ({("bad_backward", 0): 3}, {"skipped": 1.0, "scale": 4.0}, ("0", "", "scale")),
        ({("bad_backward", 0): 3, ("gradient", "0.weight"): 1.0}, {}, None),  # masked on the way back
    ],
)
def test_what_the_counts_tell(values, facts, expected):
    made, history = collecting()
    given(made, values, facts, arrived(1, 0))
    found = [(one.layer, one.operation, one.direction) for one in history.births]
    assert found == ([] if expected is None else [expected])


def test_only_the_first_birth_is_told():
    made, history = collecting()
    for step in range(3):
        given(made, {("bad_weight", "1.bias"): 1}, step=step)
    assert [one.step for one in history.births] == [0]


@pytest.mark.parametrize(
    ("name", "expected"), [("loss", True), ("train_loss", True), ("val_loss", False), ("acc", False)]
)
def test_names_of_losses(name, expected):
    assert name_of_loss(name) is expected


def test_metrics_of_every_kind_are_numbers():
    made, history = collecting()
    made.log(3, {"loss": torch.tensor(0.5, requires_grad=True), "accuracy": 1, "error": float("nan")}, 0)
    assert {name: curve.values[0] for name, curve in history.metrics.items() if name != "error"} == {
        "loss": 0.5,
        "accuracy": 1.0,
    }
    assert math.isnan(history.metrics["error"].values[0]) and history.born is None
    made.log(4, {"loss": float("nan")}, 0)
    made.settle()
    assert (history.born.step, history.born.direction) == (4, "loss")


def test_what_is_no_single_number_is_left_out_with_one_warning():
    items = []
    made = Collector(items.append, Parameters(nn.Linear(2, 2)))
    vector = torch.ones(3)
    with pytest.warns(RuntimeWarning, match="'each' is left out"):
        made.log(3, {"each": vector, "loss": 0.5}, 0)
    made.log(4, {"each": vector, "loss": np.array([0.25])}, 0)
    with pytest.warns(RuntimeWarning, match="'nothing' is left out"):
        made.log(5, {"nothing": None}, 0)
    logged = [(one.step, one.name, one.value) for one in items if isinstance(one, Logged)]
    assert logged == [(3, "loss", 0.5), (4, "loss", 0.25)]
    notes = [one.note for one in items if isinstance(one, Told) and one.note]
    assert len(notes) == 2 and "“each”" in notes[0][1]
