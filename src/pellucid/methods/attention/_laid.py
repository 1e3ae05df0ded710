"""One query of attention, laid on what its keys are: the patches of a picture, or the words of a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._tokens import Chosen, Names, joined, text_of
from pellucid.results import Attribution, Gallery, Matrix, spell
from pellucid.results.base import Base
from pellucid.results.resample import resample

TILES, SIDE, SMALL = 96, 224, 112
MEAN, EACH = Text("mean of heads", "各头平均"), Text("each head", "各头")
Laid = Attribution | Gallery | Matrix


def lies_on(x: Inputs, one: Chosen) -> Base | None:
    """What the keys of a query lie on: a text, or a picture with a patch for each key; None where that is not known."""
    if one.query is None or one.windows:
        return None
    text, layout = text_of(x, one.attention, "key"), one.attention.keys
    if text is not None or layout is None or len(layout.grid) != 2:
        return text
    named = x.base.get(one.attention.key_from)
    return named if named is not None and named.kind == "image" else x.canvas(2)


def laid(ones: Sequence[Chosen], values: np.ndarray, base: Base, query: Text, fields: dict[str, Any]) -> Laid:
    """A picture of `(batch, layer, head, key)` of attentions that are alike.

    Args:
        ones: the attentions, one for each layer.
        values: what their one query has for each key.
        base: what the keys lie on.
        query: its name.
        fields: of the result.
    """
    if base.kind == "tokens":
        return _on_words(ones, values, base, query, fields)
    layout = ones[0].attention.keys
    prefix = 0 if layout is None else layout.prefix
    if prefix:
        fields = _off_the_grid(values, prefix, fields)
    grid = () if layout is None else layout.grid
    if values.shape[1] == values.shape[2] == 1:
        maps, name = values[:, 0, 0, prefix:].reshape(-1, *grid), ones[0].head(0)
        fields = _noted(fields, _lies(query, name))
        return Attribution(values=maps, axes=("batch", "height", "width"), base=base, **fields)
    return _gallery(ones, values, base, (prefix, grid), _noted(fields, _on(query)))


def _noted(fields: dict[str, Any], note: Text) -> dict[str, Any]:
    """With one more note, the first."""
    return {**fields, "notes": (note, *fields["notes"])}


def _off_the_grid(values: np.ndarray, prefix: int, fields: dict[str, Any]) -> dict[str, Any]:
    """With the fact, per example, of what the keys take that have no place in a picture."""
    taken = values[..., :prefix].sum(-1).mean((1, 2)).tolist()
    facts = {**fields["facts"], "off the grid": tuple(taken)}
    return _noted({**fields, "facts": facts}, _off(prefix, taken, shares=str(fields["unit"]) == "probability"))


def _gallery(
    ones: Sequence[Chosen], values: np.ndarray, base: Base, cells: tuple[int, tuple[int, ...]], fields: dict[str, Any]
) -> Gallery:
    """For each drawn example a tile for each head of each layer and for their mean; only means where those are many."""
    batch, layers, heads, _ = values.shape
    prefix, grid = cells
    each = layers * (heads + (heads > 1))
    few = each <= TILES
    examples = max(1, min(batch, TILES // (each if few else layers)))
    side = SIDE if examples * (each if few else layers) <= 12 else SMALL
    images, captions, groups, beneath = list[np.ndarray](), list[Text](), list[Text](), list[np.ndarray | None]()
    for example, layer in np.ndindex(examples, layers):
        under = _photograph(base, example, side)
        size = grid if under is None else under.shape[:2]
        shown = ones[layer]
        rows = [(shown.head(i) if heads > 1 else _named(shown), values[example, layer, i]) for i in range(heads)]
        if heads > 1:
            mean = (MEAN if few else _named(shown), values[example, layer].mean(0))
            rows = [mean, *rows] if few else [mean]
        for caption, row in rows:
            images.append(resample(row[prefix:].reshape(grid), tuple(size)))
            captions.append(caption)
            parts = [Text(f"example {example + 1}", f"样本 {example + 1}")] if batch > 1 else []
            parts += [_named(shown)] if few and heads > 1 and layers > 1 else []
            groups.append(joined(parts or ([MEAN if caption is MEAN else EACH] if few and heads > 1 else [])))
            beneath.append(under)
    alone = layers == 1
    return Gallery(
        **(fields if few else _noted(fields, _MEANS)),
        values=values[:, 0] if alone else values,
        axes=("batch", "head", "key") if alone else ("batch", "layer", "head", "key"),
        images=tuple(images),
        captions=tuple(captions),
        groups=tuple(groups) if any(one.en for one in groups) else (),
        beneath=tuple(beneath) if any(one is not None for one in beneath) else (),
    )


def _photograph(base: Base, example: int, side: int) -> np.ndarray | None:
    """The picture of an example, its longer side at most `side` pixels."""
    if base.values is None:
        return None
    whole = base.values[min(example, len(base.values) - 1)]
    share = min(1.0, side / max(whole.shape[:2]))
    size = tuple(max(1, round(one * share)) for one in whole.shape[:2])
    return np.moveaxis(resample(np.moveaxis(whole, 2, 0), size), 0, 2)


def _on_words(ones: Sequence[Chosen], values: np.ndarray, base: Base, query: Text, fields: dict[str, Any]) -> Laid:
    """The text coloured: once, or a line for each head of one layer, or for each layer the mean of its heads."""
    batch, layers, heads, _ = values.shape
    if layers > 1 and heads > 1:
        values, fields = values.mean(2, keepdims=True), _noted(fields, _MEANS)
    if values.shape[1] == values.shape[2] == 1:
        fields = _noted(fields, _lies(query, ones[0].head(0)))
        return Attribution(values=values[:, 0, 0], axes=("batch", "token"), base=base, **fields)
    rows: Names = tuple(map(_named, ones)) if layers > 1 else tuple(ones[0].head(i) for i in range(heads))
    words = tuple(tuple(word.strip() or word for word in row) for row in base.names)
    return Matrix(
        **_noted(fields, _looks(query)),
        values=values[:, :, 0] if layers > 1 else values[:, 0],
        axes=("batch", "layer" if layers > 1 else "head", "key"),
        rows=rows,
        columns=words[0] if len(set(words)) == 1 else (),
        panels=tuple(Text(f"example {i + 1}", f"样本 {i + 1}") for i in range(batch)) if batch > 1 else (),
        words=words,
    )


def _named(one: Chosen) -> Text:
    return Text(one.layer)


def _off(prefix: int, taken: Sequence[float], *, shares: bool) -> Text:
    share = spell.percent(sum(taken) / max(1, len(taken)))
    en, zh = (f", {share} of the attention", f"，占注意力的 {share}") if shares else ("", "")
    what = (
        ("The class token has", "类别词元")
        if prefix == 1
        else (f"{prefix} tokens before the patches have", f"图块之前的 {prefix} 个词元")
    )
    return Text(
        f"{what[0]} no place in the picture: facts['off the grid'] holds what goes there{en}.",
        f"{what[1]}在图中没有位置：落在其上的部分见 facts['off the grid']{zh}。",
        aside=True,
    )


def _lies(query: Text, head: Text) -> Text:
    return Text(f"The query is {query.en}; {head.en}.", f"查询为{query.say('zh')}；{head.say('zh')}。", aside=True)


def _on(query: Text) -> Text:
    return Text(
        f"The query is {query.en}: its row lies on the picture.",
        f"查询为{query.say('zh')}：其所在行叠加在图上。",
        aside=True,
    )


def _looks(query: Text) -> Text:
    return Text(
        f"The query is {query.en}; each line of words is for the head or layer named beside it.",
        f"查询为{query.say('zh')}；每一行着色的文字对应左侧所标的头或层。",
        aside=True,
    )


_MEANS = Text(
    "The heads of each layer are averaged here: layer= shows those of one.",
    "此处对每层的各头取平均：用 layer= 查看某一层的各头。",
    aside=True,
)
