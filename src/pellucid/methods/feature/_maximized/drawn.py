"""Pictures of what was found, and the curves of how."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from pellucid.core.text import Text
from pellucid.methods.feature._maximized.beside import Beside
from pellucid.methods.feature._maximized.canvas import Canvas
from pellucid.results import Gallery, Series
from pellucid.results.array import as_array

GREY, QUANTILE, SMOOTH = 0.5, 0.95, 5
MOST_TILES = 8
_FLATTEST = 8  # a series is drawn at least an eighth as high as it is long
_AXES = {0: ("feature",), 1: ("channel", "time"), 2: ("channel", "height", "width")}
_VOLUME = ("channel", "depth", "height", "width")
_SHARE = Text("place within the range of the column", "在该列取值范围中的位置")
Tile = tuple[int, np.ndarray, Text]


def gallery(
    canvas: Canvas,
    values: Tensor,
    captions: Sequence[Text],
    touched: Tensor | None,
    lead: str,
    beside: Beside | None = None,
    **same: Any,
) -> Gallery:
    """The inputs that were made, `(row, channel, *grid)`.

    Args:
        captions: one for each row.
        touched: sum of the absolute gradients; where it is small, pictures fade to grey.
        lead: name of the first axis.
        beside: what real data show of each unit; it is drawn after the inputs of the unit, under a heading.
        same: further fields of the result.
    """
    tiles = _tiles(canvas, values.detach().double().cpu(), None if touched is None else touched.double().cpu())
    names, headings = [one.words for one in same.get("targets", ())], same.pop("groups", ())
    if beside is not None:
        headings = [_heading(beside, row % len(beside.tiles), names) for row in range(len(values))]
    parted = any(part.en for _, _, part in tiles)
    if parted:  # what all parts of an input share stands above them
        headings = [_joined(headings[row], words) if headings else words for row, words in enumerate(captions)]
    drawn = [(row, image, part if parted else captions[row]) for row, image, part in tiles]
    if beside is not None:
        drawn = _with_real(drawn, beside)
    same["groups"] = tuple(headings[row] for row, _, _ in drawn) if headings else ()
    return Gallery(
        values=as_array(values),
        axes=(lead, *_AXES.get(len(canvas.grid), _VOLUME)),
        images=tuple(image for _, image, _ in drawn),
        captions=tuple(caption for _, _, caption in drawn),
        scope="image",
        unit=_SHARE if canvas.read else Text("value of the input", "输入值"),
        **same,
    )


def _heading(beside: Beside, unit: int, names: Sequence[Text]) -> Text:
    return beside.headings[unit] if beside.headings[unit].en else names[unit]


def _with_real(drawn: Sequence[Tile], beside: Beside) -> list[Tile]:
    """The inputs of each unit with its real ones behind the last of them."""
    units, found = len(beside.tiles), list[Tile]()
    for unit, real in enumerate(beside.tiles):
        mine = [tile for tile in drawn if tile[0] % units == unit]
        found += [*mine, *((mine[-1][0], image, caption) for image, caption in real)]
    return found


def curves(scores: Sequence[Tensor], steps: Sequence[int], names: Sequence[Text], **same: Any) -> Series:
    """The objective of the moved input of every row at each step, until the row stopped."""
    table, keys = torch.stack(list(scores)).T, [str(row) for row in range(len(steps))]
    count = torch.arange(table.shape[1])
    return Series(
        curves={
            key: as_array(row.where(count < stop, torch.nan)) for key, row, stop in zip(keys, table, steps, strict=True)
        },
        names=dict(zip(keys, names, strict=True)),
        position_unit=Text("step", "步"),
        **same,
    )


def _tiles(canvas: Canvas, value: Tensor, touched: Tensor | None) -> list[Tile]:
    """For each row its pictures, with the part of it that each shows."""
    if len(canvas.grid) == 2 and value.shape[1] in (1, 3):
        shares = canvas.shares_of(value)
        if touched is not None:
            shares = GREY + (shares - GREY) * _strength(touched)
        pictures = shares.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).float().numpy()
        return [(row, picture, Text("")) for row, picture in enumerate(pictures)]
    if len(canvas.grid) < 2:
        shown = canvas.shares_of(value) if canvas.read else value
        maps = (shown if canvas.grid else shown[:, None]).float().numpy()
        taller = max(1, maps.shape[2] // (_FLATTEST * maps.shape[1])) if canvas.grid else 1
        return [(row, one.repeat(taller, 0), Text("")) for row, one in enumerate(maps)]
    flat = value[:, :, value.shape[2] // 2] if value.ndim == 5 else value
    return [
        (row, flat[row, channel].float().numpy(), _part(channel, flat.shape[1], sliced=value.ndim == 5))
        for row in range(len(flat))
        for channel in range(min(MOST_TILES, flat.shape[1]))
    ]


def _part(channel: int, channels: int, *, sliced: bool) -> Text:
    """Which part of an input a tile shows."""
    parts = [Text("middle slice", "中间切片")] if sliced else []
    parts += [Text(f"input channel {channel}", f"输入通道 {channel}")] if channels > 1 else []
    return Text(", ".join(one.en for one in parts), "，".join(one.zh for one in parts))


def _strength(touched: Tensor) -> Tensor:
    """How much of each place is shown: its gradients against those of the places that are touched most."""
    sums = avg_pool2d(touched.sum(1, keepdim=True), SMOOTH, 1, SMOOTH // 2, count_include_pad=False)
    top = torch.quantile(sums.flatten(1), QUANTILE, dim=1).clamp(min=torch.finfo(sums.dtype).tiny)
    return (sums / top[:, None, None, None]).clamp(0, 1)


def _joined(heading: Text, words: Text) -> Text:
    return Text(f"{heading.en} · {words.en}", f"{heading.say('zh')} · {words.say('zh')}")
