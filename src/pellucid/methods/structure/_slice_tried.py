"""The score with only a slice of the network left."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.structure._slice_units import Fill, Units
from pellucid.ops.kept import chance, fewest

SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Trial:
    """Scores by share.

    Args:
        shares: that were tried, rising.
        slices: `(share, batch)`, with the slice left.
        random: `(control, share, batch)`, with as many units drawn at random.
        kept: `(share, batch)`, how many units were left, over all layers.
        full: `(batch,)`, with everything.
    """

    shares: tuple[float, ...]
    slices: Tensor
    random: Tensor
    kept: Tensor
    full: Tensor


def tried(
    x: Inputs,
    target: Target,
    units: Sequence[Units],
    shares: tuple[float, ...],
    fill: Fill,
    controls: int,
    seed: int,
    full: Tensor,
) -> Looking[Trial]:
    """Run the network with parts of it: once with everything put back, then a pass for each set.

    Raises:
        NotApplicable: put back unchanged, the layers change the score, so that nothing can be replaced there.
    """
    sets = [[fewest(one.contributions, share) for one in units] for share in shares]
    some = [i for i, kept in enumerate(sets) if any(bool(one.any()) for one in kept)]
    rows = [(i, sets[i]) for i in range(len(shares))]
    rows += [
        (i, [chance(one, seed + 1000 * draw + k) for k, one in enumerate(sets[i])])
        for draw in range(controls)
        for i in some
    ]
    everything = [torch.ones_like(one.contributions, dtype=torch.bool) for one in units]
    found: list[Tensor] = []
    for step, kept in enumerate([everything, *(kept for _, kept in rows)]):
        edits = tuple(one.only(mask, fill) for one, mask in zip(units, kept, strict=True))
        seen = yield from Pass(x, target=target, edits=edits, step=(step, len(rows) + 1))
        found.append(seen.scores.detach().double().cpu())
        if not step:
            _refuse_lost(found[0], full.detach().double().cpu(), full.element_size())
    slices = torch.stack(found[1 : len(shares) + 1])
    random = slices.expand(controls, -1, -1).clone()  # with nothing left there is nothing to draw
    for draw in range(controls):
        for k, i in enumerate(some):
            random[draw, i] = found[1 + len(shares) + draw * len(some) + k]
    kept = torch.stack([torch.stack([one.sum(1) for one in each]).sum(0) for each in sets]).cpu()
    return Trial(shares, slices, random, kept, full.detach().double().cpu())


def _refuse_lost(now: Tensor, before: Tensor, width: int) -> None:
    limit = SAME * before.abs().clamp(min=1.0) + 0.03 * before.abs() * (width < 4)
    worst = int((now - before).abs().sub(limit).argmax())
    if bool(((now - before).abs() > limit).any()) or not bool(torch.isfinite(now).all()):
        raise NotApplicable(
            Text(
                "what flows at these layers cannot be replaced: put back unchanged, it changes the score from "
                f"{float(before[worst]):.4g} to {float(now[worst]):.4g} (the model writes through it, or draws at random)",
                f"这些层处的值无法替换：原样放回后，得分由 {float(before[worst]):.4g} 变为 {float(now[worst]):.4g}（模型写入了这个值，或含随机抽样）",
            ),
            hint=Text("name other layers", "请指定其他层"),
        )
