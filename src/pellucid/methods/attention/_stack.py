"""Attentions that compose: layer upon layer of self-attention over the same tokens, and the row that is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.passes import Seen
from pellucid.engine.roles import Layout
from pellucid.inputs.inputs import Inputs
from pellucid.ops.rollout import Heads, with_residual
from pellucid.results import Attribution
from pellucid.results.array import as_array
from pellucid.results.base import Base

EVERY = "every attention"
ALONE = Text(
    "attention_weights() and attention_gradient() show each attention by itself",
    "attention_weights() 与 attention_gradient() 单独显示每个注意力",
)
SHARE = Text("share", "份额")
STACKED = Text(
    "Layers of self-attention over one sequence: vision transformers without windows, language models, encoders.",
    "在同一序列上层层叠加的自注意力：无窗口的视觉 Transformer、语言模型、编码器。",
)
Query = int | Literal["first", "last", "mean"] | None
_GRID = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_REASONS = {
    "cross": Text("its queries and keys come from different sequences", "它的查询与键来自不同的序列"),
    "windowed": Text(
        "it sees one window at a time, and what other layers see is arranged otherwise",
        "它每次只看一个窗口，而其他层所见的排列与此不同",
    ),
    "channel": Text("it weighs features, not tokens", "它加权的是特征而非词元"),
    "mixed": Text(
        "its heads are mixed after the softmax, so its rows are no shares",
        "各头在 softmax 之后被混合，因此各行不是份额",
    ),
}
_KINDS = {"cross": "交叉注意力", "windowed": "窗口注意力", "channel": "通道注意力", "mixed": "各头混合的注意力"}


@dataclass(frozen=True, eq=False)
class Stack:
    """Tokens of one sequence, and the attentions in which they ask, in the order they ran.

    Args:
        attentions: of a sequence that is read, at least one; all over the same tokens where there is no other sequence.
        layout: how the tokens lie on the grid of the input; None if they do not.
        base: what the tokens are drawn on.
        real: `(batch, token)`, which tokens anybody looks at; the others are padding.
        causal: whether no token looks at a later one.
    """

    attentions: tuple[Attention, ...]
    layout: Layout | None
    base: Base | None
    real: Tensor
    causal: bool

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return self.real.shape[1]

    @property
    def is_text(self) -> bool:
        """Whether the tokens are those of a text."""
        return self.base is not None and self.base.kind == "tokens"

    @property
    def prefix(self) -> int:
        """How many tokens stand before those of the grid; of a text that is read both ways, the first one."""
        if self.layout is not None and not self.is_text:
            return self.layout.prefix
        return int(self.is_text and not self.causal)

    def from_top(self) -> Iterator[Attention]:
        """The attentions, the last one first."""
        return reversed(self.attentions)


@dataclass(frozen=True, eq=False)
class Rows:
    """What is read at the top.

    Args:
        weights: `(batch, 1, token)`, how much each token is read; they sum to 1.
        tokens: which token of each example, where it is one.
        note: says so.
    """

    weights: Tensor
    tokens: tuple[int, ...] = ()
    note: Text = field(default_factory=lambda: Text(""))

    @property
    def facts(self) -> dict[str, Any]:
        """The token of each example."""
        return {"query": self.tokens or "mean"}


def stack_of(seen: Seen, x: Inputs) -> Stack:
    """The attentions of a pass, if they compose; that some join two sequences is said before their lengths are.

    Raises:
        NotApplicable: one of them is no self-attention of the same tokens.
    """
    found = attentions_of(seen)
    for one in found:
        refuse_kind(one, "self")
    for one in found:
        _refuse(one, found[0])
    last = found[-1]
    return Stack(tuple(found), last.keys, drawn_on(x, last.shape[-1], last.keys), looked_at(last), last.causal)


def attentions_of(seen: Seen) -> list[Attention]:
    """Every attention of a pass, in the order they ran."""
    return [spot.attention for spot in seen.at(EVERY) if spot.attention is not None]


def looked_at(one: Attention) -> Tensor:
    """`(batch, token)`: which keys anybody looks at."""
    return one.weights.amax(1).amax(1) > 0


def drawn_on(x: Inputs, size: int, layout: Layout | None) -> Base | None:
    """What so many tokens are drawn on; a series whose steps are the tokens is turned so that time is behind."""
    along = x.canvas(1)
    if along is not None and along.kind == "series" and layout is None and along.values is not None:
        turned = replace(along, values=along.values.swapaxes(1, 2))
        return turned if turned.grid == (size,) else None
    if along is not None and along.grid == (size,):
        return along
    return None if layout is None else x.canvas(len(layout.grid))


def refuse_kind(one: Attention, *kinds: str) -> None:
    """Refuse what is of another kind than these.

    Raises:
        NotApplicable: with the reason why it does not compose.
    """
    if one.kind not in kinds:
        why, beside = _REASONS[one.kind], ("", "")
        if one.kind == "cross":
            beside = ("attention_relevance() joins two sequences; ", "attention_relevance() 可联系两个序列；")
        raise NotApplicable(
            Text(
                f"'{one.address}' is {one.kind} attention: {why}; layers do not compose",
                f"'{one.address}' 是{_KINDS[one.kind]}：{why.zh}；各层无法逐层复合",
            ),
            hint=Text(beside[0] + ALONE.en, beside[1] + ALONE.zh),
        )


def _refuse(one: Attention, first: Attention) -> None:
    lengths = {*one.shape[2:], *first.shape[2:]}
    if len(lengths) > 1:
        raise NotApplicable(
            Text(
                f"'{one.address}' relates {one.shape[2]} tokens with {one.shape[3]}, '{first.address}' "
                f"{first.shape[2]} with {first.shape[3]}: attentions compose over the same tokens only",
                f"'{one.address}' 联系 {one.shape[2]} 个与 {one.shape[3]} 个词元，'{first.address}' 联系 {first.shape[2]} 个与 {first.shape[3]} 个：只有在相同的词元上，注意力才能逐层复合",
            ),
            hint=ALONE,
        )
    if one.query_from != first.query_from:
        raise NotApplicable(
            Text(
                f"'{one.address}' reads '{one.query_from}', '{first.address}' reads '{first.query_from}': "
                "attentions compose over the same tokens only",
                f"'{one.address}' 读取 '{one.query_from}'，'{first.address}' 读取 '{first.query_from}'：只有在相同的词元上，注意力才能逐层复合",
            ),
            hint=ALONE,
        )


def mixed(stack: Stack, heads: Heads, discard: float = 0.0) -> Iterator[Tensor]:
    """`Ã` of every layer, the last one first; one at a time is in memory."""
    return (with_residual(one.weights, heads, discard, stack.prefix) for one in stack.from_top())


def rows_of(stack: Stack, query: Query, seen: Seen) -> Rows:
    """Which row is read: as asked, else where the target is, the class token, the last token, or the mean.

    Raises:
        BadSetting: there is no such token.
    """
    like, batch = stack.attentions[-1].weights, stack.real.shape[0]
    if query is None:
        if stack.size == 1:
            return _at(stack, (0,) * batch, like, _ONLY)
        places = _target_positions(stack, seen)
        if places:
            return _at(stack, places, like, _said("where the target is", "目标所在的位置", places))
        query = _default(stack)
    if query == "mean":
        read = stack.real.to(like.dtype)
        read = torch.where(read.sum(1, keepdim=True) > 0, read, torch.ones_like(read))
        return Rows((read / read.sum(1, keepdim=True))[:, None], note=_MEAN)
    if query == "last":
        last = stack.size - 1 - stack.real.flip(1).to(torch.long).argmax(1)
        return _at(stack, tuple(last.tolist()), like, _LAST)
    number = 0 if query == "first" else int(query)
    if not -stack.size <= number < stack.size:
        raise BadSetting(
            Text(f"query={query}: there are {stack.size} tokens", f"query={query}：词元有 {stack.size} 个"),
            hint=Text(f"0 to {stack.size - 1}, or -1 for the last", f"0 至 {stack.size - 1}，或 -1 表示最后一个"),
        )
    places = (number % stack.size,) * batch
    return _at(stack, places, like, _FIRST if query == "first" else _said("at token", "词元", places))


def _default(stack: Stack) -> Literal["first", "last", "mean"]:
    if stack.is_text or stack.causal:
        return "last" if stack.causal else "first"
    return "first" if stack.prefix else "mean"


def _target_positions(stack: Stack, seen: Seen) -> tuple[int, ...]:
    """Where the target stands: that the output has a row of scores for each token that lies on no picture tells it."""
    output, off = seen.output, stack.is_text or stack.layout is None
    if not off or not seen.targets or output is None or output.ndim != 3 or output.shape[1] != stack.size:
        return ()
    found = [info.index for info in seen.targets]
    return tuple(one[0] for one in found if one is not None and len(one) == 2) if all(found) else ()


def _at(stack: Stack, places: tuple[int, ...], like: Tensor, note: Text) -> Rows:
    weights = torch.zeros(len(places), 1, stack.size, dtype=like.dtype, device=like.device)
    weights[range(len(places)), 0, list(places)] = 1
    return Rows(weights, places, note)


def _said(english: str, chinese: str, places: tuple[int, ...]) -> Text:
    where = ", ".join(map(str, dict.fromkeys(places)))
    return Text(f"Read {english}: {where}.", f"读取{chinese}：{where}。", aside=True)


_FIRST = Text("Read at the first token.", "读取第一个词元。", aside=True)
_ONLY = Text("Read at the one token that gathers the others.", "读取汇集其他词元的那一个词元。", aside=True)
_LAST = Text("Read at the last token.", "读取最后一个词元。", aside=True)
_MEAN = Text("Read as the mean over all tokens.", "读取所有词元的平均。", aside=True)


def laid(stack: Stack, values: Tensor, **fields: Any) -> Attribution:
    """A number for each token, `(batch, token)`, on what the tokens stand for.

    Tokens before the first one of the grid (a class token) have no place in a picture: `facts["off the grid"]` holds
    what they sum to.
    """
    layout = stack.layout
    if layout is None or stack.is_text:
        axis = "time" if stack.base is not None and stack.base.kind == "series" else "token"
        return Attribution(values=as_array(values), axes=("batch", axis), base=stack.base, **fields)
    if layout.prefix:
        fields["facts"] = {**fields.get("facts", {}), "off the grid": tuple(values[:, : layout.prefix].sum(1).tolist())}
    drawn = values[:, layout.prefix :].unflatten(1, layout.grid)
    return Attribution(values=as_array(drawn), axes=("batch", *_GRID[len(layout.grid)]), base=stack.base, **fields)
