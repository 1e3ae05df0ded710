"""FullGrad: the input and every constant of the network, each with its share of the target."""

from typing import Literal

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.evidence import by_example, enlarged, unit_range
from pellucid.ops.spatial import channels_first
from pellucid.registry import method
from pellucid.results import Attribution
from pellucid.results.array import as_array

_AXES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_RANKS = {"series": 1, "image": 2, "volume": 3}
NOTABLE = 0.01
_INSTEAD = Text(
    "input_x_gradient gives the share of each part of any input", "input_x_gradient 给出任何输入各部分的份额"
)


@method(
    title=Text("FullGrad", "FullGrad 全梯度图"),
    question=Text(
        "Where do the input and the biases of all layers act on this output?", "输入与各层偏置在哪里影响这个输出？"
    ),
    shows=Text(
        "Bright: the pixel itself, and the constants that layers add there, have large shares of the target, for it or against it.",
        "越亮：该像素本身以及各层在此处加上的常数，在目标中占的份额越大，无论支持还是反对。",
    ),
    cannot=Text(
        "For or against: absolute values are added. Nor what constants without a place (of linear layers) contribute.",
        "支持还是反对：相加的是绝对值。也看不到没有位置的常数（线性层的偏置）的贡献。",
    ),
    check=Text(
        "On networks of ReLU facts['gap'] is zero but for rounding: input and constants make up the whole score.",
        "在 ReLU 网络上，除舍入误差外 facts['gap'] 为零：输入与常数合起来正是全部得分。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = Σ_k |x_k ∂f_t/∂x_k| + Σ_l Σ_k |c_lk ∂f_t/∂c_lk|, enlarged to the input",
    paper="Srinivas & Fleuret 2019, arXiv:1905.00780",
    steps=Text(
        "1. Run forward and back once. 2. Multiply the input by its gradient. 3. Multiply every constant that a layer adds (biases, shifts of normalisations) by the gradient at its sum. 4. Take absolute values, add channels, enlarge each map to the input. 5. Add the maps.",
        "1. 前向、反向各一次。2. 输入乘以其梯度。3. 各层所加的每个常数（偏置、归一化的平移）乘以其和处的梯度。4. 取绝对值，通道相加，将每幅图放大到输入大小。5. 各图相加。",
    ),
)
def full_grad(x: Inputs, target: Target, scaling: Literal["none", "layer", "channel"] = "none") -> Looking[Attribution]:
    """Absolute shares of the input and of all constants on its grid, added up.

    Args:
        scaling: what is done with maps before they are added: nothing, so that a map counts by its share of the target;
            or each is brought to 0..1, the maps of a "layer" together (as the authors do) or each "channel" by itself.
    Returns:  Attribution `(batch, *grid of the input)`, without sign, in units of the target per cell of the layer (no
        unit if scaled). `facts`, per example: `"gap"`, what input and constants miss the score by; `"constants"`, what
        all constants add up to; `"off the grid"`, what those add up to that have no place in the picture.
    Raises:   NotApplicable if the input has no grid.
    Source:   Srinivas & Fleuret 2019, arXiv:1905.00780, eq. 5; scaling "layer" is that of the authors' code.
    """
    rank, name = _grid(x)
    seen = yield from Pass(x, keep=[INPUT], grads=[INPUT], target=target, constants=True)
    shares = {spot.input: spot.value * spot.gradient for spot in seen.at(INPUT)}
    maps, entered = [shares[name]], torch.stack([by_example(one, x.size) for one in shares.values()]).sum(0)
    off, held = torch.zeros_like(entered), torch.zeros_like(entered)
    for constant in seen.constants:
        share = constant.value * constant.gradient
        held += by_example(share, x.size)
        if constant.layout is not None and len(constant.layout.grid) == rank:
            maps.append(channels_first(share, constant.layout, constant.address))
        else:
            off += by_example(share, x.size)
    if len(maps) == 1 and seen.constants:
        raise NotApplicable(
            Text(
                "no constant lies on the grid of the input, as those of a convolution do",
                "没有常数位于输入的网格上（卷积层的常数即位于其上）",
            ),
            hint=_INSTEAD,
        )
    scores = seen.scores.cpu().double()
    gap = entered + held - scores
    grid = tuple(shares[name].shape[2:])
    total = sum(_drawn(one, scaling, grid) for one in maps)
    return Attribution(
        values=as_array(total),
        axes=("batch", *_AXES[rank]),
        base=x.base[name],
        targets=seen.targets,
        notes=seen.notes + _curved(gap, scores),
        unit=_unit(seen, scaling),
        input=name,
        facts={
            "gap": tuple(gap.tolist()),
            "constants": tuple(held.tolist()),
            "off the grid": tuple(off.tolist()),
            "maps": len(maps),
        },
    )


def _grid(x: Inputs) -> tuple[int, str]:
    """The number of spatial axes of the first input that has any, and its name."""
    for name in x.explained:
        base = x.base.get(name)
        if base is not None and base.kind in _RANKS and not x.is_discrete:
            return _RANKS[base.kind], name
    raise NotApplicable(
        Text(
            "the input has no grid of pixels, steps or voxels on which the maps of convolution layers could lie",
            "输入没有像素、时间步或体素的网格，卷积层的图无处可放",
        ),
        hint=_INSTEAD,
    )


def _drawn(share: Tensor, scaling: str, grid: tuple[int, ...]) -> Tensor:
    """Absolute values, scaled, on the grid of the input, channels added; `(batch, *grid)`."""
    size = share.abs()
    size = size if size.element_size() > 2 else size.float()
    if scaling != "none":
        return enlarged(unit_range(size, each=scaling == "channel"), grid).sum(1)
    return enlarged(size.sum(1, keepdim=True), grid)[:, 0]


def _unit(seen: Seen, scaling: str) -> Text | str:
    unit = seen.targets[0].unit
    return Text(f"{unit} per cell", f"{unit} / 格") if scaling == "none" else Text("sum of scaled maps", "缩放后之和")


def _curved(gap: Tensor, scores: Tensor) -> tuple[Text, ...]:
    """A note where input and constants are not the whole score."""
    missed = float((gap.abs() / scores.abs().clamp(min=1e-30)).max())
    if missed <= NOTABLE:
        return ()
    return (
        Text(
            f"Input and constants miss the score by up to {missed:.0%} of it: the network bends (GELU, the cap of ReLU6, softmax, normalisation), which no bias accounts for.",
            f"输入与常数之和与得分最多相差其 {missed:.0%}：网络是弯曲的（GELU、ReLU6 的上限、softmax、归一化），这部分不归于任何偏置。",
        ),
    )
