"""Regions as a gallery with their mean, and as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered, Swept
from pellucid.methods.feature._regions import Region, mean_and_medoid
from pellucid.ops.ranking import value_of
from pellucid.results import Table, spell

_OUTSIDE, _THIN = 0.5, 0.04  # gray; a frame's share of the longer side
_GOLDEN = 0.618033988749895
COLUMNS = {
    "channel": Text("channel", "通道"),
    "rank": Text("rank", "名次"),
    "sample": Text("sample", "样本"),
    "label": Text("label", "标签"),
    "value": Text("activation", "激活值"),
    "place": Text("place in the layer", "在层中的位置"),
    "region": Text("region of the input", "输入中的区域"),
    "shown": Text("what is there", "内容"),
}


EXCITED = Text(
    "A picture is bright where the channel is at least half as large as at its largest, and the darker the less it is "
    "excited; such pictures are not averaged.",
    "通道达到其最大值一半以上之处为原亮度，激活越弱越暗；这样的图像不作平均。",
    aside=True,
)


@dataclass(frozen=True, eq=False)
class Tiles:
    """Pictures of regions as a gallery takes them.

    Args:
        spreads: by group the standard deviation of the regions, over pixels and colours.
    """

    images: tuple[np.ndarray, ...]
    captions: tuple[Text, ...]
    groups: tuple[Text, ...]
    spreads: dict[str, float]


def tiles(
    data: Source,
    regions: Sequence[Region],
    name: Text,
    beneath: Sequence[np.ndarray | None] = (),
    colours: np.ndarray | None = None,
) -> Tiles:
    """The regions of each channel (or code), before them their mean; the medoid is named.

    Whole pictures that are lit have neither: what excites the channel lies elsewhere in each.

    Args:
        name: what the number of a group is called: channel, code.
        beneath: for each region what the deconvnet makes of it, of the picture's size, if that is drawn too.
        colours: of the frames, by number, `(code, 3)`.
    """
    images, captions, groups = list[np.ndarray](), list[Text](), list[Text]()
    spreads: dict[str, float] = {}
    places = [i for i, region in enumerate(regions) if region.picture is not None]
    for channel, each in groupby(places, lambda i: regions[i].channel):
        numbers = list(each)
        mine = [regions[i] for i in numbers]
        pictures, said, spread = _row(data, mine)
        if spread is not None:
            spreads[str(channel)] = spread
        shown = [np.nan_to_num(picture, nan=_OUTSIDE) for picture in pictures]
        images += shown if colours is None else [framed(one, colours[channel], _THIN) for one in shown]
        captions += said
        groups += [_heading(data, name, channel, mine)] * len(said)
        made = [one for i in numbers if beneath and (one := beneath[i]) is not None]
        if made:
            averaged = mean_and_medoid(made) if len(pictures) > len(made) else None
            made = made if averaged is None else [averaged[0], *made]
            images += [_stretched(one) for one in made]
            captions += [Text("")] * len(made)
            groups += [_projected(name, channel)] * len(made)
    return Tiles(tuple(images), tuple(captions), tuple(groups), spreads)


def _row(data: Source, mine: Sequence[Region]) -> tuple[list[np.ndarray], list[Text], float | None]:
    """Pictures and captions of one channel, and how far its regions differ."""
    pictures = [region.picture for region in mine if region.picture is not None]
    said = [_caption(data, region) for region in mine]
    summed = None if any(region.lit for region in mine) else mean_and_medoid(pictures)
    if summed is None:
        return pictures, said, None
    mean, spread, medoid = summed
    said[medoid] = _caption(data, mine[medoid], medoid=True)
    return [mean, *pictures], [Text("mean", "平均"), *said], float(np.nanmean(spread))


def framed(picture: np.ndarray, colour: np.ndarray, share: float) -> np.ndarray:
    """A picture with a frame of one colour, so wide a share of its longer side."""
    wide = max(1, round(max(picture.shape[:2]) * share))
    made = np.broadcast_to(colour, (picture.shape[0] + 2 * wide, picture.shape[1] + 2 * wide, 3)).astype(np.float32)
    made[wide:-wide, wide:-wide] = np.nan_to_num(picture, nan=_OUTSIDE)
    return made


def palette(count: int) -> np.ndarray:
    """Colours told apart by hue, brightness and saturation, `(count, 3)` in 0..1."""
    hue = (np.arange(count) * _GOLDEN) % 1.0
    bright, full = 0.95 - 0.25 * (np.arange(count) % 3) / 2, 0.9 - 0.35 * (np.arange(count) % 2)
    corner = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    return (bright[:, None] * (1 - full[:, None] * np.clip(np.minimum(corner, 4 - corner), 0, 1))).astype(np.float32)


def _stretched(made: np.ndarray) -> np.ndarray:
    """Zero gray, the largest size full."""
    largest = (float(np.nanmax(np.abs(made))) if np.isfinite(made).any() else 0.0) or 1.0
    return np.nan_to_num(_OUTSIDE + made / (2 * largest), nan=_OUTSIDE).astype(np.float32)


def table(
    data: Source, swept: Swept, one: Gathered, regions: Sequence[Region], columns: Mapping[str, Text] = COLUMNS
) -> Table:
    """Every region with its sample."""
    rows: list[dict[str, Any]] = []
    for channel, each in groupby(regions, lambda region: region.channel):
        rows += [
            {
                "channel": f"{channel}",
                "rank": f"{rank}",
                "sample": data.name(region.ordinal),
                "label": _label(data, region.ordinal),
                "value": region.value,
                "place": region.position or None,
                "region": _spelled(region),
                "shown": region.words or region.strip,
            }
            for rank, region in enumerate(each, 1)
        ]
    empty = {key for key in ("label", "place", "region", "shown") if all(row[key] is None for row in rows)}
    return Table(
        rows=tuple({key: value for key, value in row.items() if key not in empty} for row in rows),
        columns={key: words for key, words in columns.items() if key not in empty},
        layer=one.address,
        notes=(*about(regions, None), *swept.notes),
        facts=swept.facts,
    )


def _caption(data: Source, region: Region, *, medoid: bool = False) -> Text:
    called = _class(data, region.ordinal) or Text(short(data.name(region.ordinal)))
    value = spell.number(region.value, 3)
    if medoid:
        return Text(f"medoid, {value}, {called.en}", f"中心样例，{value}，{called.say('zh')}")
    return Text(f"{value}, {called.en}", f"{value}，{called.say('zh')}")


def short(name: str) -> str:
    """A name without its folders and its ending."""
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def _called(name: Text, channel: int) -> Text:
    return Text(f"{name.en} {channel}", f"{name.zh} {channel}")


def _projected(name: Text, channel: int) -> Text:
    called = _called(name, channel)
    return Text(f"deconvolution of {called.en}", f"{called.zh} 的反卷积")


def _heading(data: Source, name: Text, channel: int, regions: Sequence[Region]) -> Text:
    called = _called(name, channel)
    labels = Counter(label for region in regions if (label := _class(data, region.ordinal)))
    if not labels:
        return called
    most, count = labels.most_common(1)[0]
    return Text(
        f"{called.en}: {count} of {len(regions)} are {most.en}",
        f"{called.zh}：{len(regions)} 个中有 {count} 个为 {most.say('zh')}",
    )


def _class(data: Source, ordinal: int) -> Text | None:
    """A label as it is called beside other words: a bare number is that of a class."""
    label = _label(data, ordinal)
    return Text(f"class {label}", f"类别 {label}") if label and label.isdigit() else Text(label) if label else None


def _label(data: Source, ordinal: int) -> str | None:
    label = data.label(ordinal)
    if label is None:
        return None
    return data.classes[label] if label < len(data.classes) else str(label)


def _spelled(region: Region) -> str | None:
    if region.box is None:
        return None
    return " × ".join(f"{start}…{stop}" for start, stop in region.box)


def about(regions: Sequence[Region], lit: Text | None = EXCITED, *, projected: bool = False) -> tuple[Text, ...]:
    """How much of the input a unit sees, and how it is shown.

    Args:
        lit: where a whole picture is bright; None where no pictures are drawn.
        projected: whether deconvolutions are drawn too.
    """
    said: list[Text] = []
    boxes = [region.box for region in regions if region.box is not None]
    overhang = lit is not None and any(
        region.picture is not None and bool(np.isnan(region.picture).any()) for region in regions
    )
    if boxes:
        said.append(_sizes(boxes, overhang=overhang, local=any(region.local for region in regions if region.box)))
    shown = [region for region in regions if not region.words]
    whole = "apart" if boxes else "whole"
    said += [_WHY[as_] for why, as_ in (("larger", "larger"), ("whole", whole)) if any(one.why == why for one in shown)]
    if lit is not None and any(region.lit for region in regions):
        said.append(lit)
    if lit is not None:
        said += grey(regions)
    if projected:
        said.append(_PROJECTED)
    if any(region.words for region in regions):
        said.append(_WORDS)
    return tuple(said)


def grey(regions: Sequence[Region]) -> tuple[Text, ...]:
    """What pictures of inputs show that have no colours."""
    channels = max((region.averaged for region in regions), default=0)
    if not channels:
        return ()
    note = Text(
        f"Samples are drawn in grey: the mean of the {channels} channels of the input, from the lowest to the highest value of each sample.",
        f"样本以灰度绘制：输入的 {channels} 个通道的平均，从该样本的最小值到最大值。",
        aside=True,
    )
    return (note,)


def about_channels(one: Gathered, samples: int) -> tuple[Text, ...]:
    """Channels that are zero, that reach one largest value too often to be ordered, and that hold NaN."""
    top, broken = value_of(one.state["keys"]), one.state["nan"]
    channels = len(top)
    flat = int((top == 0).all(1).sum()) if bool((top.nan_to_num() >= 0).all()) else 0
    tied = int(((top == top[:, :1]).all(1) & (top[:, 0] != 0)).sum()) if top.shape[1] > 1 else 0
    found = (
        (flat, "is", "are", f"zero on all {samples} samples", f"在全部 {samples} 个样本上为零"),
        (
            tied,
            "has",
            "have",
            "the same value in all samples kept, which are only the first of those that reach it",
            "在所取的样本中取值全都相同，这些样本只是达到该值者中最先的几个",
        ),
        (
            int((broken > 0).sum()),
            "holds",
            "hold",
            "NaN in some samples, which are left out there",
            "在部分样本中含 NaN，这些样本对其不计",
        ),
    )
    return tuple(
        Text(
            f"{count} of {channels} channels {one if count == 1 else many} {en}.",
            f"{channels} 个通道中有 {count} 个{zh}。",
        )
        for count, one, many, en, zh in found
        if count
    )


def _sizes(boxes: Sequence[tuple[tuple[int, int], ...]], *, overhang: bool, local: bool) -> Text:
    found = {tuple(stop - start for start, stop in box) for box in boxes}
    size = " × ".join(str(max(sides)) for sides in zip(*found, strict=True))
    most, most_zh = ("", "") if len(found) == 1 else ("up to ", "至多")
    way, way_zh = (" along its local paths", "沿局部路径") if local else ("", "")
    more, more_zh = (
        (
            "; through means or attention over the whole input it reads more",
            "；通过对整个输入的平均或注意力，它还能读到更多",
        )
        if local
        else ("", "")
    )
    gray, gray_zh = (
        (" What lies outside the input is gray and left out of the mean.", "输入之外显示为灰色，不计入平均。")
        if overhang
        else ("", "")
    )
    return Text(
        f"A unit sees {most}{size} of the input{way}{more}.{gray}",
        f"一个单元{way_zh}能看到输入的{most_zh} {size}{more_zh}。{gray_zh}",
        aside=True,
    )


_WHY = {
    "larger": Text(
        "What a unit can see is larger than the input, so all of the input is shown.",
        "单元所能看到的范围大于输入，因此显示整个输入。",
        aside=True,
    ),
    "whole": Text(
        "Each unit here sees the whole input, so all of it is shown.",
        "此处每个单元都能看到整个输入，因此显示全部。",
        aside=True,
    ),
    "apart": Text(
        "A token with no place in the input (a class token) reads all of it, so all of it is shown.",
        "在输入中没有位置的词元（如类别词元）读取整个输入，因此显示全部。",
        aside=True,
    ),
}
_PROJECTED = Text(
    "Of each deconvolution zero is gray and the largest size full; a grid in it comes of strides.",
    "每幅反卷积图以灰色为零，按各自的最大幅度显示；其中的网格纹由步长造成。",
    aside=True,
)
_WORDS = Text(
    "The token at which the value is read stands in « » between its neighbours; it may read more of the text.",
    "« » 中是读取该值的词元，两侧为相邻词元；它还可能读到文本的其他部分。",
    aside=True,
)
