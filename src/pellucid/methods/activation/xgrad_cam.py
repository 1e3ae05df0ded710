"""XGrad-CAM: channels weighed by their gradient where they are active, so that the weights explain the score best."""

import torch
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import axes_of_cells, gradient_cams
from pellucid.registry import method
from pellucid.results import Attribution

CANCELLED, MUCH = 0.01, 0.1


@method(
    title=Text("XGrad-CAM", "XGrad-CAM 公理化类激活图"),
    question=Text(
        "Which regions raise this output, with channels weighed where they are active?",
        "按通道活跃之处加权时，哪些区域抬高了这个输出？",
    ),
    shows=Text(
        "Bright: features found here raise the score, each channel weighed by its gradient averaged over its own activation.",
        "越亮：此处的特征抬高得分；每个通道的权重是其梯度按自身激活的加权平均。",
    ),
    cannot=Text(
        "Layers whose activations have both signs: a channel whose sum is nearly zero gets an enormous weight. A note says so.",
        "激活值有正有负的层：总和接近零的通道会得到极大的权重（会有提示）。",
    ),
    check=Text(
        "Beside Grad-CAM and HiResCAM: behind ReLU and before a linear head all three agree.",
        "与 Grad-CAM、HiResCAM 对照：在 ReLU 之后、线性输出层之前，三者一致。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k α_k A^k),  α_k = Σ_cells A^k ∂f_t/∂A^k / Σ_cells A^k",
    paper="Fu et al. 2020, arXiv:2008.02312",
    steps=Text(
        "1. Choose the target. 2. Run forward and take the gradient of the target at each cell of each feature map. 3. Average the gradient over the map with the activation as weight: the weight of that map. 4. Add up the weighted maps. 5. Keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播，求目标对每个特征图每一格的梯度。3. 以激活值为权对梯度取平均，即该特征图的权重。4. 加权相加。5. 保留正值，放大并叠加到输入上。",
    ),
)
def xgrad_cam(
    x: Inputs, target: Target, layer: Layer = "last spatial", relu: bool = True
) -> Looking[tuple[Attribution, ...]]:
    """Weigh each channel by its gradient averaged with its activation, and add the channels up.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps the evidence against the target.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target; its cells sum to HiResCAM's sum.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Fu et al. 2020, arXiv:2008.02312, eq. 8; a channel that sums to zero has weight zero.
    """
    return (yield from gradient_cams(x, target, layer, _weigh, relu=relu, remark=_remark))


def _weights(activation: Tensor, gradient: Tensor) -> Tensor:
    cells = axes_of_cells(activation)
    total = activation.sum(cells, keepdim=True)
    weights = (gradient * activation).sum(cells, keepdim=True) / torch.where(total == 0, torch.ones_like(total), total)
    return torch.where(total == 0, torch.zeros_like(weights), weights)


def _weigh(activation: Tensor, gradient: Tensor) -> Tensor:
    return (_weights(activation, gradient) * activation).sum(1)


def _remark(activation: Tensor, gradient: Tensor) -> tuple[Text, ...]:
    """Says so where channels whose positive and negative cells cancel make up a good part of the map."""
    cells = axes_of_cells(activation)
    size = activation.abs().sum(cells)
    parts = _weights(activation, gradient).abs().flatten(1) * size
    shaky = (parts * (activation.sum(cells).abs() < CANCELLED * size)).sum(1) > MUCH * parts.sum(1)
    if not shaky.any():
        return ()
    count, examples = int(shaky.sum()), len(shaky)
    return (
        Text(
            f"In {count} of {examples} examples channels whose cells cancel have enormous weights here: take a layer behind a ReLU, or HiResCAM.",
            f"{examples} 个样本中有 {count} 个存在正负相消而权重极大的通道：请改用 ReLU 之后的层，或用 HiResCAM。",
        ),
    )
