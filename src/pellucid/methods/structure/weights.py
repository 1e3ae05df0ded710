"""Weights: the filters and matrices that a network has learned, as pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from pellucid.core.errors import NotApplicable
from pellucid.core.needs import WEIGHTS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer
from pellucid.methods.structure._weights_compared import beside
from pellucid.methods.structure._weights_drawn import Drawn, gallery, histogram
from pellucid.methods.structure._weights_held import held
from pellucid.methods.structure._weights_told import overview
from pellucid.registry import method
from pellucid.results import Gallery, Series, Table


@method(
    title=Text("Weights", "权重"),
    question=Text("What have these filters learned?", "这些滤波器学到了什么？"),
    shows=Text(
        "One tile per filter. Smooth, different tiles are learned; noise and copies are not.",
        "每个滤波器一格。平滑且彼此不同的格子是学到的；噪声与重复不是。",
    ),
    cannot=Text(
        "What a deeper filter answers to: its inputs are features, not pixels.",
        "较深的滤波器响应什么：它的输入是特征而非像素。",
    ),
    check=Text(
        "For deeper layers use activation_maps, or optimise an input for the filter; against= shows what training changed.",
        "对较深的层，请用 activation_maps，或为滤波器优化输入；用 against= 可看训练改变了什么。",
    ),
    needs=WEIGHTS,
    formula="W;  against another: W − W₀, ‖W − W₀‖ / ‖W₀‖",
    paper="Krizhevsky et al. 2012, NeurIPS",
    steps=Text(
        "1. Take the weight of the layer as it acts. 2. Draw one tile per filter: three input channels in colour, otherwise the strongest input channel, named in the caption. 3. Count zeros and copies; for several layers, list them in a table.",
        "1. 取该层实际起作用的权重。2. 每个滤波器一格：三通道输入用彩色，否则画最强的输入通道，并在标题中注明。3. 统计零值与重复；有多层时列成一张表。",
    ),
    quick={"filters": 4},
    tour=65,
)
def weights(
    lens: Looker,
    layer: Layer = "first weight",
    filters: Annotated[int, Ge(1)] = 64,
    kernels: Literal["strongest", "norm", "pca"] = "strongest",
    scale: Literal["layer", "filter"] = "layer",
    seriate: bool = False,
    bins: Annotated[int, Ge(1)] | None = None,
    against: nn.Module | Mapping[str, Tensor] | str | Path | None = None,
) -> tuple[Gallery | Series | Table, ...]:
    """The weights of a layer; the network is not run.

    Args:
        layer: whose weights; "first" means in the order in which the layers were registered. A bias is `"conv1:bias"`.
        filters: how many are drawn; `values` holds all.
        kernels: what a filter of many input channels shows: the `"strongest"` of them (three are drawn in colour), the
            `"norm"` over them, or the pattern that explains most of all of them (`"pca"`, with its share).
        scale: colours are shared by the `"layer"`, or each `"filter"` has its own.
        seriate: rows and columns of a matrix are drawn in an order that puts like beside like; `facts` hold it.
        bins: also a histogram of each weight with so many bins.
        against: another checkpoint: a model, a state dict, or a path of one; adds the change of each weight.
    Returns:  Gallery, values of the weight's shape; `facts` hold the share of near-zero weights (a thousandth of the
        largest), filters of nearly nothing, copies (cosine 1) and near copies (0.98). With `against` the tiles of
        now, before and change stand on one scale and `values` are the change. Series with counts per bin. Of several
        weights also a Table with a row for each.
    Raises:   NotApplicable if there is no such weight. BadWeights: the checkpoint is refused, or has none of them.
    """
    found, notes = held(lens, layer)
    shown = [one for one in found if not one.weight.is_complex()]
    if not shown:
        raise NotApplicable(
            Text("complex weights are not drawn", "不绘制复数权重"),
            hint=Text(
                "look at the real and the imaginary part; weight_spectrum takes them",
                "请分别查看实部与虚部；weight_spectrum 可处理复数权重",
            ),
        )
    before, lacking = beside(shown, against, layer) if against is not None else ({}, ())
    drawn = [Drawn(one, before.get(one.where), against is not None) for one in shown]
    results: list[Gallery | Series | Table] = [
        gallery(one, filters, kernels, scale, seriate).with_(notes=(*told, *notes, *lacking))
        for one in drawn
        for told in [one.notes(kernels, scale, filters, seriate)]
    ]
    results += [] if bins is None else [histogram(one, bins) for one in drawn]
    return (*results, overview(drawn, lens, (*notes, *lacking))) if len(drawn) > 1 else tuple(results)
