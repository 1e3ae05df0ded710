"""Input × gradient: the first-order share of each element of the input in the target."""

import torch
from torch import Tensor

from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import Facts, placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import entrance
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Input × gradient", "输入×梯度"),
    question=Text(
        "Which parts of the input speak for this output, and which against it?", "输入的哪些部分支持该输出，哪些反对？"
    ),
    shows=Text(
        "Red speaks for the target, blue against it, in units of the target.",
        "红色支持目标，蓝色反对目标，单位与目标相同。",
    ),
    cannot=Text(
        "Anything where the input is zero: black pixels (after preprocessing: mean-coloured ones) always get nothing.",
        "输入为零之处：黑色像素（预处理后为均值颜色的像素）永远得不到归因。",
    ),
    check=Text(
        "On ReLU networks without biases the values add up to the score; compare the sum with the target.",
        "在没有偏置的 ReLU 网络上，各值之和等于得分；请对比总和与目标。",
    ),
    needs=DIFFERENTIABLE,
    formula="A = x ⊙ ∂f_t(x) / ∂x",
    paper="Shrikumar et al. 2016, arXiv:1605.01713",
    steps=Text(
        "1. Run the input forward. 2. Take the gradient of the target at the input. 3. Multiply by the input. 4. Sum over channels.",
        "1. 输入前向传播。2. 求目标对输入的梯度。3. 与输入相乘。4. 在通道上求和。",
    ),
    tour=25,
)
def input_x_gradient(x: Inputs, target: Target, layer: Layer = "input") -> Looking[tuple[Attribution, ...]]:
    """The input (or what flows at a layer) times the gradient of the target.

    Args:
        layer: where both are taken; every place that it denotes makes one result.
    Returns:  Attribution of the shape of the input (or the layer), in units of the target; `facts["sum"]` per example.
    Raises:   NotApplicable if no gradient reaches the place.
    Source:   Shrikumar et al. 2016, arXiv:1605.01713.
    """
    where = entrance(layer)
    seen = yield from Pass(x, keep=[where], grads=[where], target=target)
    spots = seen.at(where)
    return placed(
        x,
        spots,
        [spot.value * spot.gradient for spot in spots],
        complete=True,
        facts=_sum,
        signed=True,
        targets=seen.targets,
        notes=seen.notes,
        unit=seen.targets[0].unit,
    )


def _sum(values: list[Tensor]) -> Facts:
    total = torch.stack([in_double(value.flatten(1)).sum(1) for value in values]).sum(0)
    return {"sum": tuple(total.tolist())}
