"""`python -m benchmarks.occlusion [--rounds N] [--at-once N] [NETWORK ...]`: occlusion beside Captum's, same result."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torchvision
from captum import attr
from torch import Tensor, nn

import pellucid as pl
from benchmarks import page
from benchmarks.clock import interleaved

SIDE, WINDOW, STRIDE, TARGET = 224, 32, 16, 281
AT_ONCE = (1, 4, 8, 16, 32)
AIMS = {"vgg16": 4.0, "resnet50": 1.3}
PELLUCID, CAPTUM = "pellucid", "Captum"


@dataclass(frozen=True, eq=False)
class Case:
    """A network of random weights and a random picture, the same at every call."""

    name: str
    model: nn.Module
    x: Tensor

    @classmethod
    def of(cls, name: str) -> "Case":
        """A network of torchvision by its name."""
        torch.manual_seed(0)
        model = torchvision.models.get_model(name, weights=None).eval()
        return cls(name, model, torch.randn(1, 3, SIDE, SIDE))


def pellucid(case: Case) -> np.ndarray:
    """A look by a lens that is new, so that finding out what can be computed again is in the time."""
    return pl.Lens(case.model).see(case.x, pl.occlusion(size=WINDOW, stride=STRIDE), target=TARGET)[0].values[0]


def captum(case: Case, at_once: int, window: int = WINDOW, stride: int = STRIDE) -> np.ndarray:
    """Captum's, so many windows in one forward."""
    with torch.no_grad():
        made = attr.Occlusion(case.model).attribute(
            case.x,
            target=TARGET,
            sliding_window_shapes=(3, window, window),
            strides=(3, stride, stride),
            perturbations_per_eval=at_once,
        )
    return made[0, 0].numpy()


def best_at_once(case: Case) -> tuple[int, dict[int, float]]:
    """How many windows in one forward suit Captum best, by CPU seconds on 36 windows twice as wide."""
    sides = {str(many): partial(captum, case, many, 2 * WINDOW, WINDOW) for many in AT_ONCE}
    times = interleaved(sides, rounds=1, warm=0)
    seconds = {many: times.median(str(many)) for many in AT_ONCE}
    return min(seconds, key=lambda many: seconds[many]), seconds


def row(name: str, rounds: int, at_once: int | None = None) -> str:
    """One network measured, as a row of the table."""
    case = Case.of(name)
    many = at_once or best_at_once(case)[0]
    seen: dict[str, np.ndarray] = {}

    def kept(side: str, run: Any) -> None:
        seen[side] = run()

    sides = {PELLUCID: partial(pellucid, case), CAPTUM: partial(captum, case, many)}
    times = interleaved({side: partial(kept, side, run) for side, run in sides.items()}, rounds, warm=0)
    with torch.no_grad():
        scale = float(case.model(case.x).abs().max())
    apart = float(np.abs(seen[PELLUCID] - seen[CAPTUM]).max()) / scale
    middle, low, high = times.ratio(CAPTUM, PELLUCID)
    aim = AIMS.get(name)
    reached = "–" if aim is None else f"≥ {aim:g}: {'yes' if middle >= aim else 'no'}"
    return (
        f"| {name} | {times.median(PELLUCID):.1f} | {times.median(CAPTUM):.1f} ({many} at once) "
        f"| {middle:.2f} ({low:.2f}–{high:.2f}) | {reached} | {apart:.0e} |"
    )


def table(names: Sequence[str] = tuple(AIMS), rounds: int = 3, at_once: int | None = None) -> list[str]:
    """What was measured, as lines of Markdown.

    Args:
        names: networks of torchvision.
        rounds: in each every side runs once.
        at_once: windows in one of Captum's forwards; None: what suits it best, found out first.
    """
    windows = f"windows of {WINDOW} × {WINDOW}, one every {STRIDE}, of one picture of {SIDE} × {SIDE}"
    return [
        f"Occlusion: {windows}, random weights; CPU seconds, one thread, median of {rounds} rounds.",
        "",
        "| network | pellucid | Captum | times faster (lowest–highest) | aim | difference / largest logit |",
        "|---|---|---|---|---|---|",
        *(row(name, rounds, at_once) for name in names),
    ]


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.occlusion", description=__doc__)
    asked.add_argument("networks", nargs="*", default=list(AIMS))
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--at-once", type=int, help="windows in one of Captum's forwards; else its best is found first")
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    text = "\n".join(table(given.networks, given.rounds, given.at_once))
    print(text)
    if given.write:
        page.put("occlusion", text)


if __name__ == "__main__":
    main()
