"""Saturated units: sigmoids and hyperbolic tangents that stand at their limits."""

from typing import Any

import numpy as np
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.gates import is_gate
from pellucid.engine.passes import OUTPUT, Keep, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.ops.statistics import saturation
from pellucid.results.series import Series
from pellucid.results.spell import percent

HIGH, MEDIUM = 0.8, 0.5
KINDS = ("sigmoid", "tanh", "softsign")


@check(
    title=Text("Saturated units", "饱和的单元"),
    why=Text(
        "At its limits the function is flat: no gradient passes, and different inputs give the same answer.",
        "函数在极限处是平的：梯度无法通过，不同输入给出同样的响应。",
    ),
    advice=Text(
        "Make the weights before it smaller, normalise what goes in, or use a function without limits.",
        "减小其前面的权重，归一化其输入，或改用无上下限的函数。",
    ),
    rank=42,
)
def saturated_units(x: Inputs) -> Checking:
    """The share of values within a hundredth of a limit; gates of one number per channel and answers do not count."""
    every = Keep("every activation", near_limits)
    seen = yield from Pass(x, keep=[every, OUTPUT])
    answer = None if seen.output is None else tuple(seen.output.shape)
    rows = [
        (spot, spot.value[0][spot.place.op])
        for spot in seen.at(every)
        if spot.place.op in KINDS and not is_gate(spot.value[1]) and spot.value[1] != answer
    ]
    if not rows:
        return []
    shares = np.array([share for _, share in rows])
    picture = Series(
        curves={"saturated": shares},
        names={"saturated": Text("saturated share", "饱和占比")},
        labels=tuple(spot.address for spot, _ in rows),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("share", "占比"),
        style="bar",
    )
    found: list[Noticed] = []
    for i in np.argsort(-shares, kind="stable"):
        if shares[i] >= MEDIUM:
            spot = rows[i][0]
            said = Text(
                f"{percent(float(shares[i]))} of the values of {spot.place.op} lie within a hundredth of a limit.",
                f"{spot.place.op} 的取值有 {percent(float(shares[i]))} 落在极限的百分之一以内。",
            )
            found.append(Noticed("high" if shares[i] >= HIGH else "medium", spot.address, said, picture))
    return found


def near_limits(value: Tensor) -> Any:
    """The share near the limits for each function that has any, and the shape."""
    real = value.is_floating_point() and value.numel() > 0
    within = real and all(abs(float(one)) <= 1 for one in value.aminmax())  # else it is none of them
    return {op: saturation(op, value) if within else 0.0 for op in KINDS}, tuple(value.shape)
