"""Recurrent growth: the gradient grows from step to step on its way back through time."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.results.series import Series
from pellucid.results.spell import number

HIGH, MEDIUM, FEWEST = 1e3, 1e2, 5


@check(
    title=Text("Exploding recurrence", "循环网络的梯度爆炸"),
    why=Text(
        "With every step of time the gradient is multiplied by the same matrix: longer sequences overflow.",
        "每经过一个时间步，梯度都乘以同一矩阵：序列再长就会溢出。",
    ),
    advice=Text(
        "Clip the gradient, start from orthogonal recurrent weights, use a gated cell, cut the way back through time.",
        "裁剪梯度，用正交矩阵初始化循环权重，改用门控单元，或截断时间上的反向传播。",
    ),
    rank=28,
)
def recurrent_growth(x: Inputs, target: Target, lens: Looker) -> Checking:
    """The gradient at what goes into a recurrent layer, by step."""
    seen = yield from Pass(x, keep=[OUTPUT])
    kinds = (nn.RNNBase, nn.RNNCellBase)
    ran = dict.fromkeys(one.path for one in seen.trace.modules() if isinstance(lens.modules.get(one.path), kinds))
    if not ran:
        raise DoesNotApply(Text("the network has no recurrent module", "网络没有循环模块"))
    sites = {path: Site(path, side="in") for path in ran}
    again = yield from Pass(x, grads=list(sites.values()), target=target)
    found: list[Noticed] = []
    for path, site in sites.items():
        norms = _by_step(again.at(site), getattr(lens.modules[path], "batch_first", False))
        if len(norms) < FEWEST or not np.isfinite(norms).all():
            continue
        growth = _growth(norms)
        if growth > MEDIUM:
            picture = Series(
                curves={"gradient": norms},
                names={"gradient": Text("‖∂s/∂x_t‖", "‖∂s/∂x_t‖")},
                position_unit=Text("step", "时间步"),
                unit=Text("norm", "范数"),
                log=True,
            )
            said = Text(
                f"Over {len(norms)} steps back the gradient grows {number(growth)} times.",
                f"回溯 {len(norms)} 个时间步，梯度增长 {number(growth)} 倍。",
            )
            found.append(Noticed("high" if growth > HIGH else "medium", path, said, picture))
    return found


def _by_step(spots: Sequence[Spot], batch_first: bool) -> np.ndarray:
    """Norms `(step,)`: a cell is called once a step, a layer reads all of them."""
    grads = [in_double(spot.gradient.detach()) for spot in spots if spot.grad is not None]
    if not grads:
        return np.zeros(0)
    if len(grads) > 1:
        return np.array([float(one.norm()) for one in grads])
    whole = grads[0]
    if whole.ndim < 2:
        return np.zeros(0)
    steps = whole.movedim(1 if batch_first and whole.ndim > 2 else 0, 0).flatten(1)
    return steps.norm(dim=1).numpy()


def _growth(norms: np.ndarray) -> float:
    """From the last fifth of the steps to the first, by their medians: a single step tells little."""
    count = max(1, len(norms) // 5)
    last, first = np.median(norms[-count:]), np.median(norms[:count])
    return float(first / last) if last > 0 else 0.0
