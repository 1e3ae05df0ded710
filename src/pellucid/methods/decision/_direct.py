"""What each write to the residual stream gives to a score directly, at the scale of the final norm."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Keep, Layer, Looking, Pass
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._held_norm import Readout, held
from pellucid.methods.decision._lens_reading import HALF, ROUGH, asked_of, values_of
from pellucid.methods.decision._residual_stream import Stream
from pellucid.ops.precision import in_double


class Shares(NamedTuple):
    """What makes up a score, in double precision.

    Args:
        each: `(batch, entry)`: the start of the stream, every write, the shift of the norm if there is one.
        score: `(batch,)`, before a cap.
        bias: `(batch,)`, what is added behind the norm.
    """

    each: Tensor
    score: Tensor
    bias: Tensor


def shares_of(x: Inputs, side: Target, lens: Looker, stream: Stream, readout: Readout) -> Looking[Shares]:
    """Every write's way to the score of `side`, in the order in which they were written; the start comes first.

    Raises:
        NotApplicable: the writes do not sum to the stream, or its norm or cap cannot be taken apart.
    """
    entries = [stream.start, *(part for one in stream.writes for part in one.parts)]
    scores_at = stream.site(readout.unembedding)
    wanted: list[Layer] = [readout.read] if readout.cap is None else [readout.read, scores_at]
    keep: list[Layer | Keep] = [*(asked_of(stream, one) for one in (*entries, stream.last)), *wanted]
    known = yield from Pass(x, keep=keep, grads=wanted, target=side)
    read, slope = known.at(readout.read)[0].value, in_double(known.grad(readout.read))
    *parts, last = (value.reshape(read.shape) for value in values_of(known, stream, [*entries, stream.last]))
    _check_sum(parts, last)
    score = in_double(known.scores)
    if readout.cap is not None:
        value, bend = in_double(known[scores_at]).flatten(1), in_double(known.grad(scores_at)).flatten(1)
        score, factor = _before_cap(value, bend, stream, readout)
        slope = slope / factor.view(-1, *[1] * (slope.ndim - 1))
    if readout.norm is None:
        made, shift = [in_double(part) for part in parts], None
    else:
        norm = held(lens.modules, readout.norm, last, read)
        made, shift = [norm.of(part) for part in parts], norm.shift.expand(read.shape)
    shown = [*made, *([] if shift is None else [shift])]
    each = torch.stack([(slope * one).flatten(1).sum(1) for one in shown], 1)
    return Shares(each.cpu(), score.cpu(), (score - (slope * in_double(read)).flatten(1).sum(1)).cpu())


def _check_sum(parts: Sequence[Tensor], last: Tensor) -> None:
    missed = float((in_double(last) - sum(map(in_double, parts))).abs().max())
    if missed > ROUGH.get(last.dtype, HALF) * max(float(last.abs().max()), 1e-12):
        raise NotApplicable(f"what was written to the stream does not sum to it: {missed:.3g} is missing")


def _before_cap(value: Tensor, bend: Tensor, stream: Stream, readout: Readout) -> tuple[Tensor, Tensor]:
    """The only score that the target reads before a cap, and the slope of the cap there."""
    if bool((bend != 0).sum(1).ne(1).any()):
        at = stream.trace.address(stream.event(readout.cap or 0).place)
        raise NotApplicable(
            f"'{at}' bends the scores of all classes together behind the classifier: what it gives is no sum",
            hint="give output=, a function that returns the scores before it",
        )
    where = bend.abs().argmax(1, keepdim=True)
    return value.gather(1, where)[:, 0], bend.gather(1, where)[:, 0]
