"""Grad-CAM: the regions of the input that raise the target, read at one layer."""

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
    title=Text("Grad-CAM", "Grad-CAM 类激活热力图"),
    question=Text("Which regions raise this output?", "哪些区域抬高了这个输出？"),
    shows=Text(
        "Bright: the features found here, weighed by how much they raise the score, speak for the target.",
        "越亮：此处的特征按其对得分的提升加权后，支持目标。",
    ),
    cannot=Text(
        "Fine detail: the map is as coarse as the layer. Nor evidence against the target, which the ReLU cuts off.",
        "精细细节：图的分辨率与该层相同。也看不到反对目标的证据，它们被 ReLU 截去。",
    ),
    check=Text(
        "Cover the bright region and see whether the score falls; look at the map of a rival class.",
        "遮住明亮区域，看得分是否下降；再看竞争类别的图。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k α_k A^k),  α_k = mean over cells of ∂f_t / ∂A^k",
    paper="Selvaraju et al. 2017, arXiv:1610.02391",
    steps=Text(
        "1. Choose the target. 2. Run forward to the layer and on to the output. 3. Take the gradient of the target with respect to each feature map. 4. Average it over the map: the weight of that map. 5. Add up the weighted maps. 6. Keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播经过该层直至输出。3. 求目标对每个特征图的梯度。4. 在图上取平均，即该特征图的权重。5. 加权相加。6. 保留正值，放大并叠加到输入上。",
    ),
    tour=10,
)
def grad_cam(
    x: Inputs, target: Target, layer: Layer = "last spatial", relu: bool = True
) -> Looking[tuple[Attribution, ...]]:
    """Weigh each channel by its mean gradient, add the channels up, keep what is positive.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        relu: False keeps the evidence against the target.
    Returns:  Attribution `(batch, *grid of the layer)`, in units of the target per cell, laid on the input.
    Raises:   NotApplicable if the layer does not lie on the input's grid.
    Source:   Selvaraju et al. 2017, arXiv:1610.02391, eq. 1 and 2.
    """
    return (yield from gradient_cams(x, target, layer, _weigh, relu=relu, per_cell=True, remark=_remark))


def _weigh(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean(axes_of_cells(gradient), keepdim=True) * activation).sum(1)


def _remark(activation: Tensor, gradient: Tensor) -> tuple[Text, ...]:
    """Whether the mean gradient stands for the gradients: the bright cells must bring more than a cell does at random."""
    bright = _weigh(activation, gradient).relu().flatten(1)
    brought = (gradient * activation).sum(1).flatten(1)
    there = (bright * brought).sum(1) / bright.sum(1)
    astray = int((there < brought.abs().mean(1)).sum())
    if not astray:
        return ()
    return (
        Text(
            f"In {astray} of {len(bright)} examples the bright cells bring the score no more than cells do on average: their gradients differ too much for one mean. hires_cam and layer_cam weigh each cell by its own.",
            f"{len(bright)} 个样本中有 {astray} 个的明亮格对得分的贡献不高于各格的平均水平：各格梯度相差太大，均值不足以代表。hires_cam 与 layer_cam 按每格自身的梯度加权。",
        ),
    )
