"""`python -m benchmarks.integrated_gradients [--rounds N] [--photos N]`: integrated gradients beside Captum's.

At equal points: the same quadrature, as many rows in a pass. At equal residual: what it costs until the values miss the
difference of the scores by at most one in a hundred, on photographs and a trained network.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
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
from pellucid.zoo.demo import PHOTOS, lens

SIDE, POINTS, AT_ONCE, TARGET = 224, 32, 16, 281
RESIDUAL, MOST = 0.01, 1024
PELLUCID, CAPTUM, DOUBLED = "pellucid", "Captum", "Captum, doubled until it is reached"


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
        return cls(name, torchvision.models.get_model(name, weights=None).eval(), torch.randn(1, 3, SIDE, SIDE))


def captum(model: nn.Module, x: Tensor, target: int, points: int) -> tuple[np.ndarray, float]:
    """Captum's values and by how much they miss the difference of the scores."""
    made, gap = attr.IntegratedGradients(model).attribute(
        x, target=target, n_steps=points, internal_batch_size=AT_ONCE, return_convergence_delta=True
    )
    return made.detach().numpy(), float(gap[0])


def equal_points(name: str, rounds: int) -> str:
    """One network at equal points, as a row of the table."""
    case = Case.of(name)
    look, view = pl.Lens(case.model), pl.integrated_gradients(n_steps=POINTS, batch_size=AT_ONCE)
    seen: dict[str, np.ndarray] = {}

    def ours() -> None:
        seen[PELLUCID] = look.see(case.x, view, target=TARGET)[0].values

    def theirs() -> None:
        seen[CAPTUM] = captum(case.model, case.x, TARGET, POINTS)[0]

    times = interleaved({PELLUCID: ours, CAPTUM: theirs}, rounds)
    apart = float(np.abs(seen[PELLUCID] - seen[CAPTUM]).max() / np.abs(seen[CAPTUM]).max())
    middle, low, high = times.ratio(CAPTUM, PELLUCID)
    return (
        f"| {name} | {POINTS} | {times.median(PELLUCID):.1f} | {times.median(CAPTUM):.1f} "
        f"| {middle:.2f} ({low:.2f}–{high:.2f}) | {apart:.0e} |"
    )


def reached(model: nn.Module, x: Tensor, target: int, difference: float) -> int:
    """The fewest points of 16, 32, 64, ... with which Captum's values miss the difference by little enough."""
    points = AT_ONCE
    while points < MOST and abs(captum(model, x, target, points)[1]) > RESIDUAL * abs(difference):
        points *= 2
    return points


def equal_residual(photo: str, rounds: int) -> tuple[str, float, float]:
    """One photograph at equal residual: a row of the table, and by how many times the two peers' ways take longer."""
    look = lens()
    x = look.read(PHOTOS / photo).tensors["input"]
    view = pl.integrated_gradients(n_steps=POINTS, tolerance=RESIDUAL, batch_size=AT_ONCE)
    result = look.see(x, view)[0]
    target, facts = result.targets[0].index[0], result.facts
    enough = reached(look.model, x, target, facts["score"][0] - facts["baseline score"][0])
    tried = [AT_ONCE * 2**i for i in range((enough // AT_ONCE).bit_length())]

    def doubled() -> None:
        for points in tried:
            captum(look.model, x, target, points)

    sides: dict[str, Any] = {
        PELLUCID: partial(look.see, x, view),
        CAPTUM: partial(captum, look.model, x, target, enough),
        DOUBLED: doubled,
    }
    times = interleaved(sides, rounds, warm=0)
    best, all_of_them = times.ratio(CAPTUM, PELLUCID)[0], times.ratio(DOUBLED, PELLUCID)[0]
    row = (
        f"| {photo.partition('.')[0]} | {times.median(PELLUCID):.1f} ({facts['points']} points) "
        f"| {times.median(CAPTUM):.1f} ({enough}) | {times.median(DOUBLED):.1f} ({sum(tried)}) "
        f"| {best:.2f} | {all_of_them:.2f} |"
    )
    return row, best, all_of_them


def table(names: Sequence[str], photos: Sequence[str], rounds: int) -> str:
    """Everything measured, as text of two tables."""
    equal = [equal_points(name, rounds) for name in names]
    found = [equal_residual(photo, rounds) for photo in photos]
    first = (
        f"Integrated gradients, one picture of {SIDE} × {SIDE}, float32, one thread, CPU seconds, {AT_ONCE} rows in a "
        f"pass, median of {rounds} rounds in which every side ran once."
    )
    second = (
        f"EfficientNet-Lite0 on photographs, until the values miss the difference of the scores by at most "
        f"{RESIDUAL:.0%}. Captum's points are the fewest of 16, 32, 64, ... that do; who does not know them "
        "beforehand pays for all that were tried."
    )
    return "\n".join(
        [
            first,
            "",
            "| network | points | pellucid | Captum | Captum / pellucid (lowest–highest) | largest difference |",
            "|---|---|---|---|---|---|",
            *equal,
            "",
            second,
            "",
            "| photograph | pellucid | Captum | Captum, all tries | Captum / pellucid | all tries / pellucid |",
            "|---|---|---|---|---|---|",
            *(row for row, _, _ in found),
            f"| median | | | | {median(one for _, one, _ in found):.2f} | {median(one for _, _, one in found):.2f} |",
        ]
    )


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.integrated_gradients", description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--photos", type=int, default=8)
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    photos = sorted(path.name for path in PHOTOS.glob("*.jpg"))[: given.photos]
    text = table(("resnet18", "resnet50"), photos, given.rounds)
    print(text)
    if given.write:
        page.put("integrated_gradients", text)


if __name__ == "__main__":
    main()
