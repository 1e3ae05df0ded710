"""What each write to the residual stream gives to a score directly, at the scale of the final norm."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Keep, Layer, Looking, Pass, together
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._by_head import heads_of
from pellucid.methods.decision._held_norm import Readout, held
from pellucid.methods.decision._lens_reading import HALF, ROUGH, asked_of, values_of
from pellucid.methods.decision._residual_stream import Stream
from pellucid.ops.precision import in_double

_EVERY = "every attention"


class Shares(NamedTuple):
    """What makes up a score, in double precision.

    Args:
        each: `(batch, entry)`: the start of the stream, every write, the shift of the norm if there is one.
        score: `(batch,)`, before a cap.
        bias: `(batch,)`, what is added behind the norm.
        heads: `(batch, head)` of the entries that are the joined heads of an attention, by number of the entry, where
            they were asked for; the last column is the bias of the map that joins them.
    """

    each: Tensor
    score: Tensor
    bias: Tensor
    heads: Mapping[int, Tensor]

    def less(self, other: "Shares") -> "Shares":
        """The difference of two."""
        heads = {entry: one - other.heads[entry] for entry, one in self.heads.items()}
        return Shares(self.each - other.each, self.score - other.score, self.bias - other.bias, heads)


def shares_of(
    x: Inputs, side: Target, lens: Looker, stream: Stream, readout: Readout, *, by_head: bool = False
) -> Looking[Shares]:
    """Every write's way to the score of `side`, in the order in which they were written; the start comes first.

    Args:
        by_head: whether what attentions wrote is told by head, too.
    Raises:
        NotApplicable: the writes do not sum to the stream, or its norm or cap cannot be taken apart; there is no
            attention where heads are asked for.
    """
    entries = [stream.start, *(part for one in stream.writes for part in one.parts)]
    scores_at = stream.site(readout.unembedding)
    wanted: list[Layer] = [readout.read] if readout.cap is None else [readout.read, scores_at]
    keep: list[Layer | Keep] = [*(asked_of(stream, one) for one in (*entries, stream.last)), *wanted]
    asked = Pass(x, keep=keep, grads=wanted, target=side)
    if by_head:
        known, looked = yield from together(asked, Pass(x, attention=(_EVERY,), projections=True))
    else:
        known, looked = (yield from asked), None
    read, slope = known.at(readout.read)[0].value, in_double(known.grad(readout.read))
    *parts, last = (value.reshape(read.shape) for value in values_of(known, stream, [*entries, stream.last]))
    _check_sum(parts, last)
    score = in_double(known.scores)
    if readout.cap is not None:
        value, bend = in_double(known[scores_at]).flatten(1), in_double(known.grad(scores_at)).flatten(1)
        score, factor = _before_cap(value, bend, stream, readout)
        slope = slope / factor.view(-1, *[1] * (slope.ndim - 1))
    if readout.norm is None:
        made, shift, reached = [in_double(part) for part in parts], None, slope
    else:
        norm = held(lens.modules, readout.norm, last, read)
        made, shift = [norm.of(part) for part in parts], norm.shift.expand(read.shape)
        reached = norm.back(slope)
    shown = [*made, *([] if shift is None else [shift])]
    each = torch.stack([(slope * one).flatten(1).sum(1) for one in shown], 1)
    spots = () if looked is None else looked.at(_EVERY)
    heads = heads_of(stream, entries, parts, [one.attention for one in spots if one.attention is not None], reached)
    return Shares(each.cpu(), score.cpu(), (score - (slope * in_double(read)).flatten(1).sum(1)).cpu(), heads)


def _check_sum(parts: Sequence[Tensor], last: Tensor) -> None:
    missed = float((in_double(last) - sum(map(in_double, parts))).abs().max())
    if missed > ROUGH.get(last.dtype, HALF) * max(float(last.abs().max()), 1e-12):
        raise NotApplicable(
            Text(
                f"what was written to the stream does not sum to it: {missed:.3g} is missing",
                f"写入残差流的各项之和与残差流不符：相差 {missed:.3g}",
            )
        )


def _before_cap(value: Tensor, bend: Tensor, stream: Stream, readout: Readout) -> tuple[Tensor, Tensor]:
    """The only score that the target reads before a cap, and the slope of the cap there."""
    if bool((bend != 0).sum(1).ne(1).any()):
        at = stream.trace.address(stream.event(readout.cap or 0).place)
        raise NotApplicable(
            Text(
                f"'{at}' bends the scores of all classes together behind the classifier: what it gives is no sum",
                f"'{at}' 在分类头之后把所有类别的得分一起作了非线性变换：其结果不是各项之和",
            ),
            hint=Text(
                "give output=, a function that returns the scores before it", "请给出 output=：返回此前得分的函数"
            ),
        )
    where = bend.abs().argmax(1, keepdim=True)
    return value.gather(1, where)[:, 0], bend.gather(1, where)[:, 0]
