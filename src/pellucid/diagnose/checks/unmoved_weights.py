"""Unmoved weights: layers that training left as they were."""

import math

import numpy as np
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import HOLLOW, Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Step
from pellucid.results.series import Series

FEWEST, SMALL = 3, 64
EDGE = 0.98  # the largest of many uniform numbers lies this close to their bound


@check(
    title=Text("Weights that never moved", "从未更新的权重"),
    why=Text(
        "The layer does what chance gave it, or what it was loaded with: training did not reach it.",
        "该层仍是随机初始化或加载时的样子：训练没有触及它。",
    ),
    advice=Text(
        "Is it frozen on purpose? Else look at requires_grad, and whether the optimizer was given its weights.",
        "是否有意冻结？若非如此，检查 requires_grad，以及优化器是否收到了它的权重。",
    ),
    rank=12,
)
def unmoved_weights(lens: Looker, run: History | None = None) -> Checking:
    """Of a run, layers whose update is zero while others move; else weights that are still as PyTorch draws them."""
    yield from Step((0, 1))
    if run is not None and len(run.steps):
        return _from_run(run)
    if lens.hollow:
        raise DoesNotApply(HOLLOW)
    held = {
        name: one
        for name, one in lens.parameters.items()
        if one.ndim > 1 and name.endswith("weight") and one.numel() >= SMALL
    }
    fresh = [name for name, one in held.items() if drawn(one)]
    if len(held) < FEWEST or not fresh:
        return []
    picture = Series(
        curves={"as drawn": np.array([float(name in fresh) for name in held])},
        names={"as drawn": Text("as PyTorch draws new weights", "与 PyTorch 新抽取的权重一致")},
        labels=tuple(held),
        position_unit=Text("weights, in order", "权重（按顺序）"),
    )
    said = Text(
        f"{len(fresh)} of {len(held)} weights are still spread as PyTorch draws new ones: {_some(fresh)}.",
        f"{len(held)} 个权重中有 {len(fresh)} 个仍符合 PyTorch 新抽取时的分布：{_some(fresh)}。",
    )
    plain = _untrained(lens)
    all_of_them = len(fresh) > 0.5 * len(held) or plain
    if all_of_them:
        en, zh = (
            ("; its normalisations hold scale 1 and shift 0", "：归一化层的缩放为 1、平移为 0") if plain else ("", "")
        )
        said = Text(f"This network looks untrained{en}. {said.en}", f"该网络看起来未经训练{zh}。{said.zh}")
    advice = Text("Train the network, or load its weights.", "训练网络，或加载其权重。") if all_of_them else None
    return [Noticed("info" if all_of_them else "medium", fresh[0].removesuffix(".weight"), said, picture, advice)]


def _from_run(run: History) -> list[Noticed]:
    """Layers with parameters, of which no step measured any update."""
    grid = run.grid("update")
    rows = {row.address: row for row in run.rows}
    moved = {name: float(np.fmax.reduce(grid.values[:, i])) for i, name in enumerate(grid.layers)}
    size = run.grid("weight")
    for i, name in enumerate(size.layers):  # an optimizer that was not given them tells no update
        column = size.values[:, i]
        if name not in moved and len(column) > 1 and np.ptp(column) == 0:
            moved[name] = 0.0
    having = [row.address for row in run.rows if row.elements]
    frozen = [name for name in having if rows[name].frozen]
    still = [name for name in having if not rows[name].frozen and moved.get(name) == 0]
    if not (still or frozen):
        return []
    picture = Series(
        curves={"update": np.array([moved.get(name, 0.0) for name in having])},
        names={"update": Text("largest ‖ΔW‖ of a step", "单步最大 ‖ΔW‖")},
        labels=tuple(having),
        position_unit=Text("layer", "层"),
        unit=Text("norm", "范数"),
    )
    found: list[Noticed] = []
    for names, severity, en, zh in (
        (still, "high", "are trained and did not move in any measured step", "参与训练，但在所有测量步中均未移动"),
        (frozen, "medium", "are frozen (requires_grad is off)", "被冻结（requires_grad 为 False）"),
    ):
        if names:
            said = Text(
                f"{len(names)} of {len(having)} layers {en}: {_some(names)}.",
                f"{len(having)} 层中有 {len(names)} 层{zh}：{_some(names)}。",
            )
            found.append(Noticed(severity, names[0], said, picture))  # type: ignore[arg-type]
    return found


def _untrained(lens: Looker) -> bool:
    """Whether every normalisation still has scale one and shift zero: then the whole network is as it was made."""
    norms = [one for one in lens.modules.values() if "Norm" in type(one).__name__]
    scales = [one for module in norms if isinstance(one := getattr(module, "weight", None), Tensor)]
    shifts = [one for module in norms if isinstance(one := getattr(module, "bias", None), Tensor)]
    plain = all(bool((one == 1).all()) or bool((one == 0).all()) for one in scales)
    return bool(scales) and plain and all(bool((one == 0).all()) for one in shifts)


def drawn(weight: Tensor) -> bool:
    """Whether these can be fresh numbers of PyTorch's linear and convolution layers: uniform within ±1/√inputs."""
    from scipy.stats import kstest

    values = weight.detach().double().cpu().flatten().numpy()
    bound = 1 / math.sqrt(max(1, weight[0].numel()))
    most = float(np.abs(values).max())
    if most > bound * (1 + 1e-6) or most < EDGE * bound:
        return False
    sample = values[:: max(1, len(values) // 4096)]
    return bool(kstest(sample, "uniform", args=(-bound, 2 * bound)).pvalue > 0.01)


def _some(names: list[str]) -> str:
    return ", ".join(f"'{name.removesuffix('.weight')}'" for name in names[:3]) + (" …" if len(names) > 3 else "")
