"""Duplicate filters: units of a layer that have the same weights."""

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import HOLLOW, Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Step
from pellucid.results.series import Series
from pellucid.results.spell import percent

HIGH, MEDIUM, LOW = 0.4, 0.15, 0.05
ALIKE, FEWEST, INPUTS, MOST = 0.9999, 4, 8, 4096


@check(
    title=Text("Duplicate filters", "重复的滤波器"),
    why=Text(
        "Units with equal weights get equal gradients: they stay one unit, and the layer is smaller than it looks.",
        "权重相同的单元得到相同的梯度，永远等于一个单元；该层实际比看起来小。",
    ),
    advice=Text(
        "Initialise at random rather than with constants or copies; or remove the copies.",
        "用随机数初始化，不要用常数或复制；或删去重复的单元。",
    ),
    rank=44,
)
def duplicate_filters(lens: Looker) -> Checking:
    """The share of units of every layer that have a twin."""
    if lens.hollow:
        raise DoesNotApply(HOLLOW)
    held = {name: one for name, one in lens.parameters.items() if one.ndim > 1 and name.rpartition(".")[2] == "weight"}
    names, shares = [], []
    for i, (name, weight) in enumerate(held.items()):
        share = twins(_rows(lens, name, weight))
        if share is not None:
            names.append(name)
            shares.append(share)
        if not i % 32:
            yield from Step((i, len(held)))
    picture = Series(
        curves={"twins": np.array(shares)},
        names={"twins": Text("units with a twin", "有相同单元的占比")},
        labels=tuple(names),
        position_unit=Text("weights, in order", "权重（按顺序）"),
        unit=Text("share", "占比"),
        style="bar",
    )
    found: list[Noticed] = []
    for i in sorted(range(len(names)), key=lambda i: -shares[i]):
        if shares[i] >= LOW:
            said = Text(
                f"{percent(shares[i])} of the units have the same weights as another one of the layer.",
                f"{percent(shares[i])} 的单元与同层另一单元的权重相同。",
            )
            severity = "high" if shares[i] >= HIGH else "medium" if shares[i] >= MEDIUM else "low"
            found.append(Noticed(severity, names[i].removesuffix(".weight"), said, picture))
    return found


def _rows(lens: Looker, name: str, weight: Tensor) -> Tensor:
    """One row for each unit; of transposed convolutions the units lie on the second axis."""
    module = lens.modules.get(name.rpartition(".")[0])
    flipped = "Transpose" in type(module).__name__
    if isinstance(module, torch.nn.Embedding):
        return weight[:0]
    value = weight.detach().to(torch.float32)
    return (value.transpose(0, 1) if flipped else value).flatten(1)


def twins(rows: Tensor) -> float | None:
    """The share of rows that point the same way as another one and are as long; None where that tells nothing."""
    if len(rows) < FEWEST or rows.shape[1] < INPUTS or len(rows) > MOST:
        return None
    length = rows.norm(dim=1)
    alive = length > 1e-6 * length.max().clamp(min=1e-12)
    if int(alive.sum()) < 2 or not bool(rows.isfinite().all()):
        return None
    kept, long = rows[alive], length[alive]
    unit = kept / long[:, None]
    alike = (unit @ unit.T > ALIKE) & ((long[:, None] - long).abs() < 0.01 * long)
    alike.fill_diagonal_(False)
    return float(alike.any(1).double().mean())
