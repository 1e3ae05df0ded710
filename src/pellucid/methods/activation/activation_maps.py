"""Activation maps: what the channels of a layer answer to this input, and where."""

from typing import Annotated, Literal

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
_UNBATCHED = Text(
    "The first axis of this layer is not the batch, so all of it is drawn as one.",
    "该层的第一个轴不是批次，因此整体作为一幅图绘制。",
)


@method(
    title=Text("Activation maps", "激活图"),
    question=Text("What does this layer answer to the input, and where?", "该层对输入作出了什么响应，响应在哪里？"),
    shows=Text(
        "One tile per channel. Without negative values bright cells answer strongly; otherwise red is positive, blue negative. All tiles share one scale.",
        "每个通道一格。没有负值时，越亮响应越强；否则红色为正、蓝色为负。所有格共用一个色标。",
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
        channels: how many are drawn for each example; of a volume the slice with the largest value.
        order: by the largest value, by the variance over the map, or as they are numbered.
        examples: how many examples of the batch are drawn; `values` holds all.
    Returns:  Gallery, values `(batch, channel, *grid)` as the network has them, without the class token; no unit. A
        silent channel is zero at every position of every example.
    """
    seen = yield from Pass(x, keep=[layer])
    return tuple(_gallery(x, spot, channels, order, examples) for spot in seen.at(layer))


def _gallery(x: Inputs, spot: Spot, channels: int, order: str, examples: int) -> Gallery:
    value: Tensor = spot.value if spot.layout is None else channels_first(spot.value, spot.layout)
    batched = value.ndim > 0 and value.shape[0] == x.size
    shown = value.float().cpu() if batched else value[None].float().cpu()
    images, captions, groups = [], [], []
    for example in range(min(examples, len(shown))):
        for caption, picture in _pictures(shown[example], spot.layout is not None, channels, order):
            images.append(picture.numpy())
            captions.append(caption)
            groups.append(Text(f"example {example + 1}", f"样本 {example + 1}"))
    per_channel = shown.movedim(1 if spot.layout is not None or shown.ndim != 3 else -1, 0) if shown.ndim > 1 else shown
    return Gallery(
        values=as_array(value),
        axes=_axes(value, batched, spot.layout is not None),
        images=tuple(images),
        captions=tuple(captions),
        unit=Text("activation", "激活值"),
        groups=tuple(groups) if examples > 1 else (),
        signed=bool(shown.amin() < 0),
        layer=spot.address,
        notes=() if batched else (_UNBATCHED,),
        facts={
            "channels": len(per_channel),
            "silent channels": int((per_channel.flatten(1) == 0).all(1).sum()) if shown.ndim > 1 else 0,
        },
    )


def _axes(value: Tensor, batched: bool, on_grid: bool) -> tuple[str, ...]:
    if on_grid:
        return ("batch", "channel", *_GRID[value.ndim - 2])
    rest = {2: ("unit",), 3: ("token", "feature")}.get(value.ndim, tuple(f"axis {i}" for i in range(1, value.ndim)))
    return ("batch", *rest) if batched else tuple(f"axis {i}" for i in range(value.ndim))


def _pictures(value: Tensor, on_grid: bool, channels: int, order: str) -> list[tuple[Text, Tensor]]:
    """Captions and pictures of one example: its chosen channels, or all of it at once off the grid."""
    if not on_grid:
        flat = value.reshape(1, -1) if value.ndim < 2 else value.flatten(0, -2)
        return [(Text("all units", "全部单元"), flat)]
    cells = value.flatten(1)
    if order == "index":
        chosen = range(min(channels, len(value)))
    else:
        rank = cells.amax(1) if order == "max" else cells.var(1, unbiased=False)
        chosen = rank.argsort(descending=True, stable=True)[:channels].tolist()
    return [_picture(index, value[index]) for index in chosen]


def _picture(index: int, one: Tensor) -> tuple[Text, Tensor]:
    """A series as a strip; of a volume the slice with the largest value."""
    if one.ndim < 3:
        return Text(f"channel {index}", f"通道 {index}"), one[None] if one.ndim == 1 else one
    depth = int(one.flatten(1).amax(1).argmax())
    return Text(f"channel {index}, slice {depth}", f"通道 {index}，切片 {depth}"), one[depth]
