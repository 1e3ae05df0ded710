"""Activation statistics: how every activation function is used by this input."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import ACTIVATIONS
from pellucid.core.text import Text
from pellucid.engine.passes import Keep, Layer, Looking, Pass, Seen, Spot
from pellucid.inputs.inputs import Inputs
from pellucid.ops.curves import activation_curve
from pellucid.ops.statistics import histogram, saturation, summary
from pellucid.registry import method
from pellucid.results import Series, Table

_COLUMNS = {
    "layer": Text("layer", "层"),
    "function": Text("function", "函数"),
    "shape": Text("shape", "形状"),
    "mean": Text("mean", "均值"),
    "std": Text("standard deviation", "标准差"),
    "min": Text("smallest", "最小值"),
    "max": Text("largest", "最大值"),
    "zero": Text("share of zeros", "零值占比"),
    "silent": Text("silent channels", "沉默通道数"),
    "channels": Text("channels", "通道数"),
    "saturated": Text("saturated share", "饱和占比"),
    "not_finite": Text("not finite", "非有限值个数"),
}


@method(
    title=Text("Activation statistics", "激活统计"),
    question=Text(
        "Which layers are silent, saturated or out of range on this input?", "对此输入，哪些层沉默、饱和或数值异常？"
    ),
    shows=Text(
        "Moments, zeros, silent channels and saturation of every activation, and where the pre-activations lie, under the function's curve where its limits are known (not for ReLU6).",
        "每个激活的统计量、零值、沉默通道与饱和程度，以及预激活值的分布；函数的界限已知时一并画出其曲线（ReLU6 除外）。",
    ),
    cannot=Text(
        "Whether a channel is dead for good: these are the examples of one batch.",
        "某通道是否永远失活：这里只有一个批次的样本。",
    ),
    check=Text(
        "Repeat it on many inputs; a channel that stays silent on all of them is dead.",
        "在大量输入上重复；始终沉默的通道才是失活的。",
    ),
    needs=ACTIVATIONS,
    formula="mean, σ, min, max, P(a = 0) over batch, channels and positions",
    paper="Glorot & Bengio 2010, AISTATS",
    steps=Text(
        "1. Run the input forward. 2. Reduce every activation to its numbers where it is computed. 3. Count channels that are zero everywhere.",
        "1. 输入前向传播。2. 在计算处将每个激活归约为统计数字。3. 统计处处为零的通道。",
    ),
    tour=45,
)
def activation_statistics(
    x: Inputs, layer: Layer = "every activation", curves: Annotated[int, Ge(0)] = 4
) -> Looking[Table]:
    """Statistics of activations over the batch.

    Args:
        layer: which places; activation functions by default.
        curves: for how many activation functions, spread over the depth, the pre-activations are drawn under the
            function (without it where it has settings of its own); only if `layer` is the default.
    Returns:  Table with a row per place in execution order; shares are 0..1. A channel is silent if it is zero at every
        position of every example of this batch; saturated values lie within a hundredth of a limit.
    """
    whole, dense = Keep(layer, _numbers), Keep(f"{layer}:in" if layer == "every activation" else layer, histogram)
    with_curves = layer == "every activation" and curves > 0
    seen = yield from Pass(x, keep=[whole, dense] if with_curves else [whole])
    rows = tuple(_row(spot) for spot in seen.at(whole))
    beside = _curves(seen, dense, curves) if with_curves else ()
    return Table(
        rows=rows,
        columns=_COLUMNS,
        beside=beside,
        notes=(*_remarks(rows), *seen.notes),
        facts={"silent channels": sum(row["silent"] for row in rows), "channels": sum(row["channels"] for row in rows)},
    )


def _numbers(value: Tensor) -> Any:
    return summary(value), {op: saturation(op, value) for op in ("sigmoid", "tanh", "hardsigmoid", "softsign", "relu6")}


def _row(spot: Spot) -> dict[str, Any]:
    numbers, saturated = spot.value
    op = spot.place.op or (spot.event.kind if spot.event else "")
    last = spot.layout.kind != "channels_first" if spot.layout else len(numbers.shape) == 3 and numbers.shape[2] > 1
    axis = len(numbers.shape) - 1 if last else 1
    return {
        "layer": spot.address,
        "function": op,
        "shape": numbers.shape,
        "mean": numbers.mean,
        "std": numbers.std,
        "min": numbers.low,
        "max": numbers.high,
        "zero": numbers.zero,
        "silent": numbers.silent_last if last else numbers.silent_first,
        "channels": numbers.shape[axis] if len(numbers.shape) > 1 else 1,
        "saturated": saturated.get(op.lower()),
        "not_finite": numbers.not_finite,
    }


def _remarks(rows: Sequence[dict[str, Any]]) -> list[Text]:
    """Where values stop being finite, how many channels are silent, what is saturated."""
    found: list[Text] = []
    if broken := [row["layer"] for row in rows if row["not_finite"]]:
        found.append(Text(f"Not finite from '{broken[0]}' on.", f"从 '{broken[0]}' 起出现非有限值。"))
    if silent := sum(row["silent"] for row in rows):
        total = sum(row["channels"] for row in rows)
        found.append(Text(f"{silent:,} of {total:,} channels are silent.", f"{total:,} 个通道中有 {silent:,} 个沉默。"))
    if flat := [f"'{row['layer']}'" for row in rows if (row["saturated"] or 0) > 0.5]:
        found.append(Text(f"More than half saturated: {', '.join(flat)}.", f"超过一半饱和：{'、'.join(flat)}。"))
    return found


def _curves(seen: Seen, dense: Keep, most: int) -> tuple[Series, ...]:
    spots = seen.at(dense)
    chosen = sorted({round(i) for i in np.linspace(0, len(spots) - 1, min(most, len(spots)))})
    return tuple(_curve(spots[i]) for i in chosen)


def _curve(spot: Spot) -> Series:
    centres, density = spot.value
    curves = {"density": density.numpy()}
    names = {"density": Text("pre-activation density", "预激活值的密度")}
    shape = activation_curve(spot.place.op, centres)
    if shape is not None:
        top = float(shape.abs().max()) or 1.0
        curves[spot.place.op] = (shape / top * float(density.max())).numpy()
        names[spot.place.op] = Text(f"{spot.place.op}, scaled", f"{spot.place.op}（已缩放）")
    return Series(
        curves=curves,
        names=names,
        positions=tuple(centres.tolist()),
        position_unit=Text("pre-activation", "预激活值"),
        unit=Text("density", "密度"),
        layer=spot.address,
    )
