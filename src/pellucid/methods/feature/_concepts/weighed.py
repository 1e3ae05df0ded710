"""How much each concept matters for a class: what masks of the concepts' coefficients do to the score."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.edits import variants
from pellucid.engine.passes import Looking, Pass, Spot
from pellucid.engine.rows import variants_per_pass
from pellucid.methods.feature._concepts.bank import Bank
from pellucid.methods.feature._concepts.read import Read, site_of, vectors_at
from pellucid.ops.nonnegative import rebuilt
from pellucid.ops.sobol import Indices, indices_of, masks_of

_SAME = 1e-3
_PLAIN = 2  # rows before the others: the layer as it is, and as the concepts rebuild it


@dataclass(frozen=True, eq=False)
class Weighed:
    """One sample.

    Args:
        coefficients: at each place, `(position, concept)`.
        score, copied: of the layer as it is, and as the concepts rebuild it.
        kept: whether the class that scores best stays then; None where there are no classes.
        drops: how far `copied` falls when a concept is taken away, `(concept,)`.
        indices: of the concepts; those of one that is nowhere are exactly 0.
        rebuilt: share of the squared layer.
        rows: how often the part of the network behind the layer ran.
    """

    coefficients: Tensor
    score: float
    copied: float
    kept: bool | None
    drops: Tensor
    indices: Indices
    rebuilt: float
    rows: int


def weighed(one: Read, spot: Spot, bank: Bank, masks: int, seed: int, step: tuple[int, int]) -> Looking[Weighed]:
    """One sample with its concepts masked; what lies before the layer runs once a pass.

    Raises:
        NotApplicable: what flows at the layer cannot be replaced.
    """
    vectors = vectors_at(spot)
    if not bool(vectors.isfinite().all()):
        raise NotApplicable(
            Text(f"'{spot.address}' holds NaN or infinite values", f"'{spot.address}' 含有 NaN 或无穷大的值"),
            hint=Text("another layer, or other data", "请换一个层，或换用其他数据"),
        )
    found = bank.of(vectors)
    concepts, there = found.shape[1], found.any(0).nonzero()[:, 0].tolist()
    drawn = masks_of(concepts, masks, seed + one.ordinal)
    used = drawn[[0, 1, *(2 + i for i in there)]]
    alone = 1 - torch.eye(concepts, dtype=torch.float64)[there]
    rows = torch.cat([torch.ones(_PLAIN, concepts, dtype=torch.float64), alone, used.flatten(0, 1)])
    scores, same = yield from _scores(one, spot, bank, found, rows, step)
    _refuse_lost(spot, float(scores[0]), one.info.score)
    copied, rest = float(scores[1]), scores[_PLAIN + len(there) :].reshape(2 + len(there), masks)
    drops = torch.zeros(concepts, dtype=torch.float64)
    drops[there] = copied - scores[_PLAIN : _PLAIN + len(there)]
    every = rest[:1].repeat(2 + concepts, 1)  # of a concept that is nowhere, masks change nothing
    every[[0, 1, *(2 + i for i in there)]] = rest
    indices = indices_of(every)
    kept = rebuilt(vectors.cpu(), found @ bank.parts)
    return Weighed(found, float(scores[0]), copied, same, drops, indices, kept, len(rows))


def _scores(
    one: Read, spot: Spot, bank: Bank, found: Tensor, rows: Tensor, step: tuple[int, int]
) -> Looking[tuple[Tensor, bool | None]]:
    """The score of every row of masks, and whether the class stays from the first to the second."""
    scores, same, most = list[Tensor](), None, variants_per_pass(spot.value, None)
    for start in range(0, len(rows), max(most, _PLAIN)):
        some = rows[start : start + max(most, _PLAIN)]
        change = variants(site_of(spot), masked(spot, found, bank.parts, some, as_it_is=start == 0))
        asked = Pass(one.x, target=one.target, edits=(change,), expand=len(some), step=step)
        seen = yield from asked
        scores.append(seen.scores.detach().cpu().double())
        if start == 0 and seen.output is not None and seen.output.ndim == 2 and seen.output.shape[1] > 1:
            best = seen.output[:_PLAIN].argmax(1)
            same = bool(best[0] == best[1])
    return torch.cat(scores), same


def masked(spot: Spot, found: Tensor, parts: Tensor, rows: Tensor, *, as_it_is: bool) -> Callable[[Tensor], Tensor]:
    """What makes of the layer's value a copy for each row of masks: the coefficients times the mask times the concepts.

    Args:
        found: coefficients `(position, concept)`.
        rows: masks `(row, concept)`.
        as_it_is: whether the first row is the value itself.
    """
    prefix = 0 if spot.layout is None else spot.layout.prefix
    first = spot.layout is not None and spot.layout.kind == "channels_first"

    def change(value: Tensor) -> Tensor:
        made = value.repeat(len(rows), *[1] * (value.ndim - 1))
        copies = torch.einsum("pk,rk,kc->rpc", *(each.to(value) for each in (found, rows, parts)))
        start = int(as_it_is)
        if first:
            made[start:] = copies.transpose(1, 2).reshape(made.shape)[start:]
        elif value.ndim == 2:
            made[start:] = copies[start:, 0]
        else:
            flat = made.view(len(rows), -1, made.shape[-1])
            flat[start:, prefix:] = copies[start:]
        return made

    return change


def _refuse_lost(spot: Spot, now: float, before: float) -> None:
    if abs(now - before) > _SAME * max(1.0, abs(before)) + 0.03 * abs(before) * (spot.value.element_size() < 4):
        raise NotApplicable(
            Text(
                f"what flows at '{spot.address}' cannot be replaced: put back unchanged, it changes the score from "
                f"{before:.4g} to {now:.4g} (the model writes through it, or draws at random)",
                f"'{spot.address}' 处的值无法替换：原样放回后，得分由 {before:.4g} 变为 {now:.4g}（模型写入了这个值，或含随机抽样）",
            ),
            hint=Text("take the layer before or after it", "请改用它之前或之后的层"),
        )
