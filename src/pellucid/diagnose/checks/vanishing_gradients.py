"""Vanishing gradients: what comes back to the first layers is next to nothing."""

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.flow import flow
from pellucid.diagnose.sameness import all_zero
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.spell import number

HIGH, MEDIUM = 1e-4, 1e-3


@check(
    title=Text("Vanishing gradient", "梯度消失"),
    why=Text(
        "Layers that get next to no gradient do not learn, however long the training.",
        "几乎得不到梯度的层无论训练多久都学不到东西。",
    ),
    advice=Text(
        "Use ReLU-like activations, a normalisation or skip connections, and an initialisation that suits them.",
        "改用 ReLU 类激活、加入归一化或跳跃连接，并采用与之匹配的初始化。",
    ),
    rank=60,
)
def vanishing_gradients(
    lens: Looker, x: Inputs | None = None, target: Target | None = None, run: History | None = None
) -> Checking:
    """The gradient at the first layer, as a share of the last layer's."""
    found = yield from flow(lens, x, target, run)
    share, norms = found.ratio, found.norms
    if share is None or share >= MEDIUM:
        return []
    lost = int((norms < MEDIUM * norms[-1]).sum())
    said = Text(
        f"The gradient at '{found.labels[0]}' is {number(share)} of that at '{found.labels[-1]}'; "
        f"{lost} of {len(norms)} layers get less than a thousandth.{found.told.en}",
        f"“{found.labels[0]}”处的梯度只有“{found.labels[-1]}”处的 {number(share)} 倍；"
        f"{len(norms)} 层中有 {lost} 层不足其千分之一。{found.told.zh}",
    )
    zero = [name for name in found.labels if all_zero(lens.parameters.get(f"{name}.weight"))]
    return [Noticed("high" if share < HIGH else "medium", found.labels[0], said, found.picture, _zeros(zero))]


def _zeros(names: list[str]) -> Text | None:
    """What to try where layers of zeros let nothing pass."""
    if not names:
        return None
    return Text(
        f"All weights of '{names[-1]}' are zero, so nothing passes: load or initialise that layer first.",
        f"“{names[-1]}”的权重全为零，梯度无法通过：先重新加载或初始化该层。",
    )
