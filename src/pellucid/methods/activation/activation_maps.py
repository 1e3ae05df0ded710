"""Activation maps: what the channels of a layer answer to this input, and where."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Spot
from pellucid.inputs.inputs import Inputs
from pellucid.ops.spatial import channels_first
from pellucid.registry import method
from pellucid.results import Gallery
from pellucid.results.array import as_array

_GRID = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@method(
    title=Text("Activation maps", "激活图"),
    question=Text("What does this layer answer to the input, and where?", "该层对输入作出了什么响应，响应在哪里？"),
    shows=Text(
        "One tile per channel: bright cells answer strongly. All tiles share one scale.",
        "每个通道一格：越亮的位置响应越强。所有格共用一个色标。",
    ),
    cannot=Text(
        "Whether an active channel matters for the answer; that takes a gradient or an ablation.",
        "活跃的通道对答案是否重要；这需要梯度或消融。",
    ),
    check=Text(
        "Look at another input: a channel that is bright everywhere tells nothing.",
        "换一个输入：处处明亮的通道没有信息。",
    ),
    needs=SPATIAL_LAYER,
    formula="A^k = the output of channel k",
    paper="Yosinski et al. 2015, arXiv:1506.06579",
    steps=Text(
        "1. Run the input forward to the layer. 2. Take its output. 3. Draw each channel as a picture, strongest first.",
        "1. 输入前向传播到该层。2. 取其输出。3. 将每个通道画成一幅图，最强者在前。",
    ),
    quick={"channels": 4},
    tour=40,
)
def activation_maps(
    x: Inputs,
    layer: Layer = "last spatial",
    channels: Annotated[int, Ge(1)] = 16,
    order: Literal["max", "variance", "index"] = "max",
    examples: Annotated[int, Ge(1)] = 1,
) -> Looking[tuple[Gallery, ...]]:
    """Every channel of a layer's output; the strongest are drawn.

    Args:
        layer: where to read; layers off the grid give one strip or matrix per example.
        channels: how many are drawn for each example.
        order: by the largest value, by the variance over the map, or as they are numbered.
        examples: how many examples of the batch are drawn; `values` holds all.
    Returns:  Gallery, values `(batch, channel, *grid)` as the network has them, no unit.
    """
    seen = yield from Pass(x, keep=[layer])
    return tuple(_gallery(spot, channels, order, examples) for spot in seen.at(layer))


def _gallery(spot: Spot, channels: int, order: str, examples: int) -> Gallery:
    value: Tensor = spot.value
    if spot.layout is not None:
        value = channels_first(value, spot.layout)
        axes = ("batch", "channel", *_GRID[value.ndim - 2])
    else:
        axes = {1: ("batch",), 2: ("batch", "unit"), 3: ("batch", "token", "feature")}.get(
            value.ndim, ("batch", *["axis"] * (value.ndim - 1))
        )
    images, captions, groups = [], [], []
    for example in range(min(examples, value.shape[0])):
        for index, picture in _pictures(value[example].float(), spot.layout is not None, channels, order):
            images.append(picture.cpu().numpy())
            captions.append(
                Text(f"channel {index}", f"通道 {index}") if index is not None else Text("all units", "全部单元")
            )
            groups.append(Text(f"example {example}", f"样本 {example}"))
    dead = (value != 0).transpose(0, 1).flatten(1).any(1).logical_not().sum() if value.ndim > 1 else torch.tensor(0)
    return Gallery(
        values=as_array(value),
        axes=axes,
        images=tuple(images),
        captions=tuple(captions),
        unit=Text("activation", "激活值"),
        groups=tuple(groups) if examples > 1 else (),
        signed=bool((value < 0).any()),
        layer=spot.address,
        facts={"channels": value.shape[1] if value.ndim > 1 else 1, "silent channels": int(dead)},
    )


def _pictures(value: Tensor, on_grid: bool, channels: int, order: str) -> list[tuple[int | None, Tensor]]:
    if not on_grid or value.ndim < 2:
        flat = value.reshape(1, -1) if value.ndim < 2 else value.flatten(0, -2)
        return [(None, flat)]
    cells = value.flatten(1)
    rank = {
        "max": cells.amax(1),
        "variance": cells.var(1, unbiased=False),
        "index": -torch.arange(len(value), dtype=value.dtype),
    }[order]
    chosen = rank.argsort(descending=True, stable=True)[:channels].tolist()
    return [(index, _flat(value[index])) for index in chosen]


def _flat(one: Tensor) -> Tensor:
    if one.ndim == 1:
        return one[None]
    return one[one.shape[0] // 2] if one.ndim == 3 else one
