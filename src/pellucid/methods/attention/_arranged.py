"""Many attentions as few pictures: all heads of all layers in one, or one query laid on what its keys are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text, say
from pellucid.engine.passes import Seen
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._laid import Laid, laid, lies_on
from pellucid.methods.attention._said import asked, differing, facts_of, kept, sides
from pellucid.methods.attention._tokens import Chosen, joined
from pellucid.results import Matrix


@dataclass(frozen=True, eq=False)
class Part:
    """One attention of those that are drawn.

    Args:
        one: which.
        facts: of it alone.
    """

    one: Chosen
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Shared:
    """Attentions that share a picture.

    Args:
        values: `(batch, layer, ...)`: room for what is shown of each, so that it lies in memory once; filled as far as
            there are parts.
        parts: by layer.
    """

    values: np.ndarray
    parts: list[Part] = field(default_factory=list)

    @classmethod
    def for_up_to(cls, layers: int, like: Tensor) -> "Shared":
        """Room for so many layers, each `like` what is shown of the first; what stays empty takes no memory."""
        batch, *rest = like.shape
        return cls(np.empty((batch, layers, *rest), np.float64 if like.dtype == torch.float64 else np.float32))

    def add(self, part: Part, values: Tensor) -> None:
        """Put one more layer behind the others."""
        torch.from_numpy(self.values)[:, len(self.parts)] = values.detach().cpu()
        self.parts.append(part)

    def filled(self) -> np.ndarray:
        """`(batch, layer, ...)` of the parts, read-only; a result takes it as it is."""
        values = self.values if self.values.shape[1] == len(self.parts) else self.values[:, : len(self.parts)].copy()
        values.setflags(write=False)
        return values


@dataclass(frozen=True, eq=False)
class Way:
    """How all of them are drawn.

    Args:
        unit, signed: of the values.
        said: what is to be said of attentions that share a picture: notes, and facts of all of them together.
        notes: of every picture.
    """

    unit: Text | str
    said: Callable[[Sequence[Part]], tuple[tuple[Text, ...], dict[str, Any]]]
    notes: tuple[Text, ...] = ()
    signed: bool = False


def arranged(
    x: Inputs, seen: Seen, found: Sequence[Chosen], shown: Callable[[Chosen], tuple[Part, Tensor]], way: Way
) -> tuple[Laid, ...]:
    """One picture for all attentions that are alike in size, kind and tokens; for windows one each.

    Of several layers values are `(batch, layer, head, query, key)`, and facts have those of each layer by its address
    under `"layers"`. Of one layer they are as `Chosen.axes` says. One query lies on the words or the patches that its
    keys are.

    Args:
        shown: called for one attention after the other, while its probabilities are `held`: what is drawn of it, as
            `Chosen.cut` gives it, and its facts.
    """
    groups: dict[tuple[Any, ...], Shared] = {}
    alike = [_alike(one) for one in found]
    for i, each in enumerate(found):
        with each.attention.held():
            part, values = shown(each)
            known = facts_of(each.attention)
        key = (i,) if each.windows else (*alike[i], tuple(values.shape), known["groups"], known["causal"])
        if key not in groups:
            groups[key] = Shared.for_up_to(1 if each.windows else alike[i:].count(alike[i]), values)
        groups[key].add(Part(part.one, {**known, **part.facts}), values)
    return tuple(_picture(x, seen, _named_apart(group.parts), group.filled(), way) for group in groups.values())


def _named_apart(parts: Sequence[Part]) -> list[Part]:
    """The layers of a picture, their names without what all of them end with."""
    names = [part.one.layer.split(".") for part in parts]
    while len(parts) > 1 and len({name[-1] for name in names}) == 1 and all(len(name) > 1 for name in names):
        names = [name[:-1] for name in names]
    return [Part(replace(part.one, layer=".".join(name)), part.facts) for part, name in zip(parts, names, strict=True)]


def _alike(one: Chosen) -> tuple[Any, ...]:
    """What attentions share that may share a picture, as far as it is known before they are looked at."""
    place = one.attention
    return place.kind, place.shape, place.query_from, place.key_from


def _picture(x: Inputs, seen: Seen, parts: Sequence[Part], values: np.ndarray, way: Way) -> Laid:
    first = parts[0].one
    rows, columns = sides(x, first)
    notes, facts = way.said(parts)
    worst = max(parts, key=lambda part: part.facts["error"])
    base = lies_on(x, first)
    told = () if first.query is None or base is not None else (asked(rows[first.query]),)
    told += differing(x, first) if base is None else ()
    told += (_of_each(first),) if len(parts) > 1 and first.query is None and values.shape[2] == 1 else ()
    fields: dict[str, Any] = {
        "unit": way.unit,
        "signed": way.signed,
        "layer": first.attention.address if len(parts) == 1 else "",
        "targets": seen.targets,
        "notes": (*notes, *way.notes, *told, *kept(worst.one.attention, worst.facts), *seen.notes),
        "facts": {**_together(parts), **facts},
    }
    if base is not None and first.query is not None:
        return laid([part.one for part in parts], values, base, _named(x, first, first.query), fields)
    several = len(parts) > 1
    values = values if several else values[:, 0]
    heads = tuple(first.head(i) for i in range(1 if first.heads is None else len(first.heads)))
    fields["panels"] = _panels(parts, tuple(values.shape)) if several else first.panels(tuple(values.shape))
    if first.query is None and len(heads) > 1:
        windows = tuple(Text(str(i)) for i in range(first.attention.windows)) if first.windows else ()
        fields["down"] = tuple(Text(part.one.layer) for part in parts) if several else windows
        fields["across"] = tuple(first.number(i) for i in range(len(heads)))
    return Matrix(
        **fields,
        values=values,
        axes=("batch", "layer", *first.axes[1:]) if several else first.axes,
        rows=rows if first.query is None else heads,
        columns=columns,
    )


def _named(x: Inputs, one: Chosen, query: int) -> Text:
    """What the query is called in a sentence: its word, or which it is where the examples differ."""
    name = sides(x, one)[0][query]
    if differing(x, one):
        return Text(f"token {query}", f"第 {query} 个词元")
    return Text(f"'{name}'", f"“{say(name, 'zh')}”")


def _together(parts: Sequence[Part]) -> dict[str, Any]:
    """Facts of one attention as they are; of several what they share, and under `"layers"` those of each."""
    if len(parts) == 1:
        return parts[0].facts
    shared = {name: parts[0].facts[name] for name in ("heads", "groups", "causal", "kind", "windows")}
    layers = {part.one.attention.address: part.facts for part in parts}
    return {"error": max(part.facts["error"] for part in parts), **shared, "layers": layers}


def _panels(parts: Sequence[Part], shape: tuple[int, ...]) -> tuple[Text, ...]:
    """A name for each matrix of `(batch, layer, head, query, key)`, or of `(batch, layer, head, key)`; without the head
    where there is one of each layer.
    """
    first, found = parts[0].one, list[Text]()
    alone = first.query is None and shape[2] == 1
    for example in range(shape[0]):
        short = Text(f"ex. {example + 1}" if alone else f"example {example + 1}", f"样本 {example + 1}")
        for part in parts:
            named = [*([short] if shape[0] > 1 else []), Text(part.one.layer)]
            heads = [[first.head(i)] for i in range(shape[2])] if first.query is None and not alone else [[]]
            found += [joined([*named, *head]) for head in heads]
    return tuple(found)


def _of_each(one: Chosen) -> Text:
    """What every matrix is where there is one of each layer."""
    name = one.head(0)
    return Text(f"Each matrix is of one layer: {name.en}.", f"每个矩阵对应一层：{name.say('zh')}。", aside=True)
