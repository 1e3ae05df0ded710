"""Exploding gradients: what comes back to the first layers is far more than left the last."""

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.flow import flow
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.spell import number

HIGH, MEDIUM = 1e4, 1e3


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
def exploding_gradients(
    lens: Looker, x: Inputs | None = None, target: Target | None = None, run: History | None = None
) -> Checking:
    """The gradient at the first layer, as a multiple of the last layer's."""
    found = yield from flow(lens, x, target, run)
    times = found.ratio
    if times is None or times <= MEDIUM:
        return []
    said = Text(
        f"The gradient at '{found.labels[0]}' is {number(times)} times that at '{found.labels[-1]}'.{found.told.en}",
        f"“{found.labels[0]}”处的梯度是“{found.labels[-1]}”处的 {number(times)} 倍。{found.told.zh}",
    )
    return [Noticed("high" if times > HIGH else "medium", found.labels[0], said, found.picture)]
