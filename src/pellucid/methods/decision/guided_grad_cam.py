"""Guided Grad-CAM: the fine details of guided backpropagation, where Grad-CAM sees the class."""

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, together
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.registry import factory, method
from pellucid.results import Attribution
from pellucid.results.resample import resample


@method(
    title=Text("Guided Grad-CAM", "引导 Grad-CAM"),
    question=Text(
        "Which fine details of the input lie in the regions that raise this output?",
        "抬高该输出的区域内有哪些精细细节？",
    ),
    shows=Text(
        "Edges and textures of guided backpropagation, as strong as Grad-CAM is at their place.",
        "引导反向传播得到的边缘与纹理，强度按该处的 Grad-CAM 加权。",
    ),
    cannot=Text(
        "Which of the details decide: where they lie depends on the class, but the details themselves hardly do; they resemble an edge detector's.",
        "哪些细节起决定作用：细节的位置取决于类别，而细节本身几乎与类别无关，与边缘检测器的结果相似。",
    ),
    check=Text(
        "Look at grad_cam alone: only its regions are about the class. Make it for a rival class and compare.",
        "单独查看 grad_cam：只有它的区域与类别有关；再为竞争类别作图对比。",
    ),
    needs=Text(
        "A network of rectifiers (ReLU and its kin) with a layer that keeps the grid of the input.",
        "由整流激活函数（ReLU 及其变体）组成、且有一层保留输入网格的网络。",
    ),
    formula="G = guided backpropagation ⊙ upsampled ReLU(Σ_k α_k A^k)",
    paper="Selvaraju et al. 2017, arXiv:1610.02391, section 3.2",
    steps=Text(
        "1. Make Grad-CAM at the layer. 2. Enlarge it bilinearly to the grid of the input. 3. Make guided backpropagation. 4. Multiply the two.",
        "1. 在该层作 Grad-CAM。2. 双线性放大到输入的网格。3. 作引导反向传播。4. 二者相乘。",
    ),
)
def guided_grad_cam(x: Inputs, target: Target, layer: Layer = "last spatial") -> Looking[tuple[Attribution, ...]]:
    """Guided backpropagation times enlarged Grad-CAM.

    Args:
        layer: where Grad-CAM is read; every place on the input's grid that it denotes makes one result.
    Returns:  Attribution of the input's shape, arbitrary units.
    Raises:   NotApplicable if one of the two does not apply, or no explained input has the grid of the map.
    Source:   Selvaraju et al. 2017, arXiv:1610.02391, section 3.2.
    """
    guided, cams = yield from together(
        factory("guided_backprop")().look(x, target), factory("grad_cam")(layer=layer).look(x, target)
    )
    found = [
        _made(fine, map_)
        for map_ in (cams if isinstance(cams, tuple) else (cams,))
        for fine in (guided if isinstance(guided, tuple) else (guided,))
        if fine.values.ndim == map_.values.ndim + 1
    ]
    if not found:
        raise NotApplicable(
            Text(
                "no explained input has the grid of the map, so the two cannot be multiplied",
                "没有被解释的输入与该图网格相同，二者无法相乘",
            )
        )
    return tuple(found)


def _made(fine: Attribution, coarse: Attribution) -> Attribution:
    enlarged = resample(coarse.values, fine.values.shape[2:])
    return fine.with_(
        values=fine.values * np.expand_dims(enlarged, 1).astype(fine.values.dtype),
        layer=coarse.layer,
        notes=tuple(dict.fromkeys((*fine.notes, *coarse.notes))),
        facts={},
    )
