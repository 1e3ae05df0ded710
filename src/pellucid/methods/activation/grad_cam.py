"""Grad-CAM: the regions of the input that raise the target, read at one layer."""

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen, Spot
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.spatial import channels_first
from pellucid.registry import method
from pellucid.results import Attribution
from pellucid.results.array import as_array

_AXES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}


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
    seen = yield from Pass(x, keep=[layer], grads=[layer], target=target)
    spots = seen.at(layer)
    on_grid = [spot for spot in spots if spot.layout is not None]
    return tuple(_map(x, seen, spot, relu) for spot in on_grid or spots)


def _map(x: Inputs, seen: Seen, spot: Spot, relu: bool) -> Attribution:
    activation = channels_first(spot.value, spot.layout, spot.address)
    gradient = channels_first(spot.gradient, spot.layout, spot.address)
    cells = tuple(range(2, activation.ndim))
    signed = (gradient.mean(cells, keepdim=True) * activation).sum(1)
    rank = len(cells)
    reached = (gradient != 0).flatten(1).any(1)
    against = reached & ~(signed > 0).flatten(1).any(1)
    return Attribution(
        values=as_array(signed.relu() if relu else signed),
        axes=("batch", *_AXES[rank]),
        base=x.canvas(rank),
        signed=not relu,
        layer=spot.address,
        targets=seen.targets,
        notes=seen.notes + _notes(int((~reached).sum()), int(against.sum()) if relu else 0, len(signed)),
        unit=Text(f"{seen.targets[0].unit} per cell", f"{seen.targets[0].unit} / 格"),
        facts={"without gradient": int((~reached).sum())},
    )


def _notes(unreached: int, against: int, examples: int) -> tuple[Text, ...]:
    found: list[Text] = []
    if unreached:
        found.append(
            Text(
                f"In {unreached} of {examples} examples no gradient reaches this layer's cells, so the map is empty: take an earlier layer.",
                f"{examples} 个样本中有 {unreached} 个的梯度没有到达该层的各位置，图为空：请改用更早的层。",
            )
        )
    if against:
        found.append(
            Text(
                f"In {against} of {examples} examples no cell speaks for the target: after the ReLU the map is empty. relu=False shows it.",
                f"{examples} 个样本中有 {against} 个没有任何位置支持目标：经 ReLU 后图为空。可用 relu=False 查看。",
            )
        )
    return tuple(found)
