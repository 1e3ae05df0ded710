"""What each head of an attention wrote to the residual stream, and what that gives to a score."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pellucid.engine.attention.attention import Attention
from pellucid.engine.attention.projecting import Projection
from pellucid.methods.decision._lens_reading import HALF, ROUGH
from pellucid.methods.decision._residual_stream import FOLDS, SAME, Stream
from pellucid.ops.precision import in_double

MOVES = FOLDS | SAME | {"transpose", "permute", "movedim", "swapaxes", "getitem"}


def heads_of(
    stream: Stream, entries: Sequence[int], parts: Sequence[Tensor], attentions: Sequence[Attention], reached: Tensor
) -> dict[int, Tensor]:
    """The shares `(batch, head)` of every entry that is the joined heads of an attention; last comes its bias.

    Entries that are something else, or change what the heads wrote once more (a norm behind the attention), are left
    out. The heads' writes are `(A V)_h W_h`, summed over query positions and features with `reached`.

    Args:
        entries, parts: the calls that wrote, and what they wrote, as `(batch, ..., feature)`.
        attentions: with their projections.
        reached: of the shape of a part; the score per unit of what is written.
    """
    joined = {one.projection.place: one for one in attentions if one.projection is not None}
    found: dict[int, Tensor] = {}
    for number, (entry, part) in enumerate(zip(entries, parts, strict=True)):
        attention = joined.get(stream.event(_source(stream, entry)).place) if entry >= 0 else None
        projection = attention.projection if attention is not None else None
        if attention is not None and projection is not None and _is_written(projection, part):
            found[number] = _shares(attention, projection, reached)
    return found


def _source(stream: Stream, entry: int) -> int:
    """The call that made the numbers of an entry."""
    while stream.event(entry).op in MOVES and len(stream.reads[entry]) == 1 and stream.reads[entry][0] >= 0:
        entry = stream.reads[entry][0]
    return entry


def _is_written(projection: Projection, part: Tensor) -> bool:
    out = projection.out
    if out.shape != part.shape or not bool(projection.kept.all()):
        return False
    limit = ROUGH.get(part.dtype, HALF) * max(float(part.abs().max()), 1e-12)
    return float((in_double(out) - in_double(part)).abs().max()) <= limit


def _shares(attention: Attention, projection: Projection, reached: Tensor) -> Tensor:
    mixed, weight = in_double(attention.output), in_double(projection.weight)
    heads = torch.einsum("bqo,hfo,bhqf->bh", reached, weight, mixed)
    bias = reached.new_zeros(reached.shape[-1]) if projection.bias is None else in_double(projection.bias)
    return torch.cat([heads, (reached * bias).flatten(1).sum(1, keepdim=True)], 1).cpu()
