"""EigenCAM: what stands out most at a layer, whatever the output."""

from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen, Spot
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import drawn, on_cells, on_grid
from pellucid.ops.projection import leading_projection
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("EigenCAM", "EigenCAM 主成分激活图"),
    question=Text("What stands out most at this layer, whatever the answer?", "不论答案为何，该层中什么最突出？"),
    shows=Text(
        "Bright: cells far along the direction in which the features of the cells differ most. Often the main object.",
        "越亮：沿各格特征差异最大的方向越远。通常是主要物体。",
    ),
    cannot=Text(
        "Anything about a class: neither target nor gradient is used. Its sign is a convention (the entry of largest magnitude is positive), so the background can be the bright part.",
        "任何与类别有关的内容：既不用目标也不用梯度。符号是约定（绝对值最大者为正），因此亮的也可能是背景。",
    ),
    check=Text(
        "facts['variance']: the share of all differences that this one direction holds; relu=False shows the other end.",
        "facts['variance']：该方向占全部差异的比例；relu=False 显示另一端。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(±(A − mean A) v₁),  A: cells × channels, v₁ its first right singular vector",
    paper="Muhammad and Yeasin 2020, arXiv:2008.00299",
    steps=Text(
        "1. Run forward to the layer. 2. Write its cells as rows, its channels as columns, and centre the columns. 3. Find the direction along which the rows differ most. 4. Measure how far each cell lies along it. 5. Choose the sign, keep what is positive, enlarge it, lay it on the input.",
        "1. 前向传播到该层。2. 以各格为行、通道为列，并将各列中心化。3. 找出各行差异最大的方向。4. 求每格沿该方向的距离。5. 选定符号，保留正值，放大并叠加到输入上。",
    ),
)
def eigen_cam(x: Inputs, layer: Layer = "last spatial", relu: bool = True) -> Looking[tuple[Attribution, ...]]:
    """Project the centred cells on their first right singular vector; the largest magnitude is made positive.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps the other end of the direction.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the activation; `facts["variance"]` is the share
        of the variance along the direction, per example.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Muhammad and Yeasin 2020, arXiv:2008.00299; centred as in pytorch-grad-cam, sign fixed.
    """
    seen = yield from Pass(x, keep=[layer])
    return tuple(_map(x, seen, spot, relu) for spot in on_grid(seen, layer))


def _map(x: Inputs, seen: Seen, spot: Spot, relu: bool) -> Attribution:
    activation: Tensor = on_cells(spot, spot.value)
    along, share = leading_projection(activation.flatten(2).mT)
    flat = int((along == 0).all(1).sum())
    return drawn(
        x,
        seen,
        spot,
        along.unflatten(1, activation.shape[2:]),
        relu=relu,
        unit=Text("activation", "激活值"),
        facts={"variance": tuple(share.tolist())} | ({"zero before the ReLU": flat} if flat else {}),
        notes=_alike(flat, len(along)) if flat else (),
    )


def _alike(flat: int, examples: int) -> tuple[Text, ...]:
    return (
        Text(
            f"In {flat} of {examples} examples all cells of this layer are alike: nothing stands out.",
            f"{examples} 个样本中有 {flat} 个在该层的各格都相同：没有突出之处。",
        ),
    )
