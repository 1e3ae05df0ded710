"""Random masks for every kind of input, inputs blended with their baseline by them, and the maps that come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import Looking
from pellucid.inputs.groups import GroupsSetting, grouped
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._coalitions import Game, scored
from pellucid.ops.draws import generator
from pellucid.ops.random_masks import MaskMoments, smooth_masks

BLOCK = 32


class Masking:
    """Masks of one input: smooth cells on pictures, series and volumes; whole tokens, columns or groups elsewhere.

    Args:
        x: the input.
        groups: what is masked as one, None for cells.
        cells: of a mask along each axis.
        probability: that a cell, or a group, is open.
        seed: mask number `i` is the same whatever was drawn before.
    """

    def __init__(self, x: Inputs, groups: GroupsSetting | None, cells: int, probability: float, seed: int) -> None:
        self.cells, self.probability, self.seed = cells, probability, seed
        tensors = x.tensors
        self.grids = {
            name: tuple(tensors[name].shape[2:])
            for name in x.explained
            if groups is None and not x.is_discrete and 3 <= tensors[name].ndim <= 5
        }
        usual = tuple("grid" if name in self.grids else "tokens" if x.is_discrete else "auto" for name in x.explained)
        self.groups = grouped(x, usual if groups is None else groups)
        self.shapes = {
            name: (1, *self.grids[name]) if name in self.grids else tuple(labels.shape[1:])
            for name, labels in self.groups.by_input.items()
        }

    def masks(self, example: int, start: int, stop: int) -> dict[str, Tensor]:
        """Masks number `start` to `stop` by input name, `(mask, *shape)` in 0..1, on the CPU."""
        found: dict[str, Tensor] = {}
        count = self.groups.count[example]
        closed = torch.stack(
            [torch.rand(count, generator=generator(self.seed, i)) >= self.probability for i in range(start, stop)]
        )
        hidden = self.groups.hidden(example, closed)
        for place, name in enumerate(self.shapes):
            if name in self.grids:
                seed = self.seed + 7919 * (place + 1)
                made = smooth_masks(self.grids[name], self.cells, self.probability, seed, start, stop)
                found[name] = made[:, None]
            else:
                found[name] = (~hidden[name]).float().cpu()
        return found


def blended(x: Inputs, masks: Mapping[str, Tensor], fill: Mapping[str, Tensor]) -> Inputs:
    """One example once for each mask: itself where the mask is 1, the fill where it is 0.

    Args:
        x: the example alone; of an integer input with its embedding.
        masks: by input name, `(mask, *shape)`.
        fill: by input name, `(1, ...)`.
    """
    many = x.repeated(len(next(iter(masks.values()))))
    values = many.embedded if x.is_discrete else many.tensors
    return many.replaced(
        {
            name: torch.lerp(fill[name].expand_as(values[name]), values[name], mask.to(values[name]))
            for name, mask in masks.items()
        }
    )


def noise(maps: Sequence[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Mean standard error, and the largest share that it has of a map's range; of maps with their errors."""
    errors = [float(one.mean()) for _, one in maps]
    ranges = [float((values.max() - values.min()).clamp(min=1e-30)) for values, _ in maps]
    return sum(errors) / len(errors), max(error / wide for error, wide in zip(errors, ranges, strict=True))


@dataclass(frozen=True)
class Wish:
    """How many masks at most, which of the two maps, and the error to stop at."""

    masks: int
    debiased: bool
    tolerance: float | None


@dataclass(frozen=True, eq=False)
class Masked:
    """One example: maps by input name, mean standard error, its largest share of a map's range, masks used."""

    maps: dict[str, Tensor]
    error: float
    share: float
    masks: int


def masked(game: Game, masking: Masking, example: int, asked: Wish) -> Looking[Masked]:
    """The maps of one example; whether to stop is decided after every 32 masks, whatever the size of a pass."""
    alone, fill = game.x.rows(example, example + 1), game.fill(example)
    moments = {name: MaskMoments(game.full(example)) for name in masking.shapes}
    done = 0
    while True:
        block = min(done + BLOCK, asked.masks)
        for start in range(done, block, game.rows):
            masks = masking.masks(example, start, min(start + game.rows, block))
            scores = yield from scored(game, blended(alone, masks, fill), example, (start, asked.masks))
            for name, one in moments.items():
                one.add(masks[name], scores)
        done = block
        if done == asked.masks or asked.tolerance is not None:
            both = {name: one.slope() if asked.debiased else one.average() for name, one in moments.items()}
            error, share = noise(list(both.values()))
            if done == asked.masks or share <= (asked.tolerance or 0):
                return Masked({name: values for name, (values, _) in both.items()}, error, share, done)
