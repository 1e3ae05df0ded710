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
from pellucid.results import Table, spell

_OUTSIDE = 0.5
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


def tiles(data: Source, regions: Sequence[Region], name: Text) -> Tiles:
    """The regions of each channel (or code), before them their mean; the medoid is named.

    Args:
        name: what the number of a group is called: channel, code.
    """
    images, captions, groups = list[np.ndarray](), list[Text](), list[Text]()
    spreads: dict[str, float] = {}
    for channel, each in groupby(regions, lambda region: region.channel):
        mine = [region for region in each if region.picture is not None]
        pictures = [region.picture for region in mine if region.picture is not None]
        said = [_caption(data, region) for region in mine]
        summed = mean_and_medoid(pictures)
        if summed is not None:
            mean, spread, medoid = summed
            said[medoid] = Text(f"{said[medoid].en}, medoid", f"{said[medoid].say('zh')}，中心样例")
            pictures, said = [mean, *pictures], [Text("mean", "平均"), *said]
            spreads[str(channel)] = float(np.nanmean(spread))
        images += [np.nan_to_num(picture, nan=_OUTSIDE) for picture in pictures]
        captions += said
        groups += [_heading(data, name, channel, mine)] * len(said)
    return Tiles(tuple(images), tuple(captions), tuple(groups), spreads)


def table(
    data: Source, swept: Swept, one: Gathered, regions: Sequence[Region], columns: Mapping[str, Text] = COLUMNS
) -> Table:
    """Every region with its sample."""
    rows: list[dict[str, Any]] = []
    for channel, each in groupby(regions, lambda region: region.channel):
        rows += [
            {
                "channel": channel,
                "rank": rank,
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
        notes=(*about(regions), *swept.notes),
        facts=swept.facts,
    )


def _caption(data: Source, region: Region) -> Text:
    label = _label(data, region.ordinal) or data.name(region.ordinal).rpartition("/")[2]
    return Text(f"{spell.number(region.value, 3)} {label}")


def _heading(data: Source, name: Text, channel: int, regions: Sequence[Region]) -> Text:
    called = Text(f"{name.en} {channel}", f"{name.zh} {channel}")
    labels = Counter(label for region in regions if (label := _label(data, region.ordinal)))
    if not labels:
        return called
    most, count = labels.most_common(1)[0]
    return Text(
        f"{called.en}: {count} of {len(regions)} {most}", f"{called.zh}：{len(regions)} 个中有 {count} 个为{most}"
    )


def _label(data: Source, ordinal: int) -> str | None:
    label = data.label(ordinal)
    if label is None:
        return None
    return data.classes[label] if label < len(data.classes) else str(label)


def _spelled(region: Region) -> str | None:
    if region.box is None:
        return None
    return " × ".join(f"{start}…{stop}" for start, stop in region.box)


def about(regions: Sequence[Region]) -> tuple[Text, ...]:
    """How much of the input a unit sees."""
    sizes = {tuple(stop - start for start, stop in region.box) for region in regions if region.box}
    if not sizes:
        return (
            Text(
                "Each unit here sees the whole input, so all of it is shown; a picture is lit by the channel's activation.",
                "此处每个单元都能看到整个输入，因此显示全部；图像按该通道的激活值照亮。",
                aside=True,
            ),
        )
    said = " × ".join(map(str, max(sizes)))
    return (
        Text(
            f"A unit sees {said} of the input along its local paths; what lies outside the input is gray and left out of the mean.",
            f"一个单元沿局部路径能看到输入的 {said}；输入之外显示为灰色，不计入平均。",
            aside=True,
        ),
    )
