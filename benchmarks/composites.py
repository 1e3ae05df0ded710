"""`python -m benchmarks.composites --stamps DIR`: two objects in one picture, and whose half a method points at.

Two cut-outs on a white canvas, one per half. EfficientNet-Lite0 must give their two classes the first and the second
place. Then a map for either class should lie in that class's half. The cut-outs are stamps of Tux Paint (GPL-2, Debian
package tuxpaint-stamps-default); they are read from where they were unpacked and are no part of this repository:

    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb DIR

`--held-out` asks the same on other stamps, on which no method and no setting was chosen.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import pellucid as pl
from benchmarks import page
from benchmarks.stamps import HELD_OUT, STAMPS
from pellucid import registry
from pellucid.cli.asked import view_of
from pellucid.results import Attribution
from pellucid.results.failure import Failure

SIDE, MIDDLE = 224, 112
BOXES = ((4, 40, 106, 144), (114, 40, 220, 144))  # left top right bottom
AIM, LEAST_STAMPS = 0.85, 12
AIMED = ("grad_cam", "layer_cam", "hires_cam")
ELSEWHERE = ("layer_cam:layer=last spatial",)  # behind the head's convolution and its ReLU
HEAD = (
    "| method | pairs | asked half, median | first answer | second answer | asked half is the larger | aim | CPU s |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Pair:
    """A composite whose two classes came first and second.

    Args:
        picture: `(channel, height, width)` as the network takes it.
        classes: of the left and of the right object.
    """

    picture: Tensor
    classes: tuple[int, int]


def main() -> None:
    """Measure, print, and with `--write` put the table into the README."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.composites", description=__doc__)
    asked.add_argument("--stamps", type=Path, required=True, help="where tuxpaint-stamps-default was unpacked")
    asked.add_argument("--methods", nargs="*", help="METHOD[:NAME=VALUE,…][@PAIRS]; every map if left out")
    asked.add_argument("--pairs", type=int, help="at most so many pairs, spread over all; all of them if left out")
    asked.add_argument(
        "--held-out", action="store_true", help="the stamps that nothing was chosen on, into their own table"
    )
    asked.add_argument("--batch", type=int, default=8, help="pairs in one look")
    asked.add_argument("--write", action="store_true", help="put these rows into the table of benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    lens = pl.open("demo")
    table, stamps = ("composites_held_out", HELD_OUT) if given.held_out else ("composites", STAMPS)
    cutouts = {label: cutout(given.stamps, name) for name, label in stamps.items()}
    alone = torch.stack([ready(composed(one, None)) for one in cutouts.values()])
    known = [
        label for label, best in zip(cutouts, ranked(lens, alone, 1), strict=True) if lens.labels[best[0]] == label
    ]
    if len(known) < LEAST_STAMPS:
        raise SystemExit(f"only {len(known)} stamps are recognised alone; {LEAST_STAMPS} are needed")
    possible = list(combinations(known, 2))
    found = list(pairs(lens, cutouts, possible))
    used = spread(found, given.pairs or len(found))
    usual = [*AIMED, *ELSEWHERE] if given.held_out else [*maps(), *ELSEWHERE]
    rows = list(measured(lens, used, given.methods or usual, given.batch))
    first = (
        f"EfficientNet-Lite0; {len(known)} stamps that it recognises alone, {len(possible)} pairs of them, of which "
        f"{len(found)} have their two classes in the first two places; measured on these or as many of them as stand "
        "in the table, each for either class."
    )
    print("\n".join([first, "", *HEAD, *rows]))
    if given.write:
        page.put(table, "\n".join([first, "", *HEAD, *merged(page.standing(table), rows)]))


def merged(table: str, rows: Sequence[str]) -> list[str]:
    """The rows of a table with these in the place of those of the same name; new ones behind them."""
    named = {line.split("|")[1]: line for line in table.splitlines() if line.startswith("| `")}
    return list((named | {line.split("|")[1]: line for line in rows}).values())


def maps() -> list[str]:
    """Methods of the two families whose result is a map on the picture."""
    return [
        name
        for name in registry.names()
        if registry.find(name).family in ("activation", "decision")
        and "Attribution" in str(registry.find(name).function.__annotations__.get("return"))
        and "data" not in registry.find(name).given
    ]


def cutout(stamps: Path, name: str) -> Image.Image:
    """A stamp without its empty margin."""
    found = next(stamps.rglob(f"{name}.png"), None)
    if found is None:
        raise SystemExit(f"no {name}.png below {stamps}")
    with Image.open(found) as file:
        whole = file.convert("RGBA")
    return whole.crop(whole.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox())


def composed(left: Image.Image, right: Image.Image | None) -> Image.Image:
    """One object in each half; a single one in the middle."""
    canvas = Image.new("RGB", (SIDE, SIDE), "white")
    boxes = BOXES if right is not None else ((59, 60, 165, 164),)
    for one, (start, top, stop, bottom) in zip((left, right), boxes, strict=False):
        wide, high = stop - start, bottom - top
        scale = min(wide / one.width, high / one.height)
        size = (max(1, round(one.width * scale)), max(1, round(one.height * scale)))
        small = one.resize(size, Image.Resampling.LANCZOS)
        canvas.paste(small, (start + (wide - size[0]) // 2, top + (high - size[1]) // 2), small)
    return canvas


def ready(picture: Image.Image) -> Tensor:
    """As the network takes it; not cropped, so the halves stay where they are."""
    return torch.from_numpy((np.asarray(picture, dtype=np.float32) - 127) / 128).permute(2, 0, 1)


def ranked(lens: pl.Lens, x: Tensor, count: int) -> list[list[int]]:
    """The best classes of each picture, best first."""
    with torch.inference_mode():
        scores = torch.cat([lens.model(some) for some in x.split(16)])
    return scores.topk(count, 1).indices.tolist()


def pairs(lens: pl.Lens, cutouts: dict[str, Image.Image], possible: Sequence[tuple[str, str]]) -> Iterator[Pair]:
    """Composites whose classes came first and second, of either order."""
    x = torch.stack([ready(composed(cutouts[left], cutouts[right])) for left, right in possible])
    places = {label: i for i, label in enumerate(lens.labels)}
    for picture, (left, right), best in zip(x, possible, ranked(lens, x, 2), strict=True):
        if {lens.labels[i] for i in best} == {left, right}:
            yield Pair(picture, (places[left], places[right]))


def shares(heat: np.ndarray) -> np.ndarray:
    """The share of the positive part of each map that lies in the left and in the right half, `(batch, 2)`."""
    columns = np.maximum(heat.astype(np.float64), 0).sum(1)
    halves = np.stack([columns[:, :MIDDLE].sum(1), columns[:, MIDDLE:].sum(1)], 1)
    return halves / np.maximum(halves.sum(1, keepdims=True), 1e-300)


def measured(lens: pl.Lens, used: Sequence[Pair], methods: Sequence[str], batch: int) -> Iterator[str]:
    """A row of the table for each method."""
    for asked_for in methods:
        name, _, most = asked_for.partition("@")
        view, began = view_of(name), process_time()
        here = spread(used, int(most)) if most else used
        asked: list[float] = []
        first: list[bool] = []
        try:
            for start in range(0, len(here), batch):
                some = here[start : start + batch]
                x = torch.stack([pair.picture for pair in some])
                best = [row[0] for row in ranked(lens, x, 1)]
                targets = [[pair.classes[half] for pair in some] for half in (0, 1)]
                given = lens.see(x, view, target=pl.targets(*targets))[0]
                both = given if isinstance(given, tuple) else (given, given)
                for half, (target, result) in enumerate(zip(targets, both, strict=True)):
                    asked += shares(heat_of(result, name))[:, half].tolist()
                    first += [one == other for one, other in zip(target, best, strict=True)]
        except NotDrawn as reason:
            yield f"| `{name}` | – | – | – | – | {reason} | | |"
            continue
        yield row(name, np.array(asked), np.array(first), process_time() - began)


def spread(some: Sequence[Pair], most: int) -> Sequence[Pair]:
    """At most so many, spread over all."""
    return [some[i] for i in np.linspace(0, len(some) - 1, min(most, len(some)), dtype=int)]


class NotDrawn(Exception):
    """The method gave no map on the picture."""


def heat_of(result: object, name: str) -> np.ndarray:
    """`(batch, height, width)` of a map on the picture."""
    if isinstance(result, Failure):
        raise NotDrawn(str(result.reason).splitlines()[0])
    if not isinstance(result, Attribution) or result.heat.shape[1:] != (SIDE, SIDE):
        raise NotDrawn(f"{name} gave no map on the picture")
    return result.heat


def row(name: str, asked: np.ndarray, first: np.ndarray, seconds: float) -> str:
    """One row: medians over both targets, over the better and over the second answer."""
    middle = float(np.median(asked))
    aim = (f"≥ {AIM}: {'yes' if middle >= AIM else 'no'}") if name.partition(":")[0] in AIMED else ""
    return (
        f"| `{name}` | {len(asked) // 2} | {middle:.2f} | {np.median(asked[first]):.2f} "
        f"| {np.median(asked[~first]):.2f} | {np.mean(asked > 0.5):.0%} | {aim} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
