"""`python -m benchmarks.sweep [--quick] [--rounds N] [--samples N] [--write]`: a sweep beside the bare forwards.

Every convolution of resnet50 at once: for each of its channels the samples in which it is largest, and where. Both
sides take the same batches of tensors, so that reading and decoding weigh on neither.
"""

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

import pellucid as pl
from benchmarks import page
from benchmarks.clock import Times, interleaved
from pellucid.engine.looker import Looker
from pellucid.engine.sweeps.gather import Batch
from pellucid.engine.sweeps.reducers import Extremes, Moments, Reducer, Top
from pellucid.engine.sweeps.request import Sweep, Swept
from pellucid.engine.sweeps.run import Course, answers_to
from pellucid.inputs.inputs import Inputs

PHOTOGRAPHS = Path(pl.__file__).parent / "zoo" / "photos"
LAYERS, K = "every conv", 9
BARE, TOP, MOMENTS, EXTREMES = "bare forwards", "largest of every channel", "and moments", "and extremes"
AIMS = {TOP: 1.15, MOMENTS: 1.3}
KEPT: dict[str, tuple[Reducer, ...]] = {
    TOP: (Top(LAYERS, K),),
    MOMENTS: (Top(LAYERS, K), Moments(LAYERS)),
    EXTREMES: (Top(LAYERS, K), Moments(LAYERS), Extremes(LAYERS)),
}


@dataclass(frozen=True, eq=False)
class Crops:
    """Tensors in memory as a data set."""

    rows: Tensor
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, ordinal: int) -> str:
        return f"crop {ordinal}"

    def label(self, ordinal: int) -> int | None:  # noqa: ARG002
        return None

    def batches(self, span: range, size: int) -> Iterator[Batch]:
        for start in range(span.start, span.stop, size):
            every = tuple(range(start, min(start + size, span.stop)))
            yield Batch(Inputs((self.rows[every[0] : every[-1] + 1],)), every, (-1,) * len(every))

    def inputs(self, ordinals: list[int]) -> Inputs:
        return Inputs((self.rows[ordinals],))


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="a smaller network and fewer samples, under a minute")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--samples", type=int, default=256)
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    name, make, side, count, size = (
        ("resnet18", resnet18, 112, 64, 16) if given.quick else ("resnet50", resnet50, 224, given.samples, 32)
    )
    model = make(weights=None).eval()
    crops = Crops(crops_of_photographs(count, side))
    sides: dict[str, Callable[[], Any]] = {BARE: lambda: bare(model, crops, size)}
    for said, kept in KEPT.items():
        sides[said] = lambda kept=kept: swept(model, crops, size, kept)
    found = swept(model, crops, size, KEPT[TOP])
    channels = sum(len(one.state["keys"]) for one in found.at(KEPT[TOP][0]))
    times = interleaved(sides, given.rounds, warm=0)
    said = (
        f"{name} of torchvision, random weights, {count} crops of the photographs of the demo at {side} × {side} in "
        f"batches of {size}; {channels:,} channels of its convolutions, k = {K}. float32, one thread, CPU seconds, "
        f"median of {given.rounds} rounds in which every side ran once. Python {platform.python_version()}, "
        f"torch {version('torch')}."
    )
    text = "\n".join([said, "", *table(times)])
    print(text)
    if given.write:
        page.put("sweep", text)


def crops_of_photographs(count: int, side: int) -> Tensor:
    """Crops `(count, 3, side, side)` of photographs, normalised as the network expects."""
    numbers = torch.Generator().manual_seed(0)
    opened = [Image.open(path).convert("RGB") for path in sorted(PHOTOGRAPHS.glob("*.jpg"))]
    pictures = [torch.from_numpy(np.array(one)).permute(2, 0, 1).float() / 255 for one in opened]
    made: list[Tensor] = []
    for i in range(count):
        picture = pictures[i % len(pictures)]
        top, left = (int(torch.randint(max(1, edge - side + 1), (), generator=numbers)) for edge in picture.shape[1:])
        made.append(picture[:, top : top + side, left : left + side])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (torch.stack(made) - mean[:, None, None]) / std[:, None, None]


def bare(model: nn.Module, crops: Crops, size: int) -> None:
    """The forwards alone."""
    with torch.no_grad():
        for start in range(0, len(crops), size):
            model(crops.rows[start : start + size])


def swept(model: nn.Module, crops: Crops, size: int, kept: tuple[Reducer, ...]) -> Swept:
    """One sweep, in memory."""
    with Looker(model).looking(0) as session:
        (found,) = answers_to(session, [Sweep(kept)], Course(crops, {}, size, 4 * size), lambda _: None)
    if not isinstance(found, Swept):
        raise found
    return found


def table(times: Times) -> list[str]:
    """A row for each side."""
    rows = ["| side | CPU seconds | of the bare forwards (lowest–highest) | aim | reached |", "|---|---|---|---|---|"]
    for one in times.seconds:
        middle, low, high = times.ratio(one, BARE)
        aim = AIMS.get(one)
        judged = "– | –" if aim is None else f"≤ {aim} | {'yes' if middle <= aim else 'no'}"
        rows.append(f"| {one} | {times.median(one):.1f} | {middle:.2f} ({low:.2f}–{high:.2f}) | {judged} |")
    return rows


if __name__ == "__main__":
    main()
