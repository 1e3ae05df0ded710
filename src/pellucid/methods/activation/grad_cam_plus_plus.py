"""Grad-CAM++: channels weighed so that several objects of a class count alike, however large each is."""

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import axes_of_cells, gradient_cams
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Grad-CAM++", "Grad-CAM++ 类激活热力图"),
    question=Text(
        "Which regions raise this output, when the object is there more than once?",
        "当物体不止一个时，哪些区域抬高了这个输出？",
    ),
    shows=Text(
        "Bright: features found here that raise the score somewhere. Small and repeated objects count as much as large ones.",
        "越亮：此处的特征在某处抬高得分。小的、重复出现的物体与大的同等计入。",
    ),
    cannot=Text(
        "What speaks against the target, or which of two classes is meant: every weight is positive, so shared features stay bright for both.",
        "反对目标的内容，以及区分两个类别：所有权重都为正，共有的特征对两者都亮。",
    ),
    check=Text(
        "Look at the map of a rival class: if it is the same, believe Grad-CAM or HiResCAM instead.",
        "查看竞争类别的图：若相同，请以 Grad-CAM 或 HiResCAM 为准。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k w_k A^k),  w_k = Σ_cells α ReLU(g),  α = g² / (2g² + g³ Σ_cells A^k),  g = ∂f_t/∂A^k",
    paper="Chattopadhyay et al. 2018, arXiv:1710.11063",
    steps=Text(
        "1. Choose the target. 2. Run forward and take the gradient g of the target at each cell of each feature map. 3. Weigh each cell by g²/(2g² + g³ΣA), as follows from the exponential of the score. 4. Add up the weighted positive gradients: the weight of that map. 5. Add up the weighted maps, keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播，求目标对每个特征图每一格的梯度 g。3. 由得分的指数推得每格的权 g²/(2g² + g³ΣA)。4. 将加权的正梯度相加，即该特征图的权重。5. 加权相加，保留正值，放大并叠加到输入上。",
    ),
)
def grad_cam_plus_plus(
    x: Inputs,
    target: Target,
    layer: Layer = "last spatial",
    relu: bool = True,
    stabilizer: Annotated[float, Ge(0)] = 0.0,
) -> Looking[tuple[Attribution, ...]]:
    """Weigh each channel by its positive gradients, cell by cell, and add the channels up.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps negative activations.
        stabilizer: added to the denominator of α. 0 is the paper's formula. pytorch-grad-cam has 1e-6, which outweighs
            2g² where gradients are below 1e-3, as they are at the last layer of most networks.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Chattopadhyay et al. 2018, arXiv:1710.11063, eq. 7 and 19 (for the exponential of the score).
    """

    def weigh(activation: Tensor, gradient: Tensor) -> Tensor:
        cells = axes_of_cells(activation)
        below = 2 + gradient * activation.sum(cells, keepdim=True)
        if stabilizer:
            below = below + stabilizer / gradient.square()
        alpha = torch.where((gradient == 0) | (below == 0), torch.zeros_like(below), 1 / below)
        return ((alpha * gradient.relu()).sum(cells, keepdim=True) * activation).sum(1)

    return (yield from gradient_cams(x, target, layer, weigh, relu=relu))
