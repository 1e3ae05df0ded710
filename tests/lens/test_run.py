"""A training watched through a lens: in memory, in a folder, and after its process was killed."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, BadSetting
from tests.architecture.source import PACKAGE

torch.set_num_threads(1)
KILLS = 20
TRAINING = """
import os, sys, time
import torch
from torch import nn
import pellucid as pl
from pellucid.engine.monitor import sink


def train(folder):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pl.Lens(model).watch(optimizer, every=2, folder=folder) as run:
        while True:
            optimizer.zero_grad()
            loss = model(torch.randn(4, 8)).pow(2).mean()
            loss.backward()
            optimizer.step()
            run.log(loss=loss)


sink.SECONDS = sink.FIRST = 0.005
torch.set_num_threads(1)
with pl.Lens(nn.Linear(1, 1)).watch() as run:  # imports that are slow at first use
    torch.optim.SGD([torch.zeros(1, requires_grad=True)]).step()
for number, delay in enumerate(sys.argv[2:]):
    child = os.fork()
    if child == 0:
        train(f"{sys.argv[1]}/{number}")
    time.sleep(float(delay))
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


def net():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def train(model, run, optimizer, steps, *, bad_from=10**9):
    for step in range(steps):
        optimizer.zero_grad()
        out = model(torch.randn(8, 4))
        loss = out.pow(2).mean() * (float("nan") if step >= bad_from else 1.0)
        loss.backward()
        optimizer.step()
        run.log(loss=loss, accuracy=0.5)


def test_a_run_in_memory():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pl.Lens(model).watch(optimizer, every=3) as run:
        train(model, run, optimizer, 10)
        assert run.state == "running" and "running" in repr(run)
    assert run.steps.tolist() == [0, 3, 6, 9] and run.layers == ("0", "1", "2") and run.state == "finished"
    assert run.metrics["loss"].steps.tolist() == list(range(10)) and run.born is None and run.overhead > 0
    ratio = run.grid("ratio")
    np.testing.assert_allclose(ratio.values, run.grid("update").values / run.grid("weight").values)


