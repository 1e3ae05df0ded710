"""Play one call again on whole rows: all at once where it keeps them apart, else one after another."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from pellucid.engine.cones.tape import CannotReplay, Ref, Step, Tape
from pellucid.engine.memory import out_of_memory


def every_row(tape: Tape, step: Step, values: Mapping[int, Tensor], count: int) -> Any:
    """What the call gives, a row for each variant, in the nest that it gave for one.

    Args:
        values: by number what it reads, a row for each variant; values without an axis of examples have one in front.
        count: of variants.
    Raises:
        CannotReplay: it writes, and does not keep the rows apart.
    """
    if all(tape.values[number].rowed for number in (*step.inputs, *step.outputs)):
        made = _at_once(step, values, count)
        if made is not None and _has_rows(tape, step, made, count):
            return made
        if step.writes:
            raise CannotReplay("a write that does not keep rows apart")
    rows = [tree_flatten(_one(tape, step, values, n))[0] for n in range(count)]
    joined = [torch.cat(each) if isinstance(each[0], Tensor) else each[0] for each in zip(*rows, strict=True)]
    return tree_unflatten(joined, tree_flatten(step.out)[1])


def _at_once(step: Step, values: Mapping[int, Tensor], count: int) -> Any:
    """None where the call does not take several rows."""

    def filled(one: Any) -> Any:
        if isinstance(one, Ref):
            return values[one.value]
        joined = step.name in ("cat", "stack") and isinstance(one, Tensor) and one.ndim > 0 and one.shape[0] == 1
        return one.expand(count, *one.shape[1:]) if joined else one

    args, kwargs = tree_map(filled, (step.args, step.kwargs))
    try:
        return step.func(*args, **kwargs)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if out_of_memory(error):
            raise
        return None


def _has_rows(tape: Tape, step: Step, made: Any, count: int) -> bool:
    tensors, refs = tree_flatten(made)[0], tree_flatten(step.out)[0]
    return len(tensors) == len(refs) and all(
        not isinstance(ref, Ref) or tuple(one.shape) == (count, *tape.values[ref.value].shape[1:])
        for one, ref in zip(tensors, refs, strict=True)
    )


def _one(tape: Tape, step: Step, values: Mapping[int, Tensor], n: int) -> Any:
    """The call on row `n`, as it was recorded."""

    def filled(one: Any) -> Any:
        if not isinstance(one, Ref):
            return one
        value = values[one.value]
        row = value[n : n + 1] if tape.values[one.value].rowed else value[n]
        return row.clone() if step.writes else row

    args, kwargs = tree_map(filled, (step.args, step.kwargs))
    return tree_map(
        lambda ref, one: one[None] if isinstance(ref, Ref) and not tape.values[ref.value].rowed else one,
        step.out,
        step.func(*args, **kwargs),
    )
