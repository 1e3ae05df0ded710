"""Gradient flow: how strong the gradient is at every layer on its way back from the loss."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from pellucid.core.needs import LOSS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, owner
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Series

VANISHING, EXPLODING, NOTABLE = 1e-3, 1e3, 0.1
_ACTIVATION, _WEIGHT, _RATIO = "‖∂L/∂a‖", "‖∂L/∂W‖", "‖∂L/∂W‖ / ‖W‖"
SURE = 0.999
_LEARNED = Text(
    "The network gives this label already: loss and gradients are close to zero.",
    "网络已给出该标签：损失与梯度接近于零。",
)
_NAMES = {_ACTIVATION: Text("‖∂L/∂a‖ activation", "‖∂L/∂a‖ 激活"), _WEIGHT: Text("‖∂L/∂W‖ weight", "‖∂L/∂W‖ 权重")}

_VERDICTS = {
    "steady": "平稳",
    "falling": "逐层减弱",
    "rising": "逐层增强",
    "vanishing": "消失",
    "exploding": "爆炸",
    "zero": "处处为零",
    "not finite": "出现非有限值",
}


@method(
    title=Text("Gradient flow", "梯度流"),
    question=Text(
        "Does the gradient vanish or explode on its way back through the layers?", "梯度在逐层反传时是否消失或爆炸？"
    ),
    shows=Text(
        "One point per layer, from the first to the last; the vertical axis is logarithmic. Read it from right to left: that is the way back.",
        "每层一个点，从第一层到最后一层；纵轴为对数。从右向左读，即反向传播的方向。",
    ),
    cannot=Text("How training goes on: this is one step on one batch.", "训练的后续进展：这只是一个批次上的一步。"),
    check=Text(
        "Repeat it on other batches and after some training; a slope that stays is a property of the network.",
        "换批次、训练一段时间后再看；始终存在的斜率才是网络的性质。",
    ),
    needs=LOSS,
    formula="‖∂L/∂a_l‖₂, ‖∂L/∂W_l‖₂ for every layer l",
    paper="Bengio et al. 1994, IEEE TNN 5(2); Glorot & Bengio 2010",
    steps=Text(
        "1. Run the input forward and compute the loss. 2. Go back once. 3. Take the norm of the gradient at the output and at the weights of every layer. 4. Mark layers below a thousandth or above a thousand times the last layer's, and where it is zero.",
        "1. 前向传播并计算损失。2. 反向传播一次。3. 在每层的输出与权重处取梯度范数。4. 标出低于最后一层千分之一、高于其千倍或为零的层。",
    ),
    tour=55,
)
def gradient_flow(
    x: Inputs,
    target: Target,
    lens: Looker,
    layer: Layer = "every weight",
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Looking[Series]:
    """Norms of the gradient of the loss by layer, for one backward.

    Args:
        target: the label; the predicted one if None.
        layer: which layers.
        loss: function of output and labels; cross-entropy if None.
    Returns:  Series with a position per layer call in execution order; a module called twice has its weight's gradient,
        which is one sum, at both. The weight of a layer is all of its matrices together. `facts["verdict"]` is
        "steady", "falling" or "rising" (tenfold from the last layer to the first, on the way back), "vanishing",
        "exploding", "zero" or "not finite".
    Raises:   NotApplicable if the output has no classes and no loss is given.
    """
    weights = lens.weights(layer)
    seen = yield from Pass(x, grads=[layer, weights], target=target.losing(loss))
    spots = seen.at(layer)
    flow = np.array([_norm([spot.grad]) for spot in spots])
    held = [
        [one for one in seen.at(weights) if owner(one.address.replace(":", ".")) == spot.place.path] for spot in spots
    ]
    moved = np.array([_norm([one.grad for one in ones]) for ones in held])
    size = np.array([_norm([one.value for one in ones]) for ones in held])
    ratio = np.divide(moved, size, out=np.full_like(moved, np.nan), where=size > 0)
    marks, verdict = _marks(flow)
    slope = _slope(flow)
    return Series(
        curves={_ACTIVATION: flow, _WEIGHT: moved, _RATIO: ratio},
        names=_NAMES,
        labels=tuple(spot.address for spot in spots),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("norm", "范数"),
        log=True,
        marks=marks,
        targets=seen.targets,
        notes=(_said(verdict, slope, len(marks), len(flow)), *_learned(seen), *seen.notes),
        facts={"verdict": verdict, "slope per layer": slope},
    )


def _learned(seen: Seen) -> tuple[Text, ...]:
    """Where the network already gives the label: the loss, and so every gradient, is close to nothing."""
    return (_LEARNED,) if seen.targets and all((one.probability or 0) > SURE for one in seen.targets) else ()


def _said(verdict: str, slope: float, marked: int, layers: int) -> Text:
    """The verdict in words: at how many layers where it is not the whole network's, and the factor per layer."""
    some = verdict in ("vanishing", "exploding")
    at, where = (f" at {marked} of {layers} layers", f"在 {layers} 层中的 {marked} 层") if some else ("", "")
    factor = f" (× {slope:.3g} per layer)", f"（每层 × {slope:.3g}）"
    en, zh = factor if np.isfinite(slope) and verdict != "not finite" else ("", "")
    return Text(
        f"On its way back the gradient is {verdict}{at}{en}.", f"反传途中，梯度{where}{_VERDICTS[verdict]}{zh}。"
    )


def _norm(values: Sequence[Tensor | None]) -> float:
    """Of all elements of all tensors together; NaN for none."""
    norms = [float(in_double(value.detach()).norm()) for value in values if value is not None]
    return float(np.linalg.norm(norms)) if norms else float("nan")


def _marks(flow: np.ndarray) -> tuple[dict[int, Text], str]:
    """Where the gradient is lost or too strong, compared with the last layer's."""
    bad = ~np.isfinite(flow)
    if bad.any():
        return {int(i): Text("not finite", "非有限值") for i in np.flatnonzero(bad)}, "not finite"
    first, last = flow[0], flow[-1]
    if not flow.any():
        return {int(i): Text("zero", "为零") for i in range(len(flow))}, "zero"
    low, high = flow < VANISHING * last, flow > EXPLODING * last
    marks = {int(i): Text("vanishing", "梯度消失") for i in np.flatnonzero(low)}
    marks.update({int(i): Text("exploding", "梯度爆炸") for i in np.flatnonzero(high)})
    marks.update({int(i): Text("zero: vanished", "为零：梯度消失") for i in np.flatnonzero(flow == 0)})
    if low.any() or high.any():
        return marks, "vanishing" if low.any() else "exploding"
    return marks, "falling" if first < NOTABLE * last else "rising" if NOTABLE * first > last else "steady"


def _slope(flow: np.ndarray) -> float:
    """Factor per layer on the way back, by a straight line through the logarithms; 1 is steady."""
    good = np.isfinite(flow) & (flow > 0)
    if good.sum() < 2:
        return float("nan")
    return float(np.exp(-np.polyfit(np.flatnonzero(good), np.log(flow[good]), 1)[0]))
