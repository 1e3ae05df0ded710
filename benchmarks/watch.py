"""`python -m benchmarks.watch [--steps N]`: what watching costs beside the training itself.

ResNet-18 trained with plain descent on random pictures, three times over: bare, bare once more, and watched with a
folder. The three take single steps in turn, in an order that moves on, so that what else the machine does meets all
alike; each has a thread of its own, by whose CPU time the watch goes, so that it does not take the others' steps for
its training's. CPU seconds are of the whole process, the thread that writes included; what the two bare trainings
differ by is the noise.
"""

import argparse
import gc
import os
import platform
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.models import resnet18

import pellucid as pl

BARE, AGAIN, WATCHED, AIM = "bare", "bare again", "watched", 1.02


class Training:
    """One network that goes on with its training by a step whenever it is called; watched without a break if asked."""

    def __init__(self, batch: int, side: int, folder: Path | None) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.thread.submit(self._begin, batch, side, folder).result()

    def __call__(self) -> None:
        """One step."""
        self.thread.submit(self._step).result()

    def end(self) -> Any:
        """The run that watched; from now on nothing is."""
        self.thread.submit(self.run.__exit__, None, None, None).result()
        return self.run

    def _begin(self, batch: int, side: int, folder: Path | None) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.model = resnet18(weights=None)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.x, self.labels = torch.randn(batch, 3, side, side), torch.randint(1000, (batch,))
        self.run: Any = None
        if folder is not None:
            self.run = pl.Lens(self.model).watch(self.optimizer, folder=folder)
            self.run.__enter__()

    def _step(self) -> None:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        if self.run is not None:
            self.run.log(loss=loss)


def measured(sides: dict[str, Training], steps: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """CPU seconds of every step of each side, `(steps,)`; and what was measured at it, 0 for nothing."""
    spent = {name: np.zeros(steps) for name in sides}
    levels = np.zeros(steps, np.int64)
    for step in range(steps):
        levels[step] = sides[WATCHED].run._monitor.level  # noqa: SLF001
        for i in range(len(sides)):
            name = list(sides)[(step + i) % len(sides)]
            began = process_time()
            sides[name]()
            spent[name][step] = process_time() - began
    return spent, levels


def quiet(seconds: np.ndarray, levels: np.ndarray) -> float:
    """What all steps would take if each were as fast as the fastest quarter of its kind, which nothing disturbed."""
    return sum((levels == one).sum() * np.quantile(seconds[levels == one], 0.25) for one in np.unique(levels))


def told(spent: dict[str, np.ndarray], levels: np.ndarray) -> None:
    """The watched training beside the mean of the two bare ones, and its measured steps beside its other ones."""
    bare, watched, alike = (spent[BARE] + spent[AGAIN]) / 2, spent[WATCHED], np.zeros_like(levels)
    print(f"CPU seconds of a bare step: {np.median(bare):.4f} (quarters {np.quantile(bare, [0.25, 0.75]).round(4)})")
    for name, one, other, kinds in (
        ("bare again / bare", spent[AGAIN], spent[BARE], alike),
        ("watched / mean of the bare", watched, bare, levels),
    ):
        error = (one - other).std(ddof=1) / len(one) ** 0.5 / other.mean()
        calm = quiet(one, kinds) / quiet(other, alike)
        print(f"{name}: {one.sum() / other.sum():.4f} ± {error:.4f}, undisturbed steps {calm:.4f}")
    idle = len(levels) * np.quantile(watched[levels == 0], 0.25)
    print(f"watched / the same with steps at which nothing is measured: {quiet(watched, levels) / idle:.4f}")


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__)
    asked.add_argument("--steps", type=int, default=400, help="of each training")
    asked.add_argument("--batch", type=int, default=8)
    asked.add_argument("--side", type=int, default=112)
    given = asked.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        folders = {BARE: None, AGAIN: None, WATCHED: Path(home) / "run"}
        sides = {name: Training(given.batch, given.side, folder) for name, folder in folders.items()}
        gc.collect()
        gc.disable()
        spent, levels = measured(sides, given.steps)
        run = sides[WATCHED].end()
        pairs = zip(sides[BARE].model.parameters(), sides[WATCHED].model.parameters(), strict=True)
        same = all(torch.equal(a, b) for a, b in pairs)
        size = sum(one.stat().st_size for one in (Path(home) / "run").rglob("*") if one.is_file())
    print(f"resnet18 of torchvision, {given.batch} pictures of {given.side} × {given.side}, one thread;")
    print(f"{given.steps} steps of each training, from the very first.")
    print(f"Python {platform.python_version()}, torch {version('torch')}.\n")
    told(spent, levels)
    print(f"aim {AIM}; own CPU time as it counts itself: {run.overhead:.2%} of the training")
    schedule = run.history.schedule[-1]
    print(f"weights every {schedule[1]} steps, everything every {schedule[2]}; weights bit-identical: {same}")
    print(f"{len(run.steps)} of {run.history.last + 1} steps measured, {size / 1e3:.0f} kB stored")


if __name__ == "__main__":
    main()
