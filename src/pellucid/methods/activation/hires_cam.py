"""HiResCAM: each cell's own share of the target, without averaging the gradient."""

from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import gradient_cams
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("HiResCAM", "HiResCAM 逐格类激活图"),
    question=Text(
        "Which cells of this layer did the network use for this output?", "网络用了该层的哪些位置来得到这个输出？"
    ),
    shows=Text(
        "Bright: what is found in this very cell raises the score. With one linear layer behind, the cells add up to the score less the bias.",
        "越亮：恰在此格的内容抬高得分。若其后仅有一个线性层，各格之和等于得分减去偏置。",
    ),
    cannot=Text(
        "Whether the score would fall without the cell, where more than one layer follows: it is then a first-order estimate. relu=True hides what speaks against the target.",
        "若其后不止一层，则不能断定去掉该格后得分会下降：此时只是一阶估计。relu=True 会隐藏反对目标的部分。",
    ),
    check=Text(
        "relu=False: the sum over the cells beside the score; occlusion of the brightest cells.",
        "用 relu=False 比较各格之和与得分；遮挡最亮的格。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k ∂f_t/∂A^k ⊙ A^k)",
    paper="Draelos and Carin 2020, arXiv:2011.08891",
    steps=Text(
        "1. Choose the target. 2. Run forward and take the gradient of the target at each cell of each feature map. 3. Multiply by the feature map, cell by cell. 4. Add the maps up. 5. Keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播，求目标对每个特征图每一格的梯度。3. 逐格与特征图相乘。4. 将各图相加。5. 保留正值，放大并叠加到输入上。",
    ),
)
def hires_cam(
    x: Inputs, target: Target, layer: Layer = "last spatial", relu: bool = True
) -> Looking[tuple[Attribution, ...]]:
    """Multiply each cell by its own gradient and add the channels up.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps the evidence against the target.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target; with a linear map behind the layer,
        `relu=False` sums to f(x) less the bias.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Draelos and Carin 2020, arXiv:2011.08891, eq. 5; the ReLU is Grad-CAM's, for the picture.
    """
    return (yield from gradient_cams(x, target, layer, _weigh, relu=relu))


def _weigh(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient * activation).sum(1)
