"""`python -m benchmarks.watch [--rounds N] [--steps N]`: what watching costs beside the training itself.

ResNet-18 trained with plain descent on random pictures, three times over: bare, bare once more, and watched with a
folder. The three take single steps in turn, in an order that moves on, so that what else the machine does meets all
alike. CPU seconds are of the whole process, the thread that writes included; what the two bare trainings differ by is
the noise.
"""

import argparse
import gc
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
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
        torch.manual_seed(0)
        self.model = resnet18(weights=None)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.x, self.labels = torch.randn(batch, 3, side, side), torch.randint(1000, (batch,))
        self.run: Any = None
        if folder is not None:
            self.run = pl.Lens(self.model).watch(self.optimizer, folder=folder)
            self.run.__enter__()

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        if self.run is not None:
            self.run.log(loss=loss)


def measured(sides: dict[str, Training], steps: int) -> dict[str, float]:
    """CPU seconds of so many steps of each side."""
    spent = dict.fromkeys(sides, 0.0)
    for step in range(steps):
        for i in range(len(sides)):
            name = list(sides)[(step + i) % len(sides)]
            began = process_time()
            sides[name]()
            spent[name] += process_time() - began
    return spent


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__)
    asked.add_argument("--rounds", type=int, default=8)
    asked.add_argument("--steps", type=int, default=50, help="of each training in a round")
    asked.add_argument("--batch", type=int, default=8)
    asked.add_argument("--side", type=int, default=112)
    given = asked.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        folders = {BARE: None, AGAIN: None, WATCHED: Path(home) / "run"}
        sides = {name: Training(given.batch, given.side, folder) for name, folder in folders.items()}
        gc.collect()
        gc.disable()
        rounds = [measured(sides, given.steps) for _ in range(given.rounds)]
        run = sides[WATCHED].run
        run.__exit__(None, None, None)
        pairs = zip(sides[BARE].model.parameters(), sides[WATCHED].model.parameters(), strict=True)
        same = all(torch.equal(a, b) for a, b in pairs)
        size = sum(one.stat().st_size for one in (Path(home) / "run").rglob("*") if one.is_file())
    print(f"resnet18 of torchvision, {given.batch} pictures of {given.side} × {given.side}, one thread;")
    print(f"{given.rounds} rounds of {given.steps} steps of each training, from its very first step.")
    print(f"Python {platform.python_version()}, torch {version('torch')}.\n")
    print(f"CPU seconds of a bare step: {median(one[BARE] for one in rounds) / given.steps:.4f}")
    for name in (AGAIN, WATCHED):
        each = np.array([one[name] / one[BARE] for one in rounds])
        whole = sum(one[name] for one in rounds) / sum(one[BARE] for one in rounds)
        spread = (
            f"rounds {each.min():.4f} to {each.max():.4f}, standard error {each.std(ddof=1) / len(each) ** 0.5:.4f}"
        )
        print(f"{name} / bare: {whole:.4f} over all steps (median of rounds {np.median(each):.4f}, {spread})")
    print(f"aim {AIM}; own CPU time as it counts itself: {run.overhead:.2%} of the training")
    schedule = run.history.schedule[-1]
    print(f"weights every {schedule[1]} steps, everything every {schedule[2]}; weights bit-identical: {same}")
    print(f"{len(run.steps)} of {run.history.last + 1} steps measured, {size / 1e3:.0f} kB stored")


if __name__ == "__main__":
    main()
