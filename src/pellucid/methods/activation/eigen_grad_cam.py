"""EigenGrad-CAM: the main pattern in what the cells contribute to the target."""

import torch
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import gradient_cams
from pellucid.ops.projection import TIED, leading_projection
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("EigenGrad-CAM", "EigenGrad-CAM 主成分类激活图"),
    question=Text(
        "What is the main pattern in what the cells contribute to this output?", "各位置对该输出的贡献以何种模式为主？"
    ),
    shows=Text(
        "Bright: cells far along the direction in which the contributions of the cells differ most, counted towards the target. Smoother than HiResCAM.",
        "越亮：沿各格贡献差异最大的方向越远，以支持目标的一端为正。比 HiResCAM 平滑。",
    ),
    cannot=Text(
        "How much a cell contributes: only one direction of all contributions is left, measured from their mean. Where for and against are alike, its sign is uncertain.",
        "某格贡献多少：只保留全部贡献中的一个方向，且以均值为零点。正反两方相当时，符号不可靠。",
    ),
    check=Text("Beside HiResCAM, whose cells it is made of.", "与 HiResCAM 对照，二者出自同样的各格贡献。"),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(±(G − mean G) v₁),  G = A ⊙ ∂f_t/∂A: cells × channels, v₁ its first right singular vector",
    paper="after Muhammad and Yeasin 2020, arXiv:2008.00299",
    steps=Text(
        "1. Choose the target. 2. Run forward and take the gradient of the target at each cell of each feature map. 3. Multiply by the feature map, cell by cell. 4. Find the direction along which the cells of the products differ most, and measure how far each lies along it. 5. Choose the sign that agrees with the summed contributions, keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播，求目标对每个特征图每一格的梯度。3. 逐格与特征图相乘。4. 找出各格乘积差异最大的方向，求每格沿该方向的距离。5. 取与贡献总和一致的符号，保留正值，放大并叠加到输入上。",
    ),
)
def eigen_grad_cam(
    x: Inputs, target: Target, layer: Layer = "last spatial", relu: bool = True
) -> Looking[tuple[Attribution, ...]]:
    """Project the centred products of activation and gradient on their first right singular vector.

    The sign is that which agrees with HiResCAM's map (their inner product is positive); without any agreement the
    entry of largest magnitude is made positive.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps the other end of the direction.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   pytorch-grad-cam's EigenGradCAM, after Muhammad and Yeasin 2020, arXiv:2008.00299; sign fixed.
    """
    return (yield from gradient_cams(x, target, layer, _weigh, relu=relu))


def _weigh(activation: Tensor, gradient: Tensor) -> Tensor:
    products = (gradient * activation).flatten(2)
    along, _ = leading_projection(products.mT)
    total = products.sum(1)
    total = total - total.mean(1, keepdim=True)
    agreement = (along * total).sum(1)
    against = agreement < -TIED * along.norm(dim=1) * total.norm(dim=1)
    return torch.where(against[:, None], -along, along).unflatten(1, activation.shape[2:])