def test_a_run_goes_on_where_it_is_entered_again(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = pl.Lens(model).watch(optimizer, every=1, folder=tmp_path / "run")
    with run:
        train(model, run, optimizer, 3)
    with run:
        train(model, run, optimizer, 2)
    assert run.steps.tolist() == list(range(5))
    assert pl.Run.open(tmp_path / "run").steps.tolist() == list(range(5))
    again = pl.Lens(model).watch(optimizer, every=1, folder=tmp_path / "run", resume=True, start=4)
    with again:
        train(model, again, optimizer, 4)
    read = pl.Run.open(tmp_path / "run")
    assert read.steps.tolist() == list(range(8)) and read.grid("gradient").values.shape == (8, 2)


def test_a_run_gone_on_with_in_another_process_is_whole_and_of_the_same_model(tmp_path):
    model = net()
    lens, optimizer = pl.Lens(model), torch.optim.SGD(model.parameters(), lr=0.1)
    with lens.watch(optimizer, every=1, folder=tmp_path) as run:
        train(model, run, optimizer, 4)
    with lens.watch(optimizer, every=1, folder=tmp_path, resume=True) as again:
        train(model, again, optimizer, 3)
    read = pl.Run.open(tmp_path)
    assert again.steps.tolist() == read.steps.tolist() == list(range(7))
    assert again.metrics["loss"].steps.tolist() == list(range(7)) and again.layers == read.layers
    for name in ("gradient", "std", "ratio"):
        np.testing.assert_array_equal(again.grid(name).values, read.grid(name).values)
    assert again.see(pl.gradient_flow()).results
    other = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(BadRequest, match="another model: other parameters at '2'"):
        pl.Lens(other).watch(folder=tmp_path, resume=True).__enter__()
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_going_on_with_a_damaged_run_says_so(tmp_path):
    model = net()
    lens, optimizer = pl.Lens(model), torch.optim.SGD(model.parameters(), lr=0.1)
    with lens.watch(optimizer, every=1, folder=tmp_path) as run:
        train(model, run, optimizer, 4)
    part = tmp_path / "parts" / "000000.log"
    part.write_bytes(part.read_bytes()[:-100])
    again = lens.watch(optimizer, every=1, folder=tmp_path, resume=True)
    with pytest.warns(RuntimeWarning, match="record is damaged"):
        again.__enter__()
    again.__exit__(None, None, None)
    assert "damaged" in again.notes[0].en and again.state == "finished"


def test_a_bad_metric_is_left_out_and_a_fault_of_watching_is_told(tmp_path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pl.Lens(model).watch(optimizer, every=1) as run:
        with pytest.warns(RuntimeWarning, match="'each'"):
            run.log(each=torch.ones(3))
        train(model, run, optimizer, 3)
    assert run.state == "finished" and run.steps.tolist() == [0, 1, 2] and "each" not in run.metrics
    with pl.Lens(model).watch(optimizer, every=1, folder=tmp_path) as run:
        with pytest.warns(RuntimeWarning, match="stops watching"):
            run._monitor.guard(lambda: 1 / 0)
        train(model, run, optimizer, 3)
    assert run.state == pl.Run.open(tmp_path).state == "stopped" and "ended before" in run.notes[0].en


class Logarithm(nn.Module):
    """The logarithm of a negative number, from the thirty-first forward on."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        return torch.log(x - 100) if self.count > 30 else x


class Overflow(Logarithm):
    """Half precision, whose numbers end at 65,504."""

    def forward(self, x):
        self.count += 1
        return ((x.half() * 0 + 300) * 300).float() if self.count > 30 else x


@pytest.mark.parametrize("every", ["auto", 7])
@pytest.mark.parametrize(("spoils", "operation"), [(Logarithm, "log"), (Overflow, "mul")])
def test_a_loss_that_breaks_at_step_thirty_names_step_layer_and_operation(tmp_path, every, spoils, operation):
    model = nn.Sequential(nn.Linear(4, 8), spoils(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pl.Lens(model).watch(optimizer, every=every, folder=tmp_path / "run") as run:
        train(model, run, optimizer, 40)
    for one in (run, pl.Run.open(tmp_path / "run")):
        assert (one.born.step, one.born.layer, one.born.operation) == (30, "1", operation)
        assert np.isfinite(one.metrics["loss"].values[:30]).all() and not np.isfinite(one.metrics["loss"].values[30])


def test_a_loss_that_breaks_behind_the_model_says_so():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pl.Lens(model).watch(optimizer) as run:
        train(model, run, optimizer, 35, bad_from=30)
    assert (run.born.step, run.born.direction) == (30, "loss") and "mul" in run.born.operation


@pytest.mark.parametrize("error", [ValueError("stop"), KeyboardInterrupt()])
def test_how_a_run_ended_is_told(tmp_path, error):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = pl.Lens(model).watch(optimizer, folder=tmp_path / "run")

    def fail():
        with run:
            train(model, run, optimizer, 2)
            raise error

    with pytest.raises(type(error)):
        fail()
    expected = "interrupted" if isinstance(error, KeyboardInterrupt) else "ValueError: stop"
    assert run.state == pl.Run.open(tmp_path / "run").state == expected


def test_a_training_killed_at_any_moment_leaves_a_run(tmp_path):
    """Twenty kills at random moments, each of another process; the seed of the moments is fixed."""
    moments = [random.Random(i).uniform(0.0, 0.4) for i in range(KILLS)]
    run = subprocess.run(
        [sys.executable, "-c", TRAINING, str(tmp_path), *map(str, moments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "PATH": ""},
    )
    assert run.returncode == 0, run.stderr
    found = [pl.Run.open(tmp_path / str(i)) for i in range(KILLS) if (tmp_path / str(i) / "manifest.json").exists()]
    assert len(found) >= KILLS // 2 and {one.state for one in found} == {"killed"}
    lengths = [len(one.metrics["loss"].steps) for one in found if one.metrics]
    assert len(set(lengths)) >= KILLS // 4
    for one in found:
        if one.metrics:
            assert one.metrics["loss"].steps.tolist() == list(range(len(one.metrics["loss"].steps)))
            assert np.isfinite(one.grid("gradient").values).all()


def test_data_parallel_and_compiled_models_are_looked_through():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapped = nn.DataParallel(model)
    with pl.Lens(wrapped).watch(optimizer, every=1) as run:
        train(wrapped, run, optimizer, 2)
    assert run.grid("mean").layers == ("0", "1", "2")
    compiled = torch.compile(model, backend="eager")
    with pl.Lens(compiled).watch(optimizer, every=1) as run:
        train(compiled, run, optimizer, 2)
    assert run.grid("update").layers == ("0", "2") and not run.grid("mean").layers
    assert "unseen" in run.history.notes[0].en


def test_what_cannot_be_is_refused(tmp_path):
    model = net()
    optimizer, lens = torch.optim.SGD(model.parameters(), lr=0.1), pl.Lens(model)
    for wrong in ({"every": 0}, {"every": "often"}, {"budget": 0.0}, {"budget": 2}):
        with pytest.raises(BadSetting):
            lens.watch(optimizer, **wrong)
    with pytest.raises(BadSetting, match="is no torch"):
        lens.watch(model)
    for start in (-3, 1.5, True):
        with pytest.raises(BadSetting, match="start="):
            lens.watch(optimizer, start=start)
    with pytest.raises(BadRequest, match="holds no parameter"):
        lens.watch(torch.optim.SGD(net().parameters(), lr=0.1))
    with pytest.raises(BadRequest, match="folder"):
        lens.watch(optimizer, resume=True)
    with pytest.raises(BadRequest, match="not being watched"):
        lens.watch(optimizer).log(loss=1.0)
    with pytest.raises(BadInput):
        pl.Run.open(tmp_path)
    with lens.watch(optimizer, folder=tmp_path / "run") as run, pytest.raises(BadRequest, match="already"):
        run.__enter__()
    with pytest.raises(BadRequest, match="read from"):
        pl.Run.open(tmp_path / "run").__enter__()
    with pytest.raises(BadRequest, match="must end in"):
        run.save(tmp_path / "x.txt")


def test_loops_without_an_optimizer_end_their_steps():
    model = net()
    with pl.Lens(model).watch(every=1) as run:
        for _ in range(3):
            model(torch.randn(2, 4)).sum().backward()
            run.log(loss=1.0)
            run.end_step()
    assert run.steps.tolist() == [0, 1, 2] and run.metrics["loss"].steps.tolist() == [0, 1, 2]
    assert run.grid("flow").values.shape == (3, 3)
