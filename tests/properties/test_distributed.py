"""Trainings on several processes: only the first one watches, and nothing waits for another."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import pellucid as pl

TRAINING = """
import sys
from pathlib import Path
import torch
import torch.distributed as distributed
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
import pellucid as pl

torch.set_num_threads(1)
rank, kind, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)


def wrapped():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))
    if kind != "sharded":
        return DistributedDataParallel(model)
    mesh = init_device_mesh("cpu", (2,))
    fully_shard(model[0], mesh=mesh)
    return fully_shard(model, mesh=mesh)


def train(model, watched):
    made, optimizer, norms = torch.Generator().manual_seed(1), torch.optim.AdamW(model.parameters(), lr=0.01), []
    run = pl.Lens(model.module if kind == "inner" else model).watch(optimizer, every=1 + rank, folder=folder / "run")
    if watched:
        run.__enter__()
    for _ in range(6):
        x, labels = torch.randn(8, 4, generator=made)[rank::2], torch.randint(3, (8,), generator=made)[rank::2]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        norms.append([float(one.grad.norm()) for one in model.parameters()] if kind != "sharded" else [])
        optimizer.step()
        if watched:
            run.log(loss=loss)
    if watched:
        run.__exit__(None, None, None)
    shown = [one.full_tensor() if kind == "sharded" else one.detach() for one in model.parameters()]
    return [*shown, *model.buffers()], norms, run


plain, norms, _ = train(wrapped(), False)
model = wrapped()
weights, _, run = train(model, True)
torch.save(
    {
        "same": all(map(torch.equal, plain, weights)),
        "norms": norms,
        "steps": run.steps.tolist(),
        "notes": [note.en for note in run.history.notes],
    },
    folder / f"{rank}.pt",
)
distributed.destroy_process_group()
"""


def trained(folder, kind):
    """What both processes tell."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(rank), kind, str(folder)], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        told = [one.communicate(timeout=60)[1] for one in started]
    finally:
        for one in started:
            one.kill()
    assert [one.returncode for one in started] == [0, 0], "\n".join(told)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("kind", ["wrapped", "inner"])
def test_the_first_process_of_data_parallel_watches(tmp_path, kind):
    first, other = trained(tmp_path, kind)
    assert first["same"] and other["same"]
    assert first["steps"] == list(range(6)) and not first["notes"]
    assert other["steps"] == [] and "The first process" in " ".join(other["notes"])
    run = pl.Run.open(tmp_path / "run")
    assert run.state == "finished" and run.metrics["loss"].steps.tolist() == list(range(6)) and not run.history.notes
    assert run.layers == ("0", "1", "2", "3") and run.grid("flow").values.shape == (6, 4)
    assert len(list((tmp_path / "run" / "parts").iterdir())) == 1
    norms = np.hypot(*np.moveaxis(np.reshape(first["norms"], (6, 3, 2)), -1, 0))  # weight and bias; averaged over both
    np.testing.assert_allclose(run.grid("gradient").values, norms, rtol=1e-6)


def test_sharded_weights_are_not_measured_and_activations_are(tmp_path):
    first, other = trained(tmp_path, "sharded")
    assert first["same"] and other["same"]
    run = pl.Run.open(tmp_path / "run")
    assert run.state == "finished" and run.steps.tolist() == list(range(6))
    assert run.metrics["loss"].steps.tolist() == list(range(6))
    assert run.grid("std").values.shape == run.grid("flow").values.shape == (6, 4)
    assert not run.grid("gradient").values.size and not run.grid("weight").values.size
    assert ["sharded" in note for note in first["notes"]] == [True]
