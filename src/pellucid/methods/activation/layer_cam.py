"""LayerCAM: cells weighed one by one with their positive gradients; sharp at early layers too."""

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
    title=Text("LayerCAM", "LayerCAM 逐层类激活图"),
    question=Text(
        "Which cells raise this output, seen at any depth of the network?", "在网络的任意深度，哪些位置抬高了这个输出？"
    ),
    shows=Text(
        "Bright: features in this cell whose increase would raise the score. Early layers give fine outlines, late ones whole objects.",
        "越亮：该格中的特征若增强会抬高得分。浅层给出细致轮廓，深层给出整个物体。",
    ),
    cannot=Text(
        "What speaks against the target: negative gradients are dropped before they could cancel anything, so the map overstates.",
        "反对目标的内容：负梯度在抵消之前就被去掉，因此图会偏大。",
    ),
    check=Text(
        "Beside HiResCAM, which keeps the negative gradients: where only LayerCAM is bright, for and against cancel.",
        "与保留负梯度的 HiResCAM 对照：只有 LayerCAM 亮的地方，正反两方相互抵消。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k ReLU(∂f_t/∂A^k) ⊙ A^k)",
    paper="Jiang et al. 2021, doi:10.1109/TIP.2021.3089943",
    steps=Text(
        "1. Choose the target. 2. Run forward and take the gradient of the target at each cell of each feature map, by default those of the last block, in front of the convolutions of a head. 3. Set negative gradients to zero. 4. Multiply by the feature map, cell by cell. 5. Add the maps up, keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播，求目标对每个特征图每一格的梯度；默认取最后一个块的特征图，即分类头的卷积之前。3. 将负梯度置零。4. 逐格与特征图相乘。5. 将各图相加，保留正值，放大并叠加到输入上。",
    ),
)
def layer_cam(
    x: Inputs, target: Target, layer: Layer = "last block", relu: bool = True
) -> Looking[tuple[Attribution, ...]]:
    """Multiply each cell by its own gradient where that is positive, and add the channels up.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result. The last block, not the
            ReLU of a head convolution behind it: there, under a pooled linear head, only the positive weights of the
            class would be kept, and what speaks against it could not cancel what classes share.
        relu: False keeps negative activations under positive gradients; without negative activations nothing changes.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target; at least HiResCAM's map wherever the
        activations are not negative.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Jiang et al. 2021, doi:10.1109/TIP.2021.3089943, eq. 6 to 8.
    """
    return (yield from gradient_cams(x, target, layer, _weigh, relu=relu))


def _weigh(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.relu() * activation).sum(1)
