"""Exploding gradients: what comes back to the first layers is far more than left the last."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.flow import flow
from pellucid.engine.looker import Looker
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.spell import number

HIGH, MEDIUM, FEWEST = 1e4, 1e3, 3


@check(
    title=Text("Exploding gradient", "梯度爆炸"),
    why=Text(
        "One step then throws the first layers far away, and the loss jumps or becomes NaN.",
        "此时一步更新就会把前几层抛得很远，损失随之跳变或变为 NaN。",
    ),
    advice=Text(
        "Initialise with smaller weights, add a normalisation, clip the gradient.",
        "减小初始权重，加入归一化，或裁剪梯度。",
    ),
    rank=58,
)
def exploding_gradients(x: Inputs, target: Target, lens: Looker) -> Checking:
    """The gradient at the first layer, as a multiple of the last layer's."""
    found = yield from flow(x, target, lens)
    norms = found.norms
    if len(norms) < FEWEST or not np.isfinite(norms).all() or not norms[-1] > 0:
        return []
    times = float(norms[0] / norms[-1])
    if times <= MEDIUM:
        return []
    said = Text(
        f"The gradient at '{found.labels[0]}' is {number(times)} times that at '{found.labels[-1]}'.",
        f"“{found.labels[0]}”处的梯度是“{found.labels[-1]}”处的 {number(times)} 倍。",
    )
    return [Noticed("high" if times > HIGH else "medium", found.labels[0], said, found.picture)]
