"""Gradient flow: how strong the gradient is at every layer on its way back from the loss."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.needs import LOSS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, owner
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.gradient._flow import marked, said, slope_of
from pellucid.methods.gradient._training import gradient_flow as over_steps
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Matrix, Series

_ACTIVATION, _WEIGHT, _RATIO = "‖∂L/∂a‖", "‖∂L/∂W‖", "‖∂L/∂W‖ / ‖W‖"
SURE = 0.999
_LEARNED = Text(
    "The network gives this label already: loss and gradients are close to zero.",
    "网络已给出该标签：损失与梯度接近于零。",
)
_NAMES = {_ACTIVATION: Text("‖∂L/∂a‖ activation", "‖∂L/∂a‖ 激活"), _WEIGHT: Text("‖∂L/∂W‖ weight", "‖∂L/∂W‖ 权重")}


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
    target: Target,
    lens: Looker,
    x: Inputs | None = None,
    run: History | None = None,
    layer: Layer = "every weight",
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Looking[Series | Matrix]:
    """Norms of the gradient of the loss by layer, for one backward; or, of a watched training, by layer and step.

    Args:
        target: the label; the predicted one if None.
        layer: which layers; of a run their names or a glob.
        loss: function of output and labels; cross-entropy if None; of a run that which it was trained with.
    Returns:  Of a run a Matrix of decimal logarithms, layer by step. Else a Series with a position per layer call in execution order; a module called twice has its weight's gradient,
        which is one sum, at both. The weight of a layer is all of its matrices together. `facts["verdict"]` is
        "steady", "falling" or "rising" (tenfold from the last layer to the first, on the way back), "vanishing",
        "exploding", "zero" or "not finite".
    Raises:   NotApplicable if the output has no classes and no loss is given.
    """
    if run is not None:
        return over_steps(run, layer)
    if x is None:
        raise BadInput(
            Text("gradient_flow needs an input x", "gradient_flow 需要输入 x"),
            hint=Text(
                "lens.see(x, ...), or run.see(pl.gradient_flow())", "lens.see(x, ...)，或 run.see(pl.gradient_flow())"
            ),
        )
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
    marks, verdict = marked(flow)
    slope = slope_of(flow)
    return Series(
        curves={_ACTIVATION: flow, _WEIGHT: moved, _RATIO: ratio},
        names=_NAMES,
        labels=tuple(spot.address for spot in spots),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("norm", "范数"),
        log=True,
        marks=marks,
        targets=seen.targets,
        notes=(said(verdict, slope, len(marks), len(flow)), *_learned(seen), *seen.notes),
        facts={"verdict": verdict, "slope per layer": slope},
    )


def _learned(seen: Seen) -> tuple[Text, ...]:
    """Where the network already gives the label: the loss, and so every gradient, is close to nothing."""
    return (_LEARNED,) if seen.targets and all((one.probability or 0) > SURE for one in seen.targets) else ()


def _norm(values: Sequence[Tensor | None]) -> float:
    """Of all elements of all tensors together; NaN for none."""
    norms = [float(in_double(value.detach()).norm()) for value in values if value is not None]
    return float(np.linalg.norm(norms)) if norms else float("nan")
