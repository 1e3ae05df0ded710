"""Sure of noise: the network is sure of its answer to pictures that show nothing."""

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.classes import chances, classes
from pellucid.diagnose.finding import Noticed
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.spell import percent
from pellucid.results.table import Table

SURE, EXAMPLES = 0.9, 8


@check(
    title=Text("Sure of pictures that show nothing", "对无内容的图像也很自信"),
    why=Text(
        "Its probabilities do not tell an input that it knows from one that it cannot know.",
        "它的概率无法区分熟悉的输入与根本无从判断的输入。",
    ),
    advice=Text(
        "Most networks are: do not read a high probability as knowledge. Strange inputs need a test of their own.",
        "多数网络都如此：不要把高概率当作“认识这个输入”。要识别陌生输入，需另行检测。",
    ),
    rank=82,
)
def sure_of_noise(x: Inputs) -> Checking:
    """The mean probability of the predicted class, for pictures, and for their pixels in random order."""
    name = x.explained[0]
    value = x.tensors[name]
    if value.ndim != 4 or value.shape[1] > 4 or value[0, 0].numel() < 64:
        raise DoesNotApply(Text("the input is no picture", "输入不是图像"))
    if x.size < EXAMPLES:
        raise DoesNotApply(Text(f"this needs at least {EXAMPLES} examples", f"至少需要 {EXAMPLES} 个样本"))
    seen = yield from Pass(x, keep=[OUTPUT])
    scores = classes(seen)
    again = yield from Pass(x.replaced({name: scattered(value)}), keep=[OUTPUT])
    real, noise = (float(chances(one).amax(1).mean()) for one in (scores, classes(again)))
    if not noise >= SURE:
        return []
    rows = (
        {"given": "x", "sure": real},
        {"given": "x[random order]", "sure": noise},
    )
    columns = {"given": Text("input", "输入"), "sure": Text("mean probability", "平均概率")}
    said = Text(
        f"Of the same pixels in random order it is {percent(noise)} sure on average, of the pictures {percent(real)}.",
        f"把像素随机打乱后，它平均仍有 {percent(noise)} 的把握（原图为 {percent(real)}）。",
    )
    return [Noticed("info", "output", said, Table(rows=rows, columns=columns))]


def scattered(value: Tensor) -> Tensor:
    """`(example, channel, height, width)` with the pixels of each example in an order of its own."""
    source = torch.Generator().manual_seed(0)
    flat = value.flatten(2)
    order = torch.stack([torch.randperm(flat.shape[2], generator=source) for _ in range(len(flat))]).to(value.device)
    return flat.gather(2, order[:, None].expand_as(flat)).view_as(value)
