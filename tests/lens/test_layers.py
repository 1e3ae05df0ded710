import copy

import torch
from torch import nn

import pellucid as pl
from tests.contract import state
from tests.networks import NETWORKS

NETWORK = NETWORKS["article_net"]


def test_without_an_input_the_modules_as_registered():
    table = pl.Lens(NETWORK.build()).layers()
    assert [row["address"] for row in table.rows] == ["conv1", "pool", "conv2", "fc1", "fc2", "fc3"]
    assert table.rows[0] == {"address": "conv1", "kind": "Conv2d", "shape": None, "parameters": 6 * 3 * 25 + 6}
    assert list(table.columns) == ["address", "kind", "shape", "parameters"]


def test_with_an_input_everything_that_ran_in_order():
    model, x = NETWORK.build(), NETWORK.x(2)
    before = state.of_everything(model, x)
    table = pl.Lens(model).layers(x)
    assert not state.changed(before, state.of_everything(model, x))
    found = {row["address"]: row for row in table.rows}
    assert list(found)[:5] == ["conv1/conv2d.0", "conv1", "/relu.0", "pool#0/max_pool2d.0", "pool#0"]
    assert found["pool#1"]["shape"] == (2, 16, 5, 5) and found["/relu.0"]["kind"] == "relu"
    assert found["conv1"]["parameters"] == 456 and found["conv1/conv2d.0"]["parameters"] == 0


def test_every_address_that_is_listed_can_be_looked_at():
    lens = pl.Lens(NETWORK.build())
    for row in lens.layers(NETWORK.x(1)).rows[:12]:
        shape = lens.see(NETWORK.x(1), pl.activation_statistics(layer=row["address"]))[0]
        assert not isinstance(shape, pl.Failure), row["address"]


def test_a_forward_that_was_seen_before_is_listed_without_another():
    model = NETWORK.build()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    lens = pl.Lens(model)
    lens.see(NETWORK.x(2), pl.saliency())
    calls.clear()
    assert len(lens.layers().rows) == len(lens.layers(NETWORK.x(3)).rows) > 6 and not calls


def test_another_shape_is_run_again():
    lens = pl.Lens(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    sizes = [[row["shape"] for row in lens.layers(torch.randn(1, 3, side, side)).rows][-1] for side in (8, 12)]
    assert sizes == [(1, 4, 6, 6), (1, 4, 10, 10)]


def test_a_model_on_the_meta_device_has_addresses_and_shapes():
    model, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.randn(2, 4)
    assert pl.Lens(copy.deepcopy(model).to("meta")).layers(x).rows == pl.Lens(model).layers(x).rows
