"""What real data show of the units that inputs are made for: their best samples, and the regions that excite them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Look, Looking, Pass, Spot, together
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered, Sweep, Swept
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.objective import Objective, Wish, called, wish_of
from pellucid.methods.feature._maximized.real import Answers, Best, Directions, most_frequent
from pellucid.methods.feature._regions import Region, picture_of
from pellucid.methods.feature._regions_drawn import tiles
from pellucid.ops.ranking import ordinal_of, value_of
from pellucid.registry import factory
from pellucid.results import Gallery, Table

_OUTPUT = "output"
Tile = tuple[np.ndarray, Text]


@dataclass(frozen=True, eq=False)
class Beside:
    """What a data set shows of some units.

    Args:
        channels: which units.
        best: the largest objective of a sample, `(unit,)`; None where the sweep cannot gather it.
        read: samples.
        headings: of each unit; "" where its own name will do.
        tiles: of each unit the regions or samples, none where the data are no pictures.
        notes: what the reader must know.
        facts: what every result of a sweep states.
    """

    channels: tuple[int, ...]
    best: Tensor | None
    read: int
    headings: tuple[Text, ...]
    tiles: tuple[tuple[Tile, ...], ...]
    notes: tuple[Text, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def saying(self, compared: Sequence[Text], names: Sequence[Text]) -> "Beside":
        """With what its inputs are compared with in the heading of each unit."""
        named = [heading if heading.en else name for heading, name in zip(self.headings, names, strict=False)]
        pairs = zip(named, compared, strict=True)
        return replace(
            self, headings=tuple(Text(f"{a.en} · {b.en}", f"{a.say('zh')} · {b.say('zh')}") for a, b in pairs)
        )


def units_of(
    data: Source,
    layer: Layer,
    spots: Sequence[Spot],
    objective: Objective | Gallery,
    channels: int | tuple[int, ...],
    k: int,
) -> Looking[list[Beside]]:
    """One for each place, all of one sweep; channels have the regions that `top_regions` finds."""
    wishes = [wish_of(spot, objective, (0,), 0.0) for spot in spots]
    if callable(wishes[0].objective):
        return [Beside((), None, 0, (Text(""),), ((),), (_FUNCTION,))] * len(spots)
    wanted = [_best(spot, wish, k) for spot, wish in zip(spots, wishes, strict=True)]
    if not isinstance(objective, str) or objective == "norm":
        swept: Swept = yield from Sweep((*wanted,))
        return [
            _of_samples(data, swept, swept.at(one)[0], range(wish.units), called(wish), k)
            for one, wish in zip(wanted, wishes, strict=True)
        ]
    known = not k and isinstance(channels, tuple)
    regions: Look = factory("top_regions")(layer=layer, channels=channels, k=max(1, k)).look()
    swept, *shown = yield from together(Sweep((*wanted,)), *(() if known else (_attempt(regions),)))
    shown = shown[0] if shown else ()
    if isinstance(shown, NotApplicable) and isinstance(channels, int):
        raise shown
    results = () if isinstance(shown, NotApplicable) else shown if isinstance(shown, tuple) else (shown,)
    return [
        _of_regions(swept, swept.at(one)[0], [each for each in results if each.layer == spot.address], channels, k)
        for one, spot in zip(wanted, spots, strict=True)
    ]


def classes_of(
    example: Inputs, data: Source, channels: int | tuple[int, ...], k: int
) -> Looking[tuple[Sequence[TargetInfo], Beside]]:
    """The classes that most samples have, or the ones that are asked for, with the samples that they are largest on.

    Raises:
        NotApplicable: the network gives no one number for each class.
    """
    seen = yield from Pass(example, keep=[_OUTPUT])
    (spot,) = seen.at(_OUTPUT)
    output = seen.output
    if output is None or output.ndim != 2 or not isinstance(spot.value, Tensor) or not _same(spot.value, output):
        raise NotApplicable(
            Text(
                "over data, classes are read off an output (sample, class)",
                "在数据上，类别须由形状为（样本，类别）的输出读出",
            ),
            hint=Text("give layer=", "请给出 layer="),
        )
    labels = data.outputs or data.classes
    best, counted = Best(_OUTPUT, k=max(1, k)), Answers(_OUTPUT, len(data.classes) in (0, output.shape[1]))
    swept: Swept = yield from Sweep([best, counted])
    (count,) = (one.state["count"] for one in swept.at(counted))
    classes = channels if isinstance(channels, tuple) else most_frequent(count, channels)
    aim = Target([*classes], labels if len(labels) == output.shape[1] else ())
    known = yield from Pass(example.rows(0, 1).repeated(len(classes)), target=aim)
    names = [one.words for one in known.targets]
    beside = _of_samples(data, swept, swept.at(best)[0], classes, names, k)
    few = isinstance(channels, int) and len(classes) < min(channels, output.shape[1])
    return known.targets, replace(beside, notes=(*beside.notes, _few(len(classes)))) if few else beside


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _attempt(look: Look) -> Looking[Any]:
    """What a look gives, or why it gives nothing."""
    try:
        return (yield from look)
    except NotApplicable as error:
        return error


def _best(spot: Spot, wish: Wish, k: int) -> Best:
    """The reducer whose objective is that of the wish."""
    if isinstance(wish.objective, Tensor):
        return Best(spot.address, "direction", max(1, k), directions=Directions(wish.objective))
    if wish.objective == "norm":
        return Best(spot.address, "norm", max(1, k))
    if wish.objective == "neuron":
        sides = spot.value.movedim(wish.axis, 1).shape[2:]
        middle = np.ravel_multi_index([side // 2 for side in sides], sides) if sides else 0
        at = int(middle) if wish.middle is None else wish.middle
        return Best(spot.address, "neuron", position=(at, int(np.prod(sides))))
    return Best(spot.address)


def _of_regions(
    swept: Swept, one: Gathered, results: Sequence[Gallery | Table], channels: int | tuple[int, ...], k: int
) -> Beside:
    """Channels with the regions that were drawn of them."""
    rows = [row for result in results if isinstance(result, Table) for row in result.rows]
    there = tuple(dict.fromkeys(int(row["channel"]) for row in rows))
    chosen = channels if isinstance(channels, tuple) else there
    drawn = next((result for result in results if isinstance(result, Gallery)), None)
    blocks: list[list[int]] = []
    if drawn is not None and k:
        blocks = [list(each) for _, each in groupby(range(len(drawn.images)), lambda i: drawn.groups[i])]
    by_channel = dict(zip(there, blocks, strict=False))
    best = value_of(one.state["keys"])[list(chosen), 0]
    headings, shown = list[Text](), list[tuple[Tile, ...]]()
    for channel in chosen:
        mine = by_channel.get(channel, [])
        headings.append(_text(drawn.groups[mine[0]]) if drawn is not None and mine else Text(""))
        shown.append(() if drawn is None else tuple((drawn.images[i], _text(drawn.captions[i])) for i in mine))
    notes = swept.notes if drawn is None or not k else (_VALUES, *drawn.notes)
    return Beside(chosen, best, swept.read, tuple(headings), tuple(shown), notes, swept.facts)


def _of_samples(
    data: Source, swept: Swept, one: Gathered, units: Sequence[int], names: Sequence[Text], k: int
) -> Beside:
    """Units with the whole samples on which their objective is largest."""
    values, ordinals = value_of(one.state["keys"]), ordinal_of(one.state["keys"])
    pictures: dict[int, np.ndarray | None] = {}
    shown: list[tuple[Tile, ...]] = []
    for unit in units:
        regions: list[Region] = []
        for rank in range(k):
            ordinal = int(ordinals[unit, rank])
            if ordinal < 0:
                break
            if ordinal not in pictures:
                pictures[ordinal] = picture_of(data.inputs([ordinal]))
            value, picture = float(values[unit, rank]), pictures[ordinal]
            regions.append(Region(unit, ordinal, value, (), why="whole", picture=picture, lit=True))
        drawn = tiles(data, regions, Text(""))
        shown.append(tuple(zip(drawn.images, drawn.captions, strict=True)))
    best, notes = values[list(units), 0], (_SAMPLES, *swept.notes) if any(shown) else swept.notes
    return Beside(tuple(units), best, swept.read, tuple(names), tuple(shown), notes, swept.facts)


def _text(words: Text | str) -> Text:
    return words if isinstance(words, Text) else Text(words)


def _few(classes: int) -> Text:
    many, many_zh = ("one class", "一个") if classes == 1 else (f"{classes} classes", f"{classes} 个")
    return Text(
        f"The samples are of {many} only, by their labels or else by the network's answers; no other is raised.",
        f"按标签（无标签时按网络的回答），样本只有{many_zh}类别；不生成其他类别。",
        aside=True,
    )


_SAMPLES = Text("Under a real sample stands its objective.", "真实样本下方是它的目标值。", aside=True)
_VALUES = Text(
    "Under a region stands the largest value of the channel in that sample, not the objective.",
    "区域下方是该通道在该样本中的最大值，而非目标值。",
    aside=True,
)
_FUNCTION = Text(
    "The objective is a function of the layer, which a run through the data does not gather: no real inputs stand beside.",
    "目标是该层的函数，遍历数据时无法汇总：旁边没有真实输入可比。",
)
