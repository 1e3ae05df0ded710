"""Unused parameters: weights that nothing the answer depends on has read."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

ALL = "*:weight"
MEDIUM = 0.005  # of all weights


@check(
    title=Text("Unused branch", "未被使用的分支"),
    why=Text(
        "These weights get no gradient: they do not learn, and cost memory.",
        "这些权重得不到梯度：既不学习，又占内存。",
    ),
    advice=Text(
        "Connect the branch to the output, take a detach() out, or delete it; heads for training only are harmless.",
        "把该分支接到输出、去掉 detach()，或将其删除；仅供训练使用的头则无妨。",
    ),
    rank=11,
)
def unused_parameters(x: Inputs, target: Target, lens: Looker) -> Checking:
    """Weights from which no path leads to the score; of a model that gives several tensors the others may need them."""
    held = {name: one.numel() for name, one in lens.parameters.items() if name.rpartition(".")[2] == "weight"}
    if not any("." in name for name in held):
        raise DoesNotApply(Text("no module of the network has a weight of its own", "网络没有带权重的模块"))
    seen = yield from Pass(x, grads=[ALL], target=target, graph=True)
    reached = {spot.address.replace(":", ".") for spot in seen.at(ALL) if spot.grad is not None}
    unused = {name: size for name, size in held.items() if "." in name and name not in reached}
    if not unused or not reached:
        return []
    share = sum(unused.values()) / max(1, sum(held.values()))
    names = list(unused)
    shown = ", ".join(f"'{name.removesuffix('.weight')}'" for name in names[:3]) + (" …" if len(names) > 3 else "")
    picture = Series(
        curves={"weights": np.array(list(unused.values()), float)},
        names={"weights": Text("weights without gradient", "无梯度的权重数")},
        labels=tuple(names),
        position_unit=Text("layer", "层"),
        unit=Text("count", "个数"),
        style="bar",
    )
    counted = "one layer" if len(names) == 1 else f"{len(names)} layers"
    said = Text(
        f"No gradient reaches {counted} ({percent(share)} of the weights): {shown}.",
        f"{len(names)} 层得不到梯度（占权重的 {percent(share)}）：{shown}。",
    )
    ran = {one.path for one in seen.trace.events}
    if len(seen.trace.links.outputs) > 1 and all(name.rpartition(".")[0] in ran for name in names):
        others = Text(
            " They ran; the model gives other tensors, which may depend on them.",
            "它们运行过；模型还给出其他张量，可能依赖它们。",
        )
        said = Text(said.en + others.en, said.zh + others.zh)
        return [Noticed("info", names[0].removesuffix(".weight"), said, picture)]
    return [Noticed("medium" if share >= MEDIUM else "low", names[0].removesuffix(".weight"), said, picture)]
