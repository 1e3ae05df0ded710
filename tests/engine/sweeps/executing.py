"""A sweep that every process makes alike, run by several processes and killed."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import PellucidError
from pellucid.engine.looker import Looker
from pellucid.engine.sweeps.crossed import Crossed, Window
from pellucid.engine.sweeps.gather import Items, gather
from pellucid.engine.sweeps.part import Part, pack, unpack
from pellucid.engine.sweeps.reducers import ClassMeans, Covariance, Extremes, Moments, Reducer, Sample, Top
from pellucid.engine.sweeps.request import Sweep
from pellucid.engine.sweeps.run import Course, Watch, answers_to, items_of, plan_of
from tests.engine.sweeps.feeding import Fed

SIZE, BAD = 61, frozenset({3, 17, 60})
REDUCERS: tuple[Reducer, ...] = (
    Top("every conv", 4),
    Moments("every conv"),
    Extremes("1"),
    Sample("2", 20),
    Covariance("2"),
    ClassMeans("2", 3),
    Crossed("1", Window((2, 3), (0, 0), (1, 1), (6, 6), (3, 3), 0, (6, 1)), (3, 8, 8), 36, (0, 2, 4), 4, 9, own=True),
)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.Flatten(), nn.Linear(64, 3)).eval()


def fed() -> Fed:
    generator = torch.Generator().manual_seed(1)
    return Fed(torch.randn(SIZE, 3, 8, 8, generator=generator), torch.arange(SIZE) % 3, BAD)


def course(folder: Path | None = None, *, resume: bool = False) -> Course:
    return Course(fed(), {"model": "m"}, 4, 8, folder, resume)


def run(folder: Path | None, watch: Watch = lambda _: None, *, resume: bool = False) -> str:
    """The digest of the whole."""
    torch.set_num_threads(1)
    with Looker(model()).looking(0) as session:
        (swept,) = answers_to(session, [Sweep(REDUCERS)], course(folder, resume=resume), watch)
    if isinstance(swept, PellucidError):
        raise swept
    states = {f"{type(one).__name__} {at.address}": at.state for one in REDUCERS for at in swept.at(one)}
    return Part(states, swept.read, swept.left_out).digest


def places() -> Items:
    """Where a process gathers."""
    with Looker(model()).looking(0) as session:
        return items_of(session, course(), set(REDUCERS))[0]


def shards(numbers: list[int], threads: int = 1) -> list[tuple[int, bytes]]:
    """Some shards, as bytes, gathered by a process that knows nothing of the others."""
    torch.set_num_threads(threads)
    items, here = places(), course()
    plan = plan_of(here, items)
    with Looker(model()).looking(0) as session:
        return [
            (one, pack(gather(session, here.source, items, plan.range(one), here.batch_size), {})) for one in numbers
        ]


def by_processes(work: list[tuple[list[int], int]]) -> list[tuple[int, Part]]:
    """Shards gathered by fresh processes, one for each entry of `work`: numbers of shards, and threads."""
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        given: list[Any] = pool.starmap(shards, work, chunksize=1)
    return [(shard, unpack(content, "delivered")[0]) for some in given for shard, content in some]


def killed(folder: Path, after: int) -> None:
    """A process that dies, by SIGKILL, at the `after`-th time that it writes, renames or removes."""
    left = after

    def counted(call: Any) -> Any:
        def made(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
            return call(*args, **kwargs)

        return made

    os.fsync = counted(os.fsync)
    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    run(folder, resume=True)
