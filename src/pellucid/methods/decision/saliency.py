"""Saliency: how much the target moves when an element of the input moves a little."""

from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import entrance
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Saliency", "显著图"),
    question=Text(
        "Where would a small change of the input change this output most?", "输入的哪些地方稍有变化，输出变化最大？"
    ),
    shows=Text(
        "Bright: a tiny change here changes the score a lot. The values are the signed gradient; the picture is its absolute value.",
        "越亮：此处的微小变化会使得分大幅变化。数值为带符号的梯度，图像显示其绝对值。",
    ),
    cannot=Text(
        "How much a region contributes: a feature that is already saturated has no gradient and looks unimportant.",
        "某区域贡献了多少：已经饱和的特征没有梯度，看上去并不重要。",
    ),
    check=Text(
        "Compare with integrated_gradients; randomise the weights and see whether the picture changes.",
        "与 integrated_gradients 对比；随机化权重，看图像是否改变。",
    ),
    needs=DIFFERENTIABLE,
    formula="S = ∂f_t(x) / ∂x",
    paper="Simonyan et al. 2013, arXiv:1312.6034",
    steps=Text(
        "1. Run the input forward. 2. Take the gradient of the target with respect to the input. 3. Draw the largest absolute value over the channels.",
        "1. 输入前向传播。2. 求目标对输入的梯度。3. 在通道上取绝对值的最大者作图。",
    ),
    tour=20,
)
def saliency(x: Inputs, target: Target, layer: Layer = "input") -> Looking[tuple[Attribution, ...]]:
    """The gradient of the target with respect to the input, or to a layer.

    Args:
        layer: where the gradient is taken; every place that it denotes makes one result.
    Returns:  Attribution of the shape of the input (or the layer), in units of the target per unit of it.
    Raises:   NotApplicable if no gradient reaches the place.
    Source:   Simonyan et al. 2013, arXiv:1312.6034.
    """
    where = entrance(layer)
    seen = yield from Pass(x, grads=[where], target=target)
    spots, unit = seen.at(where), seen.targets[0].unit
    return placed(
        x,
        spots,
        [spot.gradient for spot in spots],
        complete=False,
        signed=True,
        targets=seen.targets,
        notes=seen.notes,
        unit=Text(f"{unit} per input unit", f"{unit} / 输入单位"),
        inside={"unit": Text(f"{unit} per unit of the layer", f"{unit} / 该层单位")},
    )
