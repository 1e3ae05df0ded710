"""Zero weights: layers of which every weight is zero."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import HOLLOW, Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.sameness import all_zero, sameness
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Step
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series


@check(
    title=Text("Weights that are all zero", "权重全为零"),
    why=Text(
        "The layer gives the same for every input, and no gradient passes through it.",
        "该层对任何输入给出相同的结果，梯度也无法通过它。",
    ),
    advice=Text(
        "Load or initialise the layer again; on purpose it is zero only beside a skip connection, or in a new last "
        "layer.",
        "重新加载或初始化该层；只有在跳跃连接旁或新的最后一层中，权重才会有意设为零。",
    ),
    rank=9,
)
def zero_weights(lens: Looker, x: Inputs | None = None) -> Checking:
    """A layer of zeros is a fault where it makes the answer the same for all; gates and new last layers are not."""
    yield from Step((0, 1))
    if lens.hollow:
        raise DoesNotApply(HOLLOW)
    held = {name: one for name, one in lens.parameters.items() if one.ndim > 1 and name.split(".")[-1] == "weight"}
    zero = [name.removesuffix(".weight") for name, one in held.items() if all_zero(one)]
    if not zero:
        return []
    cause = None
    if x is not None:
        try:
            same = yield from sameness(x, lens)
        except DoesNotApply:
            same = None
        cause = None if same is None or same.last else same.path
    picture = Series(
        curves={"zero": np.array([float(name.removesuffix(".weight") in zero) for name in held])},
        names={"zero": Text("all zero", "全为零")},
        labels=tuple(name.removesuffix(".weight") for name in held),
        position_unit=Text("layer", "层"),
        style="bar",
    )
    found = []
    if cause in zero:
        said = Text(
            f"All weights of '{cause}' are zero, and the answer is the same for every example.",
            f"“{cause}”的权重全为零，所有样本的答案都相同。",
        )
        found.append(Noticed("high", str(cause), said, picture))
    others = [name for name in zero if name != cause]
    if others:
        shown = ", ".join(f"'{name}'" for name in others[:3]) + (" …" if len(others) > 3 else "")
        said = Text(
            f"All weights are zero in {len(others)} of {len(held)} layers: {shown}.",
            f"{len(held)} 层中有 {len(others)} 层的权重全为零：{shown}。",
        )
        found.append(Noticed("info", others[0], said, picture))
    return found
