"""Which boxes of the input are laid beside which units of a layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from pellucid.core.errors import BadInput, NotApplicable
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Spot
from pellucid.engine.receptive.fields import Field
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.crossed import Window
from pellucid.engine.sweeps.gather import Source
from pellucid.inputs.inputs import Inputs

_TRIED = 8  # samples that cannot be read, before the data set is taken to be unreadable
_AT_ONCE = 2**20  # values of one sample's boxes


@dataclass(frozen=True, eq=False)
class Place:
    """One place of a layer, and how it is looked at.

    Args:
        shape: of one sample of the input, without the batch.
        channels, positions: of the layer.
        sees: whether a unit's field is a "part" of the input, the "local" paths of a unit that reads all of it, the
            "whole" of it, or not known ("").
        pairs: of a box and a unit in one sample, at most.
        single: why only one position is looked at: "field" (no other has its field inside the input), "size" (the field
            is so large), "" (it is not so, or the layer has one position).
        picture: what the input is drawn as: its kind of base.
        units: the channels that are looked at; `asked`, if by their numbers.
        whitened: whether the covariance of the box is kept.
        groups: of samples.
        zero_outside: whether the true map is zero where a unit sees nothing: of weights, and of white noise.
    """

    spot: Spot
    shape: tuple[int, ...]
    channels: int
    positions: int
    window: Window
    sees: Literal["part", "local", "whole", ""]
    pairs: int
    single: Literal["field", "size", ""]
    picture: str
    units: tuple[int, ...] = ()
    asked: bool = False
    whitened: bool = False
    groups: int = 1
    zero_outside: bool = False

    @property
    def site(self) -> Site:
        """This very place, to ask for it again."""
        place = self.spot.place
        return Site(place.path, place.call, place.op, place.n, place.side)

    @property
    def box(self) -> tuple[int, ...]:
        """Sides of what a unit sees, all axes of the input that are not cut in front."""
        others = [side for axis, side in enumerate(self.shape, 1) if axis not in self.window.axes]
        return (*others, *self.window.size)

    @property
    def pixels(self) -> int:
        """Values in the box."""
        return prod(self.box)


def places_of(data: Source, layer: Layer, positions: int) -> Looking[list[Place]]:
    """Every place of a layer, told by the first sample that can be read.

    Raises:
        NotApplicable: the input is words, or there are several.
        BadInput: no sample can be read.
    """
    x = _readable(data)
    if x.is_discrete:
        raise NotApplicable(
            Text(
                "the input is words or other whole numbers, which do not correlate with anything",
                "输入是词语或其他整数，与任何量都谈不上相关",
            ),
            hint=Text("top_regions shows the words that excite a channel", "top_regions 显示激发某个通道的词语"),
        )
    if len(x.explained) > 1:
        raise NotApplicable(
            Text(
                f"the model takes {len(x.explained)} inputs ({', '.join(x.explained)}), and a unit correlates with one",
                f"模型有 {len(x.explained)} 个输入（{'、'.join(x.explained)}），而一个单元只与一个输入求相关",
            ),
            hint=Text("wrap the model so that one of them is fixed", "请包装模型，将其中之一固定"),
        )
    seen = yield from Pass(x, keep=[layer], fields=True)
    return [_place(x, spot, positions) for spot in seen.at(layer)]


def _readable(data: Source) -> Inputs:
    for ordinal in range(min(len(data), _TRIED)):
        try:
            return data.inputs([ordinal])
        except BadInput as error:
            if ordinal + 1 == min(len(data), _TRIED):
                raise BadInput(
                    Text(
                        f"none of the first {ordinal + 1} samples can be read; the last one: {error.what}",
                        f"前 {ordinal + 1} 个样本都无法读取；最后一个：{error.words.say('zh')}",
                    ),
                    hint=Text("check the data set", "请检查数据集"),
                ) from error
    raise BadInput(Text("the data set is empty", "数据集是空的"))


def _place(x: Inputs, spot: Spot, positions: int) -> Place:
    value = x.tensors[x.explained[0]]
    found = cells(spot.value, spot.layout, spot.address, 1)
    shape, (channels, count) = tuple(value.shape[1:]), found.shape[1:]
    field = spot.local_field or spot.field
    base = x.base.get(x.explained[0])
    place = Place(spot, shape, channels, count, _everything(spot, count), "", 1, "", "" if base is None else base.kind)
    if field is None or spot.fields is None:
        return place
    if field.whole:
        return replace(place, sees="whole")
    laid = _laid(field, spot, spot.fields.axes)
    if laid is None:
        return place
    place = replace(place, window=laid, sees="local" if field.local else "part")
    pairs = min(positions, _AT_ONCE // place.pixels, laid.boxes)
    if pairs > 1 or positions == 1:
        return replace(place, pairs=max(1, pairs))
    why = "size" if laid.boxes > 1 else "field" if count - _prefix(spot) > 1 else ""
    return replace(place, window=_middle(laid), single=why)


def _prefix(spot: Spot) -> int:
    return 0 if spot.layout is None else spot.layout.prefix


def _everything(spot: Spot, positions: int) -> Window:
    """All of the input beside the unit in the middle."""
    prefix, grid = _prefix(spot), () if spot.layout is None else spot.layout.grid
    at = prefix + _flat([side // 2 for side in grid], grid) if grid else positions // 2
    return Window((), (), (), (), (), at, ())


def _laid(field: Field, spot: Spot, axes: tuple[int, ...]) -> Window | None:
    """Every box that lies inside the input; along axes where none does, or boxes do not step alike, the middle one."""
    position = [side // 2 for side in field.grid]
    steps = list(field.steps)
    inside: list[range] = []
    for i, (step, extent) in enumerate(zip(steps, field.extent, strict=True)):
        found = range(0)
        if step is not None and step.jump > 0 and step.size <= extent:
            first = max(0, -(step.offset // step.jump))
            last = min(field.grid[step.axis] - 1, (extent - step.size - step.offset) // step.jump)
            found = range(first, last + 1)
            if found:
                position[step.axis] = found[len(found) // 2]
        steps[i] = step if found else None
        inside.append(found)
    box = field.box(position)
    if box is None:
        return None
    strides = [prod(field.grid[i + 1 :]) for i in range(len(field.grid))]
    window = Window(
        axes,
        tuple(
            start if s is None else s.offset + s.jump * r[0]
            for (start, _), s, r in zip(box, steps, inside, strict=True)
        ),
        tuple(1 if step is None else step.jump for step in steps),
        tuple(1 if step is None else len(found) for step, found in zip(steps, inside, strict=True)),
        tuple(stop - start if step is None else step.size for (start, stop), step in zip(box, steps, strict=True)),
        0,
        tuple(0 if step is None else strides[step.axis] for step in steps),
    )
    for step, found in zip(steps, inside, strict=True):
        if step is not None:
            position[step.axis] = found[0]
    return replace(window, cell=_prefix(spot) + _flat(position, field.grid))


def _middle(window: Window) -> Window:
    """The box in the middle alone."""
    at = [count // 2 for count in window.count]
    moved = zip(window.first, window.jump, at, strict=True)
    cell = window.cell + sum(i * stride for i, stride in zip(at, window.strides, strict=True))
    return replace(window, first=tuple(one + jump * i for one, jump, i in moved), count=tuple(1 for _ in at), cell=cell)


def _flat(position: Sequence[int], grid: Sequence[int]) -> int:
    flat = 0
    for i, side in zip(position, grid, strict=True):
        flat = flat * side + i
    return flat
