"""Where a way from a baseline to the input is laid: at the explained inputs together, or at one place inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable, quoted
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.edits import edit
from pellucid.engine.passes import INPUT, Layer, Looking, Pass, Seen, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.baseline import baseline_like

Points = dict[str, Tensor]
MOST_ROWS, MOST_ELEMENTS = 16, 1 << 22


@dataclass(frozen=True, eq=False)
class Cut:
    """A place, or all inputs, whose value is replaced along the way; everything else stays as it is at the input.

    Args:
        x: the input.
        spots: what was seen there; several only for the inputs.
        site: the place; None for the inputs.
    """

    x: Inputs
    spots: tuple[Spot, ...]
    site: Site | None = None

    @property
    def ends(self) -> Points:
        """What flows here at the input itself, by name of the input (`""` inside)."""
        return {spot.input: spot.value for spot in self.spots}

    def copied(self, times: int) -> "Cut":
        """The same place for `times` copies of the batch."""
        tiled = (replace(one, value=one.value.repeat(times, *[1] * (one.value.ndim - 1))) for one in self.spots)
        return Cut(self.x.repeated(times), tuple(tiled), self.site)

    def passing(self, points: Mapping[str, Tensor], copies: int, target: Target, **wanted: Any) -> Pass:
        """A pass with `points` here: `copies` times the batch, one after another."""
        many = self.x.repeated(copies) if copies > 1 else self.x
        if self.site is None:
            return Pass(many.replaced(points), target=target, **wanted)
        value = points[""]

        def flowing(now: Tensor) -> Tensor:
            """A fresh leaf: the gradient here must not depend on whether one reaches the input."""
            made = value.detach().to(now)
            return made.requires_grad_().clone() if torch.is_grad_enabled() else made.clone()

        return Pass(many, target=target, edits=(edit(self.site, flowing),), **wanted)

    def gradients(self, points: Mapping[str, Tensor], copies: int, target: Target, **more: Any) -> Looking[Points]:
        """The gradient here at `points`, of their shape."""
        where = self.site or INPUT
        seen = yield from self.passing(points, copies, target, grads=[where], **more)
        return {spot.input: spot.gradient for spot in seen.at(where)}


def cuts_of(x: Inputs, spots: Sequence[Spot]) -> list[Cut]:
    """The inputs are one cut, every place inside is one.

    Raises:
        NotApplicable: a place whose first axis does not count the examples, or that holds no floating numbers.
    """
    entering = tuple(spot for spot in spots if spot.input)
    inner = [spot for spot in spots if not spot.input]
    for spot in inner:
        if spot.value.ndim < 2 or spot.value.shape[0] != x.size or not spot.value.is_floating_point():
            raise NotApplicable(
                Text(
                    f"'{spot.address}' with shape {tuple(spot.value.shape)} has no axis for the {x.size} examples in front",
                    f"'{spot.address}' 的形状为 {tuple(spot.value.shape)}，最前面没有对应 {x.size} 个样本的轴",
                ),
                hint=Text("name a layer whose first axis is the batch", "请指定第一个轴为批的层"),
            )
    return [*([Cut(x, entering)] if entering else []), *(Cut(x, (spot,), _site(spot)) for spot in inner)]


def _site(spot: Spot) -> Site:
    place, (_, _, name) = spot.place, spot.address.partition("@")
    return Site(place.path, place.call, place.op, place.n if place.op else None, place.side, name)


def entrance(layer: Layer) -> Layer:
    """The layer as asked; the word "input" is the model's input also where a part of the model bears that name."""
    return INPUT if layer == "input" else layer


def starts_of(ends: Points, baselines: Any, *, tokens: bool) -> Points:
    """A baseline for each explained input."""
    each = baselines if isinstance(baselines, tuple) else (baselines,) * len(ends)
    if len(each) != len(ends):
        raise BadSetting(
            Text(
                f"{len(each)} baselines for {len(ends)} explained inputs",
                f"被解释的输入有 {len(ends)} 个，基线却有 {len(each)} 个",
            ),
            nearest=quoted(ends),
        )
    return {name: baseline_like(ends[name], one, tokens=tokens) for name, one in zip(ends, each, strict=True)}


def below(cuts: Sequence[Cut], layer: Layer, base: Inputs, points: Points) -> Looking[list[Points]]:
    """What flows at each cut when the model is shown `base`, whose explained inputs are `points`.

    Raises:
        NotApplicable: the model goes another way there.
    """
    if all(cut.site is None for cut in cuts):
        return [points]
    seen: Seen = yield from Pass(base, keep=[layer])
    there = cuts_of(base, seen.at(layer))
    if [cut.site for cut in there] != [cut.site for cut in cuts]:
        raise NotApplicable(
            Text(
                "at the baseline the model goes another way, so its layer has no value to start from",
                "在基线处模型走了别的路径，因此该层没有起始值",
            )
        )
    return [points if cut.site is None else cut.ends for cut in there]


def copies_of(x: Inputs, batch_size: int | None) -> int:
    """How many copies of the batch share a pass: at most `batch_size` rows; None: up to 16 rows while they are small."""
    if batch_size is None:
        each = max(1, max(x.tensors[name].numel() for name in x.explained) // x.size)
        batch_size = max(1, min(MOST_ROWS, MOST_ELEMENTS // each))
    return max(1, batch_size // x.size)
