"""What every level of a network carries of a target, and where."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Seen, Spot
from pellucid.inputs.inputs import Inputs
from pellucid.ops.evidence import by_example, enlarged
from pellucid.ops.spatial import channels_first
from pellucid.results import Gallery


def ledger_of(x: Inputs, seen: Seen, chosen: Sequence[Spot]) -> Tensor:
    """`(level, column, example)`, the input being level 0; columns are evidence, constants added later, rest."""
    at = {event.place: i for i, event in enumerate(seen.trace.events)}
    held = [(at.get(one.place, -1), by_example(one.value * one.gradient, x.size)) for one in seen.constants]
    scores, rows = seen.scores.cpu().double(), []
    for place, spots in [(-2, seen.at(INPUT)), *((at[spot.place], [spot]) for spot in chosen)]:
        evidence = torch.stack([by_example(spot.value * spot.gradient, x.size) for spot in spots]).sum(0)
        later = torch.stack([torch.zeros(x.size).double(), *(one for when, one in held if when > place)]).sum(0)
        rows.append(torch.stack([evidence, later, scores - evidence - later]))
    return torch.stack(rows)


def maps_of(x: Inputs, seen: Seen, chosen: Sequence[Spot], ledger: Tensor, drawn: int) -> list[Gallery]:
    """The maps of levels on the grid; each cell's evidence is spread over the input's cells, so that sums stay."""
    maps: list[tuple[str, Tensor, Tensor]] = []
    for i, spot in enumerate([*seen.at(INPUT)[:1], *chosen]):
        share = spot.value * spot.gradient
        base = x.base.get(spot.input)
        if spot.layout is not None or (base is not None and base.kind in ("series", "image")):
            share = share if spot.input else channels_first(share, spot.layout, spot.address)
            share = share.sum(1, keepdim=True)
            maps.append((spot.address, share.float() if share.element_size() < 4 else share, ledger[i, 0]))
    grid = tuple(maps[0][1].shape[2:]) if maps else ()
    maps = [one for one in maps if one[1].ndim == len(grid) + 2]
    if len(maps) < 2 or not 1 <= len(grid) <= 2:
        return []
    spread = [
        (name, enlarged(share, grid)[:, 0] * share[0, 0].numel() / math.prod(grid), sums) for name, share, sums in maps
    ]
    canvas = x.canvas(2)
    images: list[Any] = []
    captions: list[Text] = []
    groups: list[Text] = []
    for example in range(drawn):
        if canvas is not None and canvas.values is not None:
            images.append(canvas.values[example])
            captions.append(Text("the input", "输入"))
        for name, map_, sums in spread:
            one = map_[example].cpu().numpy()
            images.append(one if one.ndim == 2 else one[None])
            captions.append(Text(f"{name}: {float(sums[example]):+.3g}"))
        groups += [Text(f"example {example + 1}", f"样本 {example + 1}")] * (len(images) - len(groups))
    return [
        Gallery(
            values=torch.stack([map_ for _, map_, _ in spread], 1).cpu().numpy(),
            axes=("batch", "level", *(("height", "width") if len(grid) == 2 else ("time",))),
            images=tuple(images),
            captions=tuple(captions),
            groups=tuple(groups) if drawn > 1 else (),
            scope="image",
            signed=True,
            unit=seen.targets[0].unit,
            targets=seen.targets,
            facts={"levels": tuple(name for name, _, _ in spread)},
        )
    ]
