"""Network slices: every level of the network side by side: its weights, its activation, its gradient."""

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.needs import WEIGHTS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.packed import weight_of
from pellucid.engine.passes import Layer, Looking, Pass, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.structure._measured import no_gradients
from pellucid.methods.structure._slice_level import level_of
from pellucid.registry import method
from pellucid.results import Table

FURTHER = {"activation": ("activation", "激活"), "gradient": ("gradient", "梯度")}
_COLUMNS = {
    "layer": Text("layer", "层"),
    "kind": Text("kind", "类型"),
    "weight": Text("weight", "权重"),
    "weight_shape": Text("weight shape", "权重形状"),
    "weight_norm": Text("‖W‖", "‖W‖"),
    "activation": Text("activation (first example)", "激活（首个样本）"),
    "activation_shape": Text("activation shape", "激活形状"),
    "activation_mean": Text("mean", "均值"),
    "activation_std": Text("standard deviation", "标准差"),
    "activation_zero": Text("share of zeros", "零值占比"),
    "distribution": Text("distribution, least to largest", "分布（最小至最大）"),
    "low": Text("least", "最小值"),
    "high": Text("largest", "最大值"),
    "gradient": Text("gradient (first example)", "梯度（首个样本）"),
    "gradient_norm": Text("‖∂f/∂a‖", "‖∂f/∂a‖"),
    "gradient_zero": Text("share of zeros in the gradient", "梯度零值占比"),
}


@method(
    title=Text("Network slices", "网络切片"),
    question=Text(
        "What does each level of the network hold, answer and pass back?",
        "网络的每一层保存了什么、响应了什么、又传回了什么？",
    ),
    shows=Text(
        "One row per level in the order in which they run: weights, what this input excites, and where the target pulls.",
        "按执行顺序每层一行：权重、该输入激发的响应，以及目标的牵引方向。",
    ),
    cannot=Text(
        "What single channels do: activation and gradient are drawn as averages over channels, weights as their first filters.",
        "单个通道的作用：激活与梯度小图是各通道的平均，权重小图只画前几个滤波器。",
    ),
    check=Text(
        "Open a level with activation_maps, weights or grad_cam.",
        "用 activation_maps、weights 或 grad_cam 展开某一层。",
    ),
    needs=WEIGHTS,
    formula="slice(l) = (W_l, a_l(x), P(a_l), ∂f_t/∂a_l)",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901",
    steps=Text(
        "1. Run the input forward, noting every layer with weights in the order of its calls. 2. Go back from the target. 3. Show weights, activation and gradient of each level.",
        "1. 前向传播，按调用顺序记录每个含权重的层。2. 从目标反传。3. 展示每层的权重、激活与梯度。",
    ),
    tour=60,
)
def slices(
    x: Inputs, target: Target, lens: Looker, layer: Layer = "every weight", examples: Annotated[int, Ge(1)] = 1
) -> Looking[Table]:
    """Weights, activation and gradient of every level, in execution order.

    Args:
        layer: which levels; a module called twice has two rows.
        examples: of how many examples activation and gradient are drawn.
    Returns:  Table; the columns `weight`, `activation` and `gradient` hold small pictures `(height, width)`, those of
        further examples `activation_2`, `gradient_2` and so on; `distribution` counts the activations of the batch in
        bins of equal width from `low` to `high`; numbers are of the whole batch. A layer of several matrices (an LSTM)
        has the norm of all and no picture; a function that reads a parameter has neither.
    Raises:   NotApplicable if no layer holds a weight.
    """
    notes: tuple[Text, ...] = ()
    try:
        seen = yield from Pass(x, keep=[layer], grads=[layer], target=target)
    except NotApplicable as error:
        seen = yield from Pass(x, keep=[layer])
        notes = (no_gradients(error),)
    drawn = min(examples, x.size)
    with torch.no_grad():
        rows = tuple(
            level_of(spot, _held(spot, lens), lens.modules.get(spot.place.path), drawn) for spot in seen.at(layer)
        )
    return Table(rows=rows, columns=_columns(drawn), targets=seen.targets, notes=seen.notes + notes)


def _columns(drawn: int) -> dict[str, Text]:
    """The columns, with those of further examples behind the first."""
    columns: dict[str, Text] = {}
    for key, words in _COLUMNS.items():
        columns[key] = words
        if key in FURTHER:
            english, chinese = FURTHER[key]
            columns |= {
                f"{key}_{i}": Text(f"{english} (example {i})", f"{chinese}（样本 {i}）") for i in range(2, drawn + 1)
            }
    return columns


def _held(spot: Spot, lens: Looker) -> list[Tensor]:
    """The weight that a module acts with, or all its own matrices; what a function reads is not told by its place."""
    module = lens.modules.get(spot.place.path)
    weight = weight_of(module)
    if weight is not None:
        return [weight]
    if module is None or spot.place.op:
        return []
    return [one for one in module.parameters(recurse=False) if one.ndim > 1]
