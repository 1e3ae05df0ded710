"""Receptive fields put to the proof: nothing outside may change a unit by one bit, every border of its box must."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.engine.looker import Looker
from pellucid.engine.passes import Spot
from tests.engine.asking import looker_of, see


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ready(model: nn.Module, seed: int = 0) -> nn.Module:
    """In float64, with weights that let everything through: no zero, no tiny scale."""
    generator = torch.Generator().manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.uniform_(0.7, 1.3, generator=generator)
                module.bias.uniform_(-0.2, 0.2, generator=generator)
    return model


def spots(model: nn.Module | Looker, x: Any, *layers: str) -> list[Spot]:
    """One spot with its fields for every layer."""
    seen = see(model, x, keep=list(layers), fields=True)
    return [seen.at(layer)[0] for layer in layers]


def corners(grid: tuple[int, ...]) -> set[tuple[int, ...]]:
    """First, middle, last, and some mixed position."""
    ends = [sorted({0, side // 2, side - 1}) for side in grid]
    every = list(product(*ends))
    return {every[0], every[-1], every[len(every) // 2], every[len(every) // 3]}


def prove(model: nn.Module, x: Tensor, *layers: str, at: Iterable[tuple[int, ...]] | None = None) -> None:
    """Units at the corners and in the middle of each layer, against their boxes."""
    looker = looker_of(model)
    for layer, spot in zip(layers, spots(looker, x, *layers), strict=True):
        assert spot.layout is not None and spot.field is not None, layer
        assert not spot.field.unknown
        for position in sorted(at if at is not None else corners(spot.layout.grid)):
            _prove_unit(looker, x, layer, spot, position)


def _prove_unit(looker: Looker, x: Tensor, layer: str, spot: Spot, position: tuple[int, ...]) -> None:
    assert spot.field is not None
    box = spot.field.box(position)
    inside = (slice(None), slice(None), *(slice(*ends) for ends in box or ()))
    outside = normal(*x.shape, seed=1) * 50
    if box is not None:
        outside[inside] = x[inside]
    rows, edges = [x, outside], []
    for axis, ends in enumerate(box or ()):
        for edge in (ends[0], ends[1] - 1):
            for size in (1, 10):
                changed, here = x.clone(), list(inside)
                here[2 + axis] = slice(edge, edge + 1)
                changed[tuple(here)] += size * normal(*changed[tuple(here)].shape, seed=edge)
                rows.append(changed)
                edges.append((axis, edge))
    base, same, *moved = (units(looker, row, layer, spot, position) for row in rows)
    assert torch.equal(base, same), f"{layer} {position}: something outside {box} reaches it"
    reached = {edge for edge, unit in zip(edges, moved, strict=True) if not torch.equal(base, unit)}
    assert reached == set(edges), f"{layer} {position}: {box} is too large at {set(edges) - reached}"


def units(looker: Looker, x: Tensor, layer: str, spot: Spot, position: tuple[int, ...]) -> Tensor:
    """Every channel at a position."""
    value = see(looker, x, keep=[layer]).at(layer)[0].value
    assert spot.layout is not None
    if spot.layout.kind == "channels_first":
        return value[(0, slice(None), *position)]
    if spot.layout.kind == "channels_last":
        return value[(0, *position)]
    grid = spot.layout.grid
    return value[0, spot.layout.prefix :].reshape(*grid, -1)[position]
