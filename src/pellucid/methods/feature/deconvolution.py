"""Deconvnet: project a score back to the input through the switches of the forward pass."""

from pellucid.core.needs import RECTIFIED
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Looking, Pass
from pellucid.engine.rules import DECONVNET
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import attributed
from pellucid.inputs.inputs import Inputs
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Deconvolution", "反卷积"),
    question=Text("What pattern in this input does the score answer to?", "得分所响应的是输入中的什么图案？"),
    shows=Text(
        "A reconstruction of the input pattern, seen through the transposed filters and the positions that max-pooling chose.",
        "透过转置滤波器与最大池化所选位置重构出的输入图案。",
    ),
    cannot=Text(
        "Why this class rather than another: it mostly reconstructs the image.",
        "为何是这一类而非另一类：它大体上是在重构图像。",
    ),
    check=Text(
        "Make it for another class, or with randomised upper layers: it should change, often it hardly does.",
        "换一个类别或随机化上层再画：理应改变，实际上常常几乎不变。",
    ),
    needs=RECTIFIED,
    formula="at every ReLU: R_in = max(0, R_out); convolutions transposed; pooling by its switches",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901",
    steps=Text(
        "1. Run the input forward, which fixes the pooling switches. 2. Go back from the target; at every ReLU keep what is positive. 3. Draw the result at the input.",
        "1. 输入前向传播，确定池化位置。2. 从目标反传；在每个 ReLU 处只保留正值。3. 在输入处作图。",
    ),
)
def deconvolution(x: Inputs, target: Target) -> Looking[tuple[Attribution, ...]]:
    """The deconvnet's backward: rectify what comes back, ignore the sign of the forward.

    Returns:  Attribution of the input's shape, arbitrary units.
    Raises:   NotApplicable if an activation is composed in Python, or part of the model is scripted.
    Source:   Zeiler & Fergus 2014, arXiv:1311.2901.
    """
    seen = yield from Pass(x, grads=[INPUT], target=target, rules=DECONVNET)
    values = {spot.input: spot.gradient for spot in seen.at(INPUT)}
    return attributed(
        x,
        values,
        complete=False,
        signed=True,
        targets=seen.targets,
        notes=seen.notes,
        unit=Text("arbitrary units", "任意单位"),
    )
