"""Attentions that join two sequences: an encoder and a decoder, two that ask each other, or a query that gathers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.roles import Layout
from pellucid.inputs.base import base_of
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._stack import ALONE, Stack, drawn_on, looked_at, refuse_kind
from pellucid.ops.rollout import interwoven, weighted
from pellucid.results.base import Base


@dataclass(frozen=True, eq=False)
class Call:
    """One attention among two sequences.

    Args:
        asks, asked: which of them queries and keys come from.
        before: so many first tokens of `asked` (a class token) are not among the keys.
    """

    attention: Attention
    asks: int
    asked: int
    before: int

    @property
    def raising(self) -> Tensor:
        """`Ā`, with a column for each token of `asked`."""
        return pad(weighted(self.attention.weights, self.attention.gradient), (self.before, 0))


@dataclass(frozen=True, eq=False)
class Streams:
    """Two sequences that attention joins.

    Args:
        names: of the inputs or parameters that they come from: first the one that the answer is read from.
        stacks: their tokens.
        calls: in the order they ran.
    """

    names: tuple[str, str]
    stacks: tuple[Stack, Stack]
    calls: tuple[Call, ...]

    def brought(self) -> tuple[Tensor, Tensor]:
        """What attention brings to the tokens that the answer is read from: `R - I` among them, `R` from the others."""
        sizes = (self.stacks[0].size, self.stacks[1].size)
        rounds = ([(call.raising, call.asks, call.asked) for call in one] for one in _rounds(self.calls))
        own, other = interwoven(sizes, rounds, self.calls[-1].attention.weights)[0]
        own.diagonal(0, 1, 2).sub_(1)
        return own, other


def streams_of(found: Sequence[Attention], x: Inputs) -> Streams:
    """The two sequences of a network, the one that the last attention belongs to first.

    Raises:
        NotApplicable: there are not two, or some attention does not join whole sequences.
    """
    for one in found:
        refuse_kind(one, "self", "cross")
        if one.kind == "cross" and one.query_from == one.key_from:
            raise _unclear(
                Text(
                    f"'{one.address}' joins two sequences that cannot be told apart",
                    f"'{one.address}' 联系的两个序列无法区分",
                )
            )
    last = found[-1].query_from
    names = tuple(dict.fromkeys((last, *(name for one in found for name in (one.query_from, one.key_from)))))
    if len(names) != 2:
        listed = ", ".join(f"'{name}'" for name in names)
        raise _unclear(
            Text(
                f"attention joins {len(names)} sequences ({listed}), and only two are understood",
                f"注意力联系了 {len(names)} 个序列（{listed}），而此处只能处理两个",
            )
        )
    stacks = (_stack(names[0], found, x), _stack(names[1], found, x))
    calls = tuple(_call(one, names, stacks) for one in found)
    return Streams((names[0], names[1]), stacks, calls)


def _stack(name: str, found: Sequence[Attention], x: Inputs) -> Stack:
    """The tokens of a sequence as the first attention among them has them, else the first that asks or is asked."""
    asking = [one for one in found if one.query_from == name]
    asked = [one for one in found if one.key_from == name]
    own = [one for one in asking if one.kind == "self"]
    size, layout = (
        (own[0].shape[3], own[0].keys)
        if own
        else (asking[0].shape[2], asking[0].queries)
        if asking
        else (asked[0].shape[3], asked[0].keys)
    )
    base = _base(name, x)
    whole = [one for one in asked if one.shape[3] == size]
    real = looked_at(whole[-1]) if whole else torch.ones(found[0].shape[0], size, dtype=torch.bool)
    return Stack(
        tuple(asking),
        layout,
        None if base is None else drawn_on(replace(x, base={name: base}), size, layout),
        real.to(found[0].weights.device),
        bool(own) and own[-1].causal,
    )


def _base(name: str, x: Inputs) -> Base | None:
    """What an input is drawn on: also the numbers of a decoder's tokens, which are not explained otherwise."""
    value = x.tensors.get(name)
    if name in x.base or value is None or value.is_floating_point():
        return x.base.get(name)
    return base_of(value)[0]


def _call(one: Attention, names: tuple[str, ...], stacks: tuple[Stack, Stack]) -> Call:
    asks, asked = names.index(one.query_from), names.index(one.key_from)
    queries, keys = one.shape[2:]
    before = stacks[asked].size - keys
    if queries != stacks[asks].size or (before and before != _prefix(stacks[asked].layout, one.keys)):
        raise _unclear(
            Text(
                f"'{one.address}' relates {queries} tokens with {keys}, others {stacks[asks].size} with "
                f"{stacks[asked].size} of the same sequences",
                f"'{one.address}' 联系 {queries} 个与 {keys} 个词元，其他的在同样的序列上联系 {stacks[asks].size} 个与 {stacks[asked].size} 个",
            )
        )
    return Call(one, asks, asked, before)


def _prefix(whole: Layout | None, part: Layout | None) -> int:
    """How many tokens before the same grid one has more than the other."""
    if whole is None or part is None or whole.grid != part.grid:
        return 0
    return max(0, whole.prefix - part.prefix)


def _rounds(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """One after another; two that one module makes for both sequences at once, together."""
    waiting: list[Call] = []
    for call in calls:
        if waiting and not _opposite(waiting[-1], call):
            yield waiting
            waiting = []
        waiting.append(call)
        if len(waiting) == 2:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _opposite(one: Call, other: Call) -> bool:
    across = one.asks != one.asked and (one.asks, one.asked) == (other.asked, other.asks)
    return across and one.attention.place.path == other.attention.place.path != ""


def _unclear(reason: Text) -> NotApplicable:
    return NotApplicable(Text(f"{reason}; layers do not compose", f"{reason.zh}；各层无法逐层复合"), hint=ALONE)
