"""Ablation-CAM: channels weighed by how far the score falls when each is taken away; needs no gradient."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import drawn, on_cells, on_grid, told
from pellucid.methods.activation._channels import Ablation, ablated
from pellucid.registry import method
from pellucid.results import Attribution


@method(
    title=Text("Ablation-CAM", "Ablation-CAM 消融类激活图"),
    question=Text(
        "Where are the features without which this output would fall, measured by taking them away?",
        "去掉哪些特征会使该输出下降？它们在哪里？（逐一去掉并实测）",
    ),
    shows=Text(
        "Bright: where features are active whose loss was measured to lower the score.",
        "越亮：此处活跃的特征经实测一旦去掉，得分就会下降。",
    ),
    cannot=Text(
        "Features that stand in for each other: taken away one at a time, neither is missed. Fine detail.",
        "可以互相替代的特征：每次只去掉一个，谁的缺失都看不出来。也看不到精细细节。",
    ),
    check=Text(
        "Beside Grad-CAM, which estimates the same drops from the gradient: where they differ, the score is not linear in the feature. Try value='mean'.",
        "与用梯度估计同样下降量的 Grad-CAM 对照：差异之处，得分对该特征不是线性的。再试 value='mean'。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k w_k A^k),  w_k = (f_t − f_t(A^k → 0)) / |f_t|",
    paper="Desai & Ramaswamy 2020, WACV, doi:10.1109/WACV45572.2020.9093360",
    steps=Text(
        "1. Choose the target. 2. Run forward once, keep the feature maps of the layer. 3. For each map, set it to zero and run on from the layer. 4. The share of the score that is lost is the weight of the map. 5. Add up the weighted maps. 6. Keep what is positive, enlarge it, lay it on the input.",
        "1. 选定目标。2. 前向传播一次，保留该层的特征图。3. 逐一将每个特征图置零，从该层继续前向传播。4. 损失的得分所占份额即该图的权重。5. 加权相加。6. 保留正值，放大并叠加到输入上。",
    ),
)
def ablation_cam(
    x: Inputs,
    target: Target,
    layer: Layer = "last spatial",
    value: float | Literal["mean", "min"] = 0.0,
    channels: Annotated[int, Ge(1)] | None = None,
    relu: bool = True,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Take each channel away, see how far the score falls, add the channels up with these weights.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        value: what the cells of a channel become: a number, their own `"mean"` or `"min"`; prefix tokens stay.
        channels: take away only so many, those with the largest first-order drop |Σ g (A − value)|, which stands for the
            measured one in the others and equals it where no ReLU flips; needs a gradient. None: all, without one.
        relu: False keeps the evidence against the target.
        batch_size: most channels taken away in one pass; None: as many as suit the device. What lies before the layer
            runs once a pass.
    Returns:  Attribution `(batch, *grid of the layer)`, activation × share of the score, laid on the input; `facts` hold
        the `"drops"` in units of the target per example and channel, and the scores. The paper divides by the score;
        here by its magnitude, which differs where the score is negative: there it would turn all signs.
    Raises:   NotApplicable if the layer does not lie on the input's grid, or cannot be replaced.
    Source:   Desai & Ramaswamy 2020, WACV, eq. 5 and 6.
    """
    seen = yield from Pass(x, keep=[layer], grads=[] if channels is None else [layer], target=target)
    found: list[Attribution] = []
    for spot in on_grid(seen, layer):
        cells = on_cells(spot, spot.value).flatten(2)
        fill = _fill(cells, value)
        first = _first_order(spot, cells, fill) if channels is not None else None
        chosen = [
            _chosen(one[0], one[1], None if first is None else first[i], channels)
            for i, one in enumerate(zip(cells, fill, strict=True))
        ]
        drops = yield from ablated(x, target, Ablation(spot, fill, chosen), seen.scores, batch_size)
        found.append(_map(x, seen, spot, drops, first, chosen, relu))
    return tuple(found)


def _fill(cells: Tensor, value: float | str) -> Tensor:
    if value == "mean":
        return cells.mean(2)
    return cells.amin(2) if value == "min" else torch.full_like(cells[..., 0], float(value))


def _first_order(spot: Spot, cells: Tensor, fill: Tensor) -> Tensor:
    return (on_cells(spot, spot.gradient).flatten(2) * (cells - fill[..., None])).sum(2).double()


def _chosen(cells: Tensor, fill: Tensor, first: Tensor | None, channels: int | None) -> Tensor:
    """Channels that would change at all; the most promising of them."""
    live = (cells != fill[:, None]).any(1).nonzero()[:, 0]
    if first is None or channels is None or len(live) <= channels:
        return live
    return live[first[live].abs().topk(channels).indices].sort().values


def _map(
    x: Inputs, seen: Seen, spot: Spot, drops: Tensor, first: Tensor | None, chosen: list[Tensor], relu: bool
) -> Attribution:
    cells, scores = on_cells(spot, spot.value), seen.scores.to(drops)
    notes: tuple[Text, ...] = ()
    if first is not None:
        measured = torch.zeros_like(drops, dtype=torch.bool)
        for i, some in enumerate(chosen):
            measured[i, some] = True
        drops = torch.where(measured, drops, first)
        notes += (_screened(max(map(len, chosen)), drops.shape[1]),)
    shares = drops / torch.where(scores == 0, 1.0, scores.abs())[:, None]
    signed = torch.einsum("bc,bc...->b...", shares.to(cells), cells)
    empty = (signed == 0).flatten(1).all(1)
    against = ~empty & (signed <= 0).flatten(1).all(1)
    negative = int((scores < 0).sum())
    notes += told(0, int(against.sum()) if relu else 0, int(empty.sum()), len(signed))
    if negative:
        notes += (_negative(negative, len(signed)),)
    facts = {"drops": tuple(map(tuple, drops.tolist())), "score": tuple(scores.tolist())}
    unit = Text("activation × share of the score", "激活 × 得分份额")
    return drawn(x, seen, spot, signed, relu=relu, unit=unit, facts=facts, notes=notes)


def _screened(some: int, channels: int) -> Text:
    return Text(
        f"{some} of {channels} channels were taken away; the drop of the others is estimated from the gradient.",
        f"{channels} 个通道中实际去掉了 {some} 个；其余通道的下降量由梯度估计。",
        aside=True,
    )


def _negative(some: int, examples: int) -> Text:
    return Text(
        f"In {some} of {examples} examples the score is negative: drops are divided by its magnitude, so that bright still speaks for the target.",
        f"{examples} 个样本中有 {some} 个的得分为负：下降量除以其绝对值，使亮处仍表示支持目标。",
    )
