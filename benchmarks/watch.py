"""`python -m benchmarks.watch [--rounds N] [--steps N]`: what watching costs beside the training itself.

ResNet-18 trained with plain descent on random pictures; both sides do the same steps from the same weights. In every
round either side runs once, in turn; CPU seconds of the whole process, the thread that writes included.
"""

import argparse
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torchvision.models import resnet18

import pellucid as pl
from benchmarks.clock import interleaved

BARE, WATCHED, AIM = "training", "training, watched", 1.02


class Training:
    """One network that goes on with its training whenever it is called; watched without a break if asked."""

    def __init__(self, steps: int, batch: int, side: int, folder: Path | None) -> None:
        torch.manual_seed(0)
        self.model = resnet18(weights=None)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.x, self.labels = torch.randn(batch, 3, side, side), torch.randint(1000, (batch,))
        self.steps, self.run = steps, None
        if folder is not None:
            self.run = pl.Lens(self.model).watch(self.optimizer, folder=folder)
            self.run.__enter__()

    def __call__(self) -> Any:
        for _ in range(self.steps):
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(self.x), self.labels)
            loss.backward()
            self.optimizer.step()
            if self.run is not None:
                self.run.log(loss=loss)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--steps", type=int, default=40, help="of training in a round")
    asked.add_argument("--batch", type=int, default=8)
    asked.add_argument("--side", type=int, default=112)
    given = asked.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        bare, watched = (
            Training(given.steps, given.batch, given.side, folder) for folder in (None, Path(home) / "run")
        )
        times = interleaved({BARE: bare, WATCHED: watched}, given.rounds)
        run = watched.run
        run.__exit__(None, None, None)
        same = all(torch.equal(a, b) for a, b in zip(bare.model.parameters(), watched.model.parameters(), strict=True))
        size = sum(one.stat().st_size for one in (Path(home) / "run").rglob("*") if one.is_file())
    ratio, low, high = times.ratio(WATCHED, BARE)
    schedule = run.history.schedule[-1]
    size_of = f"{given.batch} pictures of {given.side} × {given.side}"
    print(f"resnet18 of torchvision, {size_of}, {given.steps} steps in each of {given.rounds} rounds, one thread.")
    print(f"Python {platform.python_version()}, torch {version('torch')}.\n")
    each = [times.median(side) / given.steps for side in (BARE, WATCHED)]
    print(f"CPU seconds of a step: {each[0]:.4f} bare, {each[1]:.4f} watched")
    print(f"ratio {ratio:.4f} ({low:.4f} to {high:.4f}); aim {AIM}")
    print(f"own CPU time as it counts itself: {run.overhead:.2%} of the training")
    print(f"weights every {schedule[1]} steps, everything every {schedule[2]}; weights bit-identical: {same}")
    print(f"{len(run.steps)} of {run.history.last + 1} steps measured, {size / 1e3:.0f} kB stored")


if __name__ == "__main__":
    main()
