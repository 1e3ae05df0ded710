"""Score-CAM: channels weighed by the score of the input seen through them; needs no gradient."""

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import SPATIAL_LAYER
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen, Spot
from pellucid.engine.rows import rows_per_pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.activation._cam import drawn, on_cells, on_grid, told
from pellucid.methods.activation._seen_through import Window
from pellucid.registry import method
from pellucid.results import Attribution

LONELY = 0.5


@method(
    title=Text("Score-CAM", "Score-CAM 得分类激活图"),
    question=Text(
        "Where are the features through which alone the network still sees this output?",
        "只透过哪些特征看输入，网络仍能得出该输出？它们在哪里？",
    ),
    shows=Text(
        "Bright: where those features are active that, laid over the input as a mask, leave the score high.",
        "越亮：此处活跃的特征若作为掩膜覆盖输入，得分仍然高。",
    ),
    cannot=Text(
        "What a single feature cannot carry: masks are tried one at a time. Masked parts become zero, the mean colour of normalised images, not nothing.",
        "单个特征无法承载的内容：掩膜逐一尝试。被遮部分变为零（对归一化图像即平均颜色），并非“空”。",
    ),
    check=Text(
        "Read facts['weights']: if one channel carries nearly all the weight, the map is that channel. Beside Ablation-CAM, which takes features away instead.",
        "查看 facts['weights']：若一个通道几乎占全部权重，此图就是该通道。与反过来去掉特征的 Ablation-CAM 对照。",
    ),
    needs=SPATIAL_LAYER,
    formula="L = ReLU(Σ_k w_k A^k),  w = softmax over k of f_t(x ⊙ M^k),  M^k = (up(A^k) − min) / (max − min)",
    paper="Wang et al. 2020, arXiv:1910.01279",
    steps=Text(
        "1. Choose the target. 2. Run forward, keep the feature maps of the layer. 3. Enlarge each to the input and stretch it to 0..1: a mask. 4. Score the input multiplied by each mask. 5. Turn the scores into weights by softmax over the maps. 6. Add up the weighted maps, keep what is positive, lay it on the input.",
        "1. 选定目标。2. 前向传播，保留该层的特征图。3. 将每个特征图放大到输入大小并拉伸到 0..1，作为掩膜。4. 求输入乘以每个掩膜后的得分。5. 对各图的得分做 softmax 得到权重。6. 加权相加，保留正值，叠加到输入上。",
    ),
    quick={"channels": 4},
)
def score_cam(
    x: Inputs,
    target: Target,
    layer: Layer = "last spatial",
    channels: Annotated[int, Ge(1)] | None = 128,
    relu: bool = True,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Look at the input through each channel, weigh the channels by what is scored then, add them up.

    The variant of the paper and of pytorch-grad-cam: softmax over the channels of the target's score. (The authors'
    code takes the probability of the class instead.) The score of an empty input, which the paper subtracts first,
    cancels in the softmax.

    Args:
        layer: where to read; every place on the input's grid that it denotes makes one result.
        channels: look through so many, those that vary most over the cells; None: all. A constant channel is no mask
            and is left out.
        relu: False keeps what negative activations contribute.
        batch_size: most masked inputs in one pass; None: as many as suit the device.
    Returns:  Attribution `(batch, *grid of the layer)`, a weighted mean of activations, laid on the input; `facts` hold
        the `"weights"` per example and channel, which sum to 1, and the scores.
    Raises:   NotApplicable if the layer does not lie on the input's grid, or no input lies on that of the layer.
    Source:   Wang et al. 2020, arXiv:1910.01279, eq. 4 to 7.
    """
    seen = yield from Pass(x, keep=[layer], target=target)
    found: list[Attribution] = []
    for spot in on_grid(seen, layer):
        cells = on_cells(spot, spot.value)
        window = Window(x, seen.trace, cells.ndim - 2, spot.address)
        chosen = [_chosen(one.flatten(1), channels) for one in cells]
        weights = yield from _weights(x, target, window, cells, chosen, batch_size)
        found.append(_map(x, seen, spot, weights, relu, chosen))
    return tuple(found)


def _chosen(cells: Tensor, channels: int | None) -> Tensor:
    """Channels that are not constant; those that vary most."""
    varying = (cells.amax(1) > cells.amin(1)).nonzero()[:, 0]
    if channels is None or len(varying) <= channels:
        return varying
    return varying[cells[varying].var(1).topk(channels).indices].sort().values


def _weights(
    x: Inputs, target: Target, window: Window, cells: Tensor, chosen: list[Tensor], batch_size: int | None
) -> Looking[Tensor]:
    """`(batch, channel)`; zero where a channel was not looked through."""
    weights = torch.zeros(cells.shape[:2], dtype=torch.float64, device=cells.device)
    rows, done, total = rows_per_pass(x, batch_size), 0, sum(map(len, chosen))
    for example, some in enumerate(chosen):
        alone, scores = x.rows(example, example + 1), weights.new_zeros(len(some))
        for start in range(0, len(some), rows):
            part = some[start : start + rows]
            many = window.seen_through(alone, cells[example, part])
            one = Pass(many, target=target, start=example, expand=len(part), step=(done, total))
            scores[start : start + rows] = (yield from one).scores.to(scores)
            done += len(part)
        weights[example, some] = scores.softmax(0)
    return weights


def _map(x: Inputs, seen: Seen, spot: Spot, weights: Tensor, relu: bool, chosen: list[Tensor]) -> Attribution:
    cells = on_cells(spot, spot.value)
    signed = torch.einsum("bc,bc...->b...", weights.to(cells), cells)
    silent = (signed == 0).flatten(1).all(1)
    against = ~silent & (signed <= 0).flatten(1).all(1)
    notes = told(0, int(against.sum()) if relu else 0, int(silent.sum()), len(signed))
    varying = (cells.flatten(2).amax(2) > cells.flatten(2).amin(2)).sum(1)
    used, most = max(map(len, chosen)), int(varying.max())
    if used < most:
        notes += (_chose(used, most),)
    lonely = int((weights.amax(1) > LONELY).sum())
    if lonely and used > 1:
        notes += (_lonely(lonely, len(signed)),)
    facts = {"weights": tuple(map(tuple, weights.tolist())), "score": tuple(seen.scores.double().tolist())}
    return drawn(x, seen, spot, signed, relu=relu, unit=Text("activation", "激活值"), facts=facts, notes=notes)


def _chose(used: int, channels: int) -> Text:
    return Text(
        f"Looked through the {used} channels that vary most, of {channels} that vary (channels=None: all).",
        f"在 {channels} 个有变化的通道中，透过变化最大的 {used} 个观察（channels=None 则使用全部）。",
        aside=True,
    )


def _lonely(some: int, examples: int) -> Text:
    return Text(
        f"In {some} of {examples} examples one channel carries more than half of the weight: the map is mostly that channel.",
        f"{examples} 个样本中有 {some} 个由单个通道占一半以上权重：此图主要就是该通道。",
    )
