"""Where examples that differ become alike, so that the answer is the same for all of them."""

from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.diagnose.check import DoesNotApply
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Keep, Looking, Pass
from pellucid.inputs.inputs import Inputs

ALIKE = 1e-6  # relative: rounding
BOUNDED = frozenset(
    {
        *("sigmoid", "softmax", "log_softmax", "logsigmoid", "tanh", "hardsigmoid", "hardtanh", "clamp", "sign"),
        *("relu", "relu6", "threshold", "round", "floor"),
    }
)


class Sameness(NamedTuple):
    """Where examples become alike: its address, the module that it lies in, and whether that is the last with a weight.

    `spreads` `(place,)`: how much examples differ at each place of `labels`, relative.
    """

    address: str
    path: str
    last: bool
    labels: tuple[str, ...]
    spreads: tuple[float, ...]


def sameness(x: Inputs, lens: Looker) -> Looking[Sameness | None]:
    """None where answers differ; a second pass looks at every function where they do not.

    An answer that only its last, bounded function makes alike is a sure one: there the scores before it differ.

    Raises:
        DoesNotApply: fewer than two different examples, or no answer for each of them.
    """
    given = [x.tensors[name] for name in x.explained]
    if not any(len(one) == x.size and bool((one != one[:1]).any()) for one in given if one.ndim):
        raise DoesNotApply(Text("this needs two different examples or more", "至少需要两个不同的样本"))
    seen = yield from Pass(x, keep=[OUTPUT])
    out = seen.output
    if out is None or not out.is_floating_point() or not out.ndim or len(out) != x.size:
        raise DoesNotApply(Text("the output is no tensor with a row for each example", "输出不是每个样本一行的张量"))
    if not spread(out) <= ALIKE:
        return None
    events = [(at, one) for at, one in enumerate(seen.trace.events) if one.op and one.shape[:1] == (x.size,)]
    keeps = [Keep(Site(one.path, one.call, one.op, one.n), spread) for _, one in events]
    again = yield from Pass(x, keep=tuple(keeps), graph=True)
    spots = [next(iter(again.at(keep)), None) for keep in keeps]
    measured = [(at, one, spot) for (at, one), spot in zip(events, spots, strict=True) if spot and spot.value >= 0]
    spreads = tuple(float(spot.value) for *_, spot in measured)
    start = max((i + 1 for i, one in enumerate(spreads) if one > ALIKE), default=0)
    answers = {maker for maker, _ in again.trace.links.outputs}
    if start == len(measured) or any(at in answers and i < start for i, (at, *_) in enumerate(measured)):
        return None
    at, event, spot = measured[start]
    weighted = {path for path in lens.modules if isinstance(getattr(lens.modules[path], "weight", None), Tensor)}
    last = not any(one.path in weighted for one in seen.trace.events[at + 1 :] if one.path != event.path)
    if last and event.op in BOUNDED:
        return None
    alone = bool(event.path) and not any(True for _ in lens.modules[event.path].children())
    labels = tuple(spot.address for *_, spot in measured)
    return Sameness(event.path if alone else spot.address, event.path, last, labels, spreads)


def spread(value: Tensor) -> float:
    """The largest difference between examples, relative; -1 where there are no numbers to compare, NaN of NaN."""
    if not value.is_floating_point() or not value.numel():
        return -1.0
    low, high = (one.double() for one in torch.aminmax(value.detach(), dim=0))
    size = torch.maximum(low.abs(), high.abs())
    return float(((high - low) / (size + 0.1 * size.max() + 1e-300)).max())


def all_zero(weight: Tensor | None) -> bool:
    """Whether it has numbers, and every one is zero."""
    return isinstance(weight, Tensor) and weight.numel() > 0 and not bool(weight.any())
