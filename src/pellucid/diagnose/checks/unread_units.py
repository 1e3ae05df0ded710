"""Unread units: what a layer computes and the next one multiplies by zero, or a batch norm does."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.text import Text
from pellucid.diagnose.check import HOLLOW, Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.normalizing import NORMS
from pellucid.diagnose.readers import LAYERS, readers, weight_of
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

LOW = 0.05
_SAID = {
    False: Text(" of its units meet only weights of zero behind it.", " 的单元在其后只遇到零权重。"),
    True: Text(
        " of its channels are scaled by zero: they are the same for every input.", " 的通道被乘以零：对任何输入都相同。"
    ),
}


@check(
    title=Text("Units that nothing reads", "无人读取的单元"),
    why=Text(
        "They are computed at every call and change no answer.",
        "每次调用都要计算它们，却不影响任何答案。",
    ),
    advice=Text(
        "After pruning: cut them out, with the weights that make them. Else ask why the weights behind them are zero.",
        "若来自剪枝：将其连同生成它们的权重一并裁去；否则查明其后的权重为何为零。",
    ),
    rank=46,
)
def unread_units(x: Inputs, lens: Looker) -> Checking:
    """Units whose weights in every layer that reads them are zero; channels that a batch norm scales by zero.

    Only where it is certain who reads them: between two layers stand functions that keep channels apart, and nothing
    else. Layers that are zero throughout are left out: that is how some are made before training.
    """
    if lens.hollow:
        raise DoesNotApply(HOLLOW)
    rows = [(path, _zero(module)) for path, module in lens.modules.items() if isinstance(module, NORMS)]
    read = {path: _read(module) for path, module in lens.modules.items() if isinstance(module, LAYERS)}
    if any(one.any() and not one.all() for one in read.values()):
        seen = yield from Pass(x, graph=True)
        for path, behind in readers(lens, seen.trace).items():
            units = len(weight_of(lens.modules[path]))
            used = [read[one].view(units, -1).any(1) for one in behind]
            rows.append((path, ~torch.stack(used).any(0)))
    found = {path: float(one.double().mean()) for path, one in rows if one.any() and not one.all()}
    picture = Series(
        curves={"unread": np.array(list(found.values()))},
        names={"unread": Text("units that nothing reads", "无人读取的单元占比")},
        labels=tuple(found),
        position_unit=Text("layer", "层"),
        unit=Text("share", "占比"),
        style="bar",
    )
    return [
        Noticed(
            "low" if share >= LOW else "info",
            path,
            _SAID[isinstance(lens.modules[path], NORMS)].changed(lambda words, share=share: percent(share) + words),
            picture,
        )
        for path, share in sorted(found.items(), key=lambda one: -one[1])
    ]


def _zero(norm: Any) -> Tensor:
    """For each channel whether its scale is zero."""
    return torch.zeros(0, dtype=torch.bool) if norm.weight is None else (norm.weight.detach() == 0).cpu()


def _read(module: nn.Module) -> Tensor:
    """For each input of a layer whether any weight that reads it is not zero."""
    return (weight_of(module) != 0).transpose(0, 1).flatten(1).any(1).cpu()
