"""Many attentions as few pictures: all heads of all layers in one, or one query laid on what its keys are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text, say
from pellucid.engine.passes import Seen
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._laid import Laid, laid, lies_on
from pellucid.methods.attention._said import asked, differing, facts_of, kept, sides
from pellucid.methods.attention._tokens import Chosen, joined
from pellucid.results import Matrix
from pellucid.results.array import as_array


@dataclass(frozen=True, eq=False)
class Part:
    """One attention of those that are drawn.

    Args:
        one: which.
        values: what is shown of it, as `Chosen.cut` gives it.
        facts: of it alone.
    """

    one: Chosen
    values: Tensor
    facts: dict[str, Any] = field(default_factory=dict)


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


def arranged(x: Inputs, seen: Seen, parts: Iterable[Part], way: Way) -> tuple[Laid, ...]:
    """One picture for all attentions that are alike in size, kind and tokens; for windows one each.

    Of several layers values are `(batch, layer, head, query, key)`, and facts have those of each layer by its address
    under `"layers"`. Of one layer they are as `Chosen.axes` says. One query lies on the words or the patches that its
    keys are.
    """
    groups: dict[tuple[Any, ...], list[Part]] = {}
    for i, part in enumerate(parts):
        one = part.one.attention
        known = facts_of(one)
        alike = (one.kind, tuple(part.values.shape), one.query_from, one.key_from, known["groups"], known["causal"])
        key = (i,) if part.one.windows else alike
        groups.setdefault(key, []).append(Part(part.one, part.values, {**known, **part.facts}))
    return tuple(_picture(x, seen, members, way) for members in groups.values())


def _picture(x: Inputs, seen: Seen, parts: Sequence[Part], way: Way) -> Laid:
    first = parts[0].one
    rows, columns = sides(x, first)
    notes, facts = way.said(parts)
    worst = max(parts, key=lambda part: part.facts["error"])
    base = lies_on(x, first)
    told = () if first.query is None or base is not None else (asked(rows[first.query]),)
    told += differing(x, first) if base is None else ()
    fields: dict[str, Any] = {
        "unit": way.unit,
        "signed": way.signed,
        "layer": first.attention.address if len(parts) == 1 else "",
        "targets": seen.targets,
        "notes": (*notes, *way.notes, *told, *kept(worst.one.attention, worst.facts), *seen.notes),
        "facts": {**_together(parts), **facts},
    }
    if base is not None and first.query is not None:
        values = torch.stack([part.values for part in parts], 1)
        return laid([part.one for part in parts], values, base, _named(x, first, first.query), fields)
    several = len(parts) > 1
    values = torch.stack([part.values for part in parts], 1) if several else parts[0].values
    heads = tuple(first.head(i) for i in range(1 if first.heads is None else len(first.heads)))
    fields["panels"] = _panels(parts, tuple(values.shape)) if several else first.panels(tuple(values.shape))
    if first.query is None:
        windows = tuple(Text(str(i)) for i in range(first.attention.windows)) if first.windows else ()
        fields["down"] = tuple(Text(part.one.layer) for part in parts) if several else windows
        fields["across"] = tuple(first.number(i) for i in range(len(heads)))
    return Matrix(
        **fields,
        values=as_array(values),
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
    """A name for each matrix of `(batch, layer, head, query, key)`, or of `(batch, layer, head, key)`."""
    first, found = parts[0].one, list[Text]()
    for example in range(shape[0]):
        lead = [Text(f"example {example + 1}", f"样本 {example + 1}")] if shape[0] > 1 else []
        for part in parts:
            named = [*lead, Text(part.one.layer)]
            heads = [[first.head(i)] for i in range(shape[2])] if first.query is None else [[]]
            found += [joined([*named, *head]) for head in heads]
    return tuple(found)
