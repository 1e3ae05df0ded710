"""How strong the gradient is at every layer, as the checks of gradients read it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import DoesNotApply
from pellucid.diagnose.normalizing import refuse_fresh
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Looking, Pass, Spot
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.results.series import Series

WEIGHTS = "every weight"


class Flow(NamedTuple):
    """Norms `(layer,)` of the gradient at the layers' outputs, in execution order; layers without any are left out."""

    labels: tuple[str, ...]
    norms: np.ndarray

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


def flow(x: Inputs, target: Target, lens: Looker) -> Looking[Flow]:
    """The gradient of the score at the output of every layer that has a weight.

    Raises:
        DoesNotApply: it cannot tell anything of training yet.
    """
    seen = yield from Pass(x, grads=[WEIGHTS], target=target)
    refuse_fresh(lens, seen)
    weight = lens.parameters.get(f"{seen.at(WEIGHTS)[-1].place.path}.weight")
    if weight is not None and not bool(weight.any()):
        raise DoesNotApply(
            Text("the last layer's weights are all zero, as before training", "最后一层权重全为零，尚未训练")
        )
    return flow_of(seen.at(WEIGHTS))


def flow_of(spots: Sequence[Spot]) -> Flow:
    """Of places where the gradient was asked for."""
    reached = [spot for spot in spots if spot.grad is not None]
    norms = np.array([float(in_double(spot.gradient.detach()).norm()) for spot in reached])
    return Flow(tuple(spot.address for spot in reached), norms)
