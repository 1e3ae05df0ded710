"""Event files as TensorBoard itself reads them."""

import math
import sys

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadRequest
from pellucid.engine.monitor.sample import STATISTICS
from pellucid.integrations.tensorboard import to_tensorboard

torch.set_num_threads(1)


def read(folder):
    made = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    made.Reload()
    scalars = {tag: [(one.step, one.value) for one in made.Scalars(tag)] for tag in made.Tags()["scalars"]}
    texts = {
        tag: [(one.step, one.tensor_proto.string_val[0].decode()) for one in made.Tensors(tag)]
        for tag in made.Tags()["tensors"]
    }
    return scalars, texts


def expected(run):
    made = {
        name: list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) for name, curve in run.metrics.items()
    }
    for statistic in (*STATISTICS, "ratio"):
        grid = run.grid(statistic)
        for layer, column in zip(grid.layers, grid.values.T, strict=True):
            pairs = zip(grid.steps.tolist(), column.tolist(), strict=True)
            made[f"{statistic}/{layer}"] = [(step, value) for step, value in pairs if not math.isnan(value)]
    return {name: pairs for name, pairs in made.items() if pairs}


def assert_same(scalars, run):
    wanted = expected(run)
    assert scalars.keys() == wanted.keys()
    for tag, pairs in wanted.items():
        assert [step for step, _ in scalars[tag]] == [step for step, _ in pairs]
        np.testing.assert_array_equal(
            np.float32([one for _, one in scalars[tag]]), np.float32([one for _, one in pairs])
        )


def trained(run, model, optimizer, steps, spoiled=-1, **metrics):
    x = torch.randn(8, 3)
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(x).square().mean() * (math.nan if step == spoiled else 1)
        loss.backward()
        optimizer.step()
        run.log(loss=loss, **metrics)


@pytest.fixture
def model():
    made = nn.Sequential()
    made.add_module("卷积 1/2", nn.Linear(3, 4))
    made.add_module("relu", nn.ReLU())
    made.add_module("a#b'<c>", nn.Linear(4, 2))
    return made


def test_every_number_is_read_back(tmp_path, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pl.Lens(model).watch(optimizer, every=2) as run:
        trained(run, model, optimizer, 9, **{"top-1 %": 0.5, "val/准确率": 1e-9, "<b>": -math.inf})
    assert to_tensorboard(run, tmp_path / "board") == tmp_path / "board"
    scalars, texts = read(tmp_path / "board")
    assert_same(scalars, run)
    assert len(scalars["loss"]) == 9 and len(scalars["gradient/卷积 1/2"]) == 5 and not texts
    assert {"flow/relu", "ratio/a#b'<c>", "top-1 %", "val/准确率", "<b>"} <= scalars.keys()


def test_a_run_that_broke_tells_where_in_words(tmp_path, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pl.Lens(model).watch(optimizer, every=1) as run:
        trained(run, model, optimizer, 6, spoiled=3)
    to_tensorboard(run, tmp_path)
    scalars, texts = read(tmp_path)
    assert_same(scalars, run)
    assert [math.isnan(value) for _, value in scalars["loss"]] == [False] * 3 + [True] * 3
    assert max(value for _, value in scalars["bad_gradient/卷积 1/2"]) > 0
    ((tag, ((step, words),)),) = texts.items()
    assert tag.startswith("events") and (step, words) == (3, run.born.words.en)


def test_a_run_under_way_is_exported_again_and_again(tmp_path, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    other = tmp_path / "board" / "events.out.tfevents.of.another"
    other.parent.mkdir()
    other.touch()
    with pl.Lens(model).watch(optimizer, every=1, folder=tmp_path / "run") as run:
        for _ in range(2):
            trained(run, model, optimizer, 3)
            to_tensorboard(run, tmp_path / "board")
        assert run.state == "running"
    to_tensorboard(pl.Run.open(tmp_path / "run"), tmp_path / "board")
    scalars, _ = read(tmp_path / "board")
    assert_same(scalars, run)
    assert len(scalars["loss"]) == 6 and other.exists() and len(list(other.parent.iterdir())) == 2


def test_without_tensorboard_the_reason_is_told(tmp_path, monkeypatch, model):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BadRequest, match="not installed"):
        to_tensorboard(pl.Lens(model).watch(), tmp_path)
