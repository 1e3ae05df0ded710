"""Gradient maps: the direction and strength in which training would move the weights of a layer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from pellucid.core.errors import BadInput, NotApplicable
from pellucid.core.messages import message
from pellucid.core.needs import LOSS
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Layer, Looking, Pass, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.gradient._training import gradient_maps as over_steps
from pellucid.ops.kernels import filters_first, is_transposed
from pellucid.ops.precision import in_double
from pellucid.ops.tiles import kernel_tiles
from pellucid.registry import method
from pellucid.results import Gallery, Matrix
from pellucid.results.array import as_array

_AXES = {
    1: ("unit",),
    2: ("out", "in"),
    3: ("filter", "channel", "time"),
    4: ("filter", "channel", "height", "width"),
    5: ("filter", "channel", "depth", "height", "width"),
}

_BEHIND = Text(
    "This weight is parametrized: the gradient is that of the parameter behind it, which the optimizer moves.",
    "该权重经过重参数化：此处是其背后参数的梯度，优化器更新的正是该参数。",
)


@method(
    title=Text("Gradient maps", "梯度图"),
    question=Text(
        "How would one training step on this input change these weights?", "用该输入训练一步，这些权重会怎样变化？"
    ),
    shows=Text(
        "The gradient of the loss: a step of gradient descent goes the opposite way. Red is positive (the weight shrinks), blue negative (it grows); colour tiles are grey at zero.",
        "损失的梯度：梯度下降沿相反方向更新。红色为正（权重减小），蓝色为负（权重增大）；彩色格以灰色为零。",
    ),
    cannot=Text(
        "What the optimizer really does: momentum, weight decay and other examples are not in it.",
        "优化器的真实更新：动量、权重衰减及其他样本不在其中。",
    ),
    check=Text(
        "After one plain gradient step the weights differ by exactly −rate × this picture.",
        "做一步普通梯度下降后，权重之差恰为 −学习率 × 此图。",
    ),
    needs=LOSS,
    formula="G = ∂L / ∂W",
    paper="Rumelhart et al. 1986, Nature 323",
    steps=Text(
        "1. Run the input forward. 2. Compute the loss of the label (the predicted one if none is given). 3. Go back to the weights of the layer. 4. Draw one tile per filter.",
        "1. 输入前向传播。2. 计算标签的损失（未给出时用预测标签）。3. 反传到该层权重。4. 每个滤波器画一格。",
    ),
    quick={"filters": 4},
    tour=50,
)
def gradient_maps(
    target: Target,
    lens: Looker,
    x: Inputs | None = None,
    run: History | None = None,
    layer: Layer = "first weight",
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    filters: Annotated[int, Ge(1)] = 64,
) -> Looking[tuple[Gallery, ...] | Matrix]:
    """The gradient of the loss with respect to a layer's weights, averaged over the batch; of a run its norms.

    Args:
        target: the label; the predicted one if None.
        layer: whose weights; of a run names or a glob, and every layer by default.
        loss: function of output and labels; cross-entropy if None; of a run that which it was trained with.
        filters: how many are drawn; `values` holds all; of a run none is.
    Returns:  Of a run a Matrix of decimal logarithms of the norms, layer by step. Else a Gallery, values of the weight's shape, in units of the loss per unit of weight.
    Raises:   NotApplicable if the layer has no weights or the output no classes and no loss is given.
    """
    if run is not None:
        return over_steps(run, layer)
    if x is None:
        raise BadInput(
            Text("gradient_maps needs an input x", "gradient_maps 需要输入 x"),
            hint=Text(
                "lens.see(x, ...), or run.see(pl.gradient_maps())", "lens.see(x, ...)，或 run.see(pl.gradient_maps())"
            ),
        )
    weights = lens.weights(layer)
    seen = yield from Pass(x, grads=[weights], target=target.losing(loss))
    return tuple(
        _gallery(spot, filters, lens.modules.get(spot.place.path), seen.targets, seen.notes)
        for spot in seen.at(weights)
    )


def _gallery(
    spot: Spot, filters: int, module: nn.Module | None, targets: tuple[TargetInfo, ...], notes: tuple[Text, ...]
) -> Gallery:
    if spot.grad is None:
        raise NotApplicable(Text(f"no gradient reaches '{spot.address}'", f"没有梯度到达 '{spot.address}'"))
    tiles, captions, colour = kernel_tiles(filters_first(spot.grad, module), filters)
    axes = _AXES.get(spot.grad.ndim, tuple(f"axis {i}" for i in range(spot.grad.ndim)))
    weight = float(in_double(spot.value).norm()) if isinstance(spot.value, Tensor) else float("nan")
    norm = float(in_double(spot.grad).norm())
    coloured = (replace(message("gallery.colour_tiles"), aside=True),) if colour else ()
    return Gallery(
        values=as_array(spot.grad),
        axes=(axes[1], axes[0], *axes[2:]) if is_transposed(module) and len(axes) > 2 else axes,
        images=tuple(tiles),
        captions=tuple(captions),
        signed=True,
        layer=spot.address,
        targets=targets,
        unit=Text("loss per unit of weight", "损失 / 单位权重"),
        notes=notes + coloured + ((_BEHIND,) if "parametrizations" in spot.place.path else ()),
        facts={
            "gradient norm": norm,
            "relative to the weights": norm / weight if weight else float("inf"),
            "zero share": float(in_double(spot.grad == 0).mean()),
        },
    )
