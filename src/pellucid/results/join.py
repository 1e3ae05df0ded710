"""One result out of the results of consecutive blocks of examples."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.results.attribution import Attribution
from pellucid.results.base import Base
from pellucid.results.join_notes import notes_of
from pellucid.results.matrix import Matrix
from pellucid.results.result import Result


def join(parts: Sequence[Result]) -> Result:
    """The results of consecutive blocks of one batch, as one. A gallery keeps the pictures of the first block.

    Raises:
        NotApplicable: this kind of result summarises a whole batch, or the blocks differ in shape.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    if not first.axes or first.axes[0] != "batch":
        raise NotApplicable(
            Text(
                f"a {first.kind} of this method summarises a whole batch and cannot be made in blocks",
                "该方法的结果概括整批样本，无法分块生成",
            ),
            hint=Text(
                "give all examples in one block: batch_size=None, or fewer examples",
                "请将全部样本放在一块：batch_size=None，或减少样本",
            ),
        )
    if len({one.values.shape[1:] for one in parts}) > 1:
        raise NotApplicable(
            Text("the examples give results of different shape", "各样本的结果形状不同"),
            hint=Text("look at them one by one", "请逐个样本查看"),
        )
    changes: dict[str, Any] = {
        "values": np.concatenate([one.values for one in parts]),
        "targets": tuple(target for one in parts for target in one.targets),
        "notes": notes_of(parts),
        "facts": {name: _facts([one.facts.get(name) for one in parts]) for name in first.facts},
    }
    if isinstance(first, Attribution) and first.base is not None:
        changes["base"] = _base([one.base for one in parts if isinstance(one, Attribution) and one.base is not None])
    if isinstance(first, Matrix) and first.words:
        changes["words"] = tuple(words for one in parts if isinstance(one, Matrix) for words in one.words)
    if first.provenance is not None:
        changes["provenance"] = replace(first.provenance, targets=changes["targets"])
    return first.with_(**changes)


def _facts(values: list[Any]) -> Any:
    if all(isinstance(value, (tuple, list)) for value in values):
        return tuple(item for value in values for item in value)
    if all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values):
        return {name: _facts([value[name] for value in values]) for name in values[0]}
    return values[0] if all(value == values[0] for value in values) else tuple(values)


def _base(bases: list[Base]) -> Base:
    values = (
        None if bases[0].values is None else np.concatenate([one.values for one in bases if one.values is not None])
    )
    names = tuple(name for one in bases for name in one.names) if bases[0].kind == "tokens" else bases[0].names
    return replace(bases[0], values=values, names=names)
