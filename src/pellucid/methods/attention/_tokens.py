"""Attention from token to token: which places and heads are shown, and what rows and columns are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.passes import Layer, Seen
from pellucid.engine.roles import Layout
from pellucid.inputs.inputs import Inputs
from pellucid.results.base import Base

Heads = Literal["all", "mean"] | int | tuple[int, ...]
Side = Literal["query", "key"]
Names = tuple[Text | str, ...]
Query = None | int | Literal["first", "last"]
MOST = 2**24
ATTENTION = Text(
    "Attention between tokens: transformers for text, images or series, however their attention is written.",
    "词元之间的注意力：用于文本、图像或序列的 Transformer，注意力如何编写均可。",
)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is shown of an attention.

    Args:
        attention: at this place.
        layer: its name, as short as the other places allow.
        heads: their numbers; None: the mean of all.
        query: its number; None: all.
    """

    attention: Attention
    layer: str
    heads: tuple[int, ...] | None
    query: int | None

    @property
    def windows(self) -> bool:
        """Whether the rows are windows of the examples."""
        return self.attention.kind == "windowed"

    def cut(self, made: Tensor) -> Tensor:
        """What is shown of `(row, head, query, key)`: `(batch, [window,] head, [query,] key)`."""
        made = made if self.query is None else made[:, :, self.query]
        made = made.mean(1, keepdim=True) if self.heads is None else made[:, list(self.heads)]
        return made.unflatten(0, (-1, self.attention.windows)) if self.windows else made

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes of `cut`."""
        rows = ("batch", "window") if self.windows else ("batch",)
        return (*rows, "head", *(("query",) if self.query is None else ()), "key")

    def panels(self, shape: tuple[int, ...]) -> tuple[Text, ...]:
        """A name for each of the matrices that `cut` holds, the layer left out unless it is all there is to say."""
        lead, found = shape[:-2], list[Text]()
        for i in range(prod(lead)):
            parts, left = list[Text](), i
            for axis, size in reversed(list(zip(self.axes, lead, strict=False))):
                left, at = divmod(left, size)
                parts += [self.head(at)] if axis == "head" else [_nth(axis, at)] if size > 1 else []
            found.append(joined(parts[::-1] or [Text(self.layer)]))
        return tuple(found)

    def head(self, at: int) -> Text:
        """The name of the shown head at this place."""
        if self.heads is None:
            return Text("mean of heads", "各头平均")
        return Text(f"head {self.heads[at]}", f"头 {self.heads[at]}")

    def number(self, at: int) -> Text:
        """The name of the shown head at this place where it is said already that it is a head."""
        return self.head(at) if self.heads is None else Text(str(self.heads[at]))


def chosen(seen: Seen, layer: Layer, heads: Heads, query: Query) -> tuple[list[Chosen], tuple[Text, ...]]:
    """The attentions between tokens that `layer` denotes, and what must be said of all of them.

    Raises:
        NotApplicable: all of it is attention between channels, or its heads are mixed behind the softmax.
        BadSetting: there is no such head or query.
    """
    every = [spot.attention for spot in seen.at(layer) if spot.attention is not None]
    found = [one for one in every if one.kind not in ("channel", "mixed")]
    notes = _left_out(every)
    if not found:
        raise NotApplicable(
            Text(f"no attention between tokens: {notes[0]}", f"没有词元之间的注意力：{notes[0].zh}"),
            hint=Text("lens.layers(x) lists PATH/attention.N", "lens.layers(x) 列出 PATH/attention.N"),
        )
    size = sum(prod(one.shape[1:]) * one.windows // (1 if query is None else one.shape[2]) for one in found)
    if heads == "all" and size > MOST:
        heads = "mean"
        notes += (_averaged(size),)
    names = short_names([one.address for one in found])
    return [
        Chosen(one, name, _heads(one, heads), _query(one, query)) for one, name in zip(found, names, strict=True)
    ], notes


def _heads(one: Attention, heads: Heads) -> tuple[int, ...] | None:
    count = one.shape[1]
    if isinstance(heads, str):
        return tuple(range(count)) if heads == "all" else None
    wanted = (heads,) if isinstance(heads, int) else heads
    if not wanted or any(not 0 <= head < count for head in wanted):
        raise BadSetting(
            Text(
                f"heads={heads!r}: '{one.address}' has heads 0 to {count - 1}",
                f"heads={heads!r}：'{one.address}' 的头编号为 0 至 {count - 1}",
            ),
            hint=Text("numbers, 'all' or 'mean'", "编号、'all' 或 'mean'"),
        )
    return tuple(wanted)


def _query(one: Attention, query: Query) -> int | None:
    count = one.shape[2]
    if query is None or isinstance(query, str):
        return {None: None, "first": 0, "last": count - 1}[query]
    if not -count <= query < count:
        raise BadSetting(
            Text(
                f"query={query}: '{one.address}' has queries 0 to {count - 1}",
                f"query={query}：'{one.address}' 的查询编号为 0 至 {count - 1}",
            ),
            hint=Text("'first', 'last', or a negative number from the end", "'first'、'last'，或从末尾数起的负数"),
        )
    return query % count


def names_of(x: Inputs, one: Attention, side: Side) -> tuple[Names, ...]:
    """What queries or keys are called: for each example, or once for all of them."""
    layout = one.queries if side == "query" else one.keys
    text = text_of(x, one, side)
    if text is not None:
        return tuple(tuple(word.strip() or word for word in row) for row in text.names)
    if layout is None or one.kind == "windowed":
        return (tuple(str(i) for i in range(one.shape[2 if side == "query" else 3])),)
    return (cells(layout),)


def text_of(x: Inputs, one: Attention, side: Side) -> Base | None:
    """The text that queries or keys are; None where they are none."""
    count, stream = (one.shape[2], one.query_from) if side == "query" else (one.shape[3], one.key_from)
    bases = [x.base[stream]] if stream in x.base else [] if stream else list(x.base.values())
    texts = [base for base in bases if base.kind == "tokens" and {len(row) for row in base.names} == {count}]
    return texts[0] if len(texts) == 1 and one.kind != "windowed" else None


def common(names: tuple[Names, ...]) -> Names:
    """The names if they are those of all examples, else positions."""
    return names[0] if len(set(names)) == 1 else tuple(str(i) for i in range(len(names[0])))


def cells(layout: Layout) -> Names:
    """Tokens of a grid: the class token, further ones before the grid, then row and column."""
    extra = (Text(f"extra {i}", f"附加 {i}") for i in range(1, layout.prefix))
    first = [Text("class", "类别词元"), *extra][: layout.prefix]
    places = [""]
    for side in layout.grid:
        places = [f"{before},{i}" if before else str(i) for before in places for i in range(side)]
    return (*first, *places)


def short_names(addresses: Sequence[str]) -> list[str]:
    """Names of layers without what all of them end or begin with."""
    parts = [address.rpartition("/")[0].split(".") for address in addresses]
    if len(set(map(tuple, parts))) < len(parts):
        parts = [[*one, address.rpartition(".")[2]] for one, address in zip(parts, addresses, strict=True)]
    if len(parts) == 1:
        numbered = [i for i, one in enumerate(parts[0]) if one.isdigit()]
        last = numbered[-1] + 1 if numbered else len(parts[0])
        return [".".join(parts[0][max(0, last - 2) : last])]
    for end in (-1, 0):
        while len({one[end] for one in parts}) == 1 and all(len(one) > 1 for one in parts):
            shared = parts[0][end]
            parts = [one[:-1] if end else one[1:] for one in parts]
            if not end and all(one[0].isdigit() for one in parts):
                return [f"{shared}.{'.'.join(one)}" for one in parts]
    return [".".join(one) for one in parts]


def _left_out(every: Sequence[Attention]) -> tuple[Text, ...]:
    found: list[Text] = []
    channels, mixed = (sum(one.kind == kind for one in every) for kind in ("channel", "mixed"))
    if channels:
        found.append(
            Text(
                f"{channels} of {len(every)} attentions are between channels, not tokens: they are not drawn.",
                f"{len(every)} 处注意力中有 {channels} 处是通道之间而非词元之间的：未绘制。",
            )
        )
    if mixed:
        found.append(
            Text(
                f"{mixed} of {len(every)} attentions mix their heads after the softmax, so their rows are no distributions: they are not drawn.",
                f"{len(every)} 处注意力中有 {mixed} 处在 softmax 之后混合各头，其行不再是分布：未绘制。",
            )
        )
    return tuple(found)


def _averaged(size: int) -> Text:
    return Text(
        f"The heads are averaged: all of them would be {size:,} numbers, more than {MOST:,}. Heads given by number, one layer or one query are shown as they are.",
        f"各头已取平均：全部共 {size:,} 个数，超过 {MOST:,}。用编号指定头、只看一层或一个查询时不取平均。",
        aside=True,
    )


def _nth(axis: str, at: int) -> Text:
    return Text(f"example {at + 1}", f"样本 {at + 1}") if axis == "batch" else Text(f"window {at}", f"窗口 {at}")


def joined(parts: Sequence[Text]) -> Text:
    return Text(" · ".join(one.en for one in parts), " · ".join(one.say("zh") for one in parts))
