"""How strong the gradient is at every layer, as the checks of gradients read it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import DoesNotApply
from pellucid.diagnose.normalizing import refuse_fresh
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Looking, Pass, Spot, Step
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.results.series import Series

WEIGHTS = "every weight"
FEWEST = 3  # layers


class Flow(NamedTuple):
    """Norms `(layer,)` of the gradient at the layers' outputs, in execution order; layers without any are left out.

    `told` says where they come from, if not from the examples.
    """

    labels: tuple[str, ...]
    norms: np.ndarray
    told: Text = Text("")

    @property
    def ratio(self) -> float | None:
        """The first layer's norm by the last one's; None where that tells nothing."""
        norms = self.norms
        if len(norms) < FEWEST or not np.isfinite(norms).all() or not norms[-1] > 0:
            return None
        return float(norms[0] / norms[-1])

    @property
    def picture(self) -> Series:
        """The norms by layer."""
        return Series(
            curves={"‖∂s/∂a‖": self.norms},
            names={"‖∂s/∂a‖": Text("‖∂s/∂a‖ activation", "‖∂s/∂a‖ 激活")},
            labels=self.labels,
            position_unit=Text("layer, first to last", "层（由前到后）"),
            unit=Text("norm", "范数"),
            log=True,
        )


def flow(lens: Looker, x: Inputs | None, target: Target | None, run: History | None) -> Looking[Flow]:
    """The gradient at the output of every layer with a weight: of the score; without examples of the loss, in a run.

    Raises:
        DoesNotApply: there is neither, or it cannot tell anything of training yet.
    """
    if x is None or target is None:
        yield from Step((0, 1))
        return flow_of_run(run)
    seen = yield from Pass(x, grads=[WEIGHTS], target=target)
    refuse_fresh(lens, seen)
    weight = lens.parameters.get(f"{seen.at(WEIGHTS)[-1].place.path}.weight")
    if weight is not None and not bool(weight.any()):
        raise DoesNotApply(
            Text("the last layer's weights are all zero, as before training", "最后一层权重全为零，尚未训练")
        )
    return flow_of(seen.at(WEIGHTS))


def flow_of_run(run: History | None) -> Flow:
    """Of a training, by layer the median of the steps that were measured.

    Raises:
        DoesNotApply: there is none, or it did not measure them.
    """
    if run is None:
        raise DoesNotApply(Text("needs an input x or a watched run (run=)", "需要输入 x 或被监视的训练记录（run=）"))
    having = {row.address for row in run.rows if row.elements}
    grid = run.grid("flow")
    kept = [i for i, name in enumerate(grid.layers) if name in having]
    if not kept:
        raise DoesNotApply(Text("the run holds no gradients of activations", "训练记录中没有激活的梯度"))
    finite = [column[np.isfinite(column)] for column in grid.values[:, kept].T.astype(float)]
    norms = np.array([np.median(one) if len(one) else np.nan for one in finite])
    steps = len(grid.steps)
    told = Text(
        f" (Of the loss, median of {steps} steps of the run.)", f"（损失的梯度，取训练中 {steps} 步的中位数。）"
    )
    return Flow(tuple(grid.layers[i] for i in kept), norms, told)


def flow_of(spots: Sequence[Spot]) -> Flow:
    """Of places where the gradient was asked for."""
    reached = [spot for spot in spots if spot.grad is not None]
    norms = np.array([float(in_double(spot.gradient.detach()).norm()) for spot in reached])
    return Flow(tuple(spot.address for spot in reached), norms)
