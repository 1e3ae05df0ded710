"""Guided backpropagation: the gradient, kept only where it is positive at every ReLU."""

from pellucid.core.needs import RECTIFIED
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.engine.rules import GUIDED
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import entrance
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Guided backpropagation", "引导反向传播"),
    question=Text(
        "Which fine details of the input excite the path to this output?", "输入的哪些细节激发了通向该输出的路径？"
    ),
    shows=Text("Fine edges and textures that push the active units up.", "推高活跃单元的精细边缘与纹理。"),
    cannot=Text(
        "Why this class: the picture hardly depends on the class or on the upper layers; it resembles an edge detector.",
        "为何是这一类：该图几乎不依赖于类别和上层参数，与边缘检测器相似。",
    ),
    check=Text(
        "Make it for another class: if the two look alike, it says nothing about the class.",
        "换一个类别再画：若两图相似，则它对类别没有说明力。",
    ),
    needs=RECTIFIED,
    formula="at every ReLU: R_in = 1[x > 0] · 1[R > 0] · R",
    paper="Springenberg et al. 2014, arXiv:1412.6806",
    steps=Text(
        "1. Run the input forward. 2. Go back from the target; at every ReLU drop what is negative, and what was not active. 3. Draw the result at the input.",
        "1. 输入前向传播。2. 从目标反传；在每个 ReLU 处丢弃负值以及未激活处的值。3. 在输入处作图。",
    ),
)
def guided_backprop(x: Inputs, target: Target, layer: Layer = "input") -> Looking[tuple[Attribution, ...]]:
    """The gradient with negative parts cut off at every rectifier.

    Args:
        layer: where the gradient is taken; every place that it denotes makes one result.
    Returns:  Attribution of the shape of the input (or the layer), arbitrary units.
    Raises:   NotApplicable if an activation is composed in Python, or part of the model is scripted.
    Source:   Springenberg et al. 2014, arXiv:1412.6806.
    """
    where = entrance(layer)
    seen = yield from Pass(x, grads=[where], target=target, rules=GUIDED)
    spots = seen.at(where)
    return placed(
        x,
        spots,
        [spot.gradient for spot in spots],
        complete=False,
        signed=True,
        targets=seen.targets,
        notes=seen.notes,
        unit=Text("arbitrary units", "任意单位"),
    )
