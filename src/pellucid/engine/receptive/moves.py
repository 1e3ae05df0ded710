"""Calls that only move cells: each is run once on numbered cells, so that no call needs a rule of its own."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_iter, tree_map

from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.receptive.notes import Strides
from pellucid.engine.receptive.spans import FAR, Line, Spans, joined_lines

MOVES = frozenset(
    {
        *("view", "view_as", "reshape", "reshape_as", "_unsafe_view", "flatten", "unflatten", "ravel", "squeeze"),
        *("unsqueeze", "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "H"),
        *("mH", "adjoint", "expand", "expand_as", "broadcast_to", "repeat", "tile", "repeat_interleave"),
        *("flip", "fliplr", "flipud", "roll", "rot90", "chunk", "split", "split_with_sizes", "tensor_split"),
        *("hsplit", "vsplit", "dsplit", "unbind", "getitem", "select", "narrow", "index_select", "take", "gather"),
        *("take_along_dim", "stack", "hstack", "vstack", "dstack", "cat", "setitem", "pad", "pixel_shuffle"),
        *("pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "unfold", "im2col", "diagonal", "tril"),
        *("triu", "atleast_1d", "atleast_2d", "atleast_3d"),
    }
)
_BY_INDEX = frozenset({"getitem", "select", "narrow", "index_select", "take", "gather", "take_along_dim"})
_JOINS = frozenset({"cat", "stack", "hstack", "vstack", "dstack"})


def moved(step: Step, spans: Mapping[int, Spans], shapes: Sequence[tuple[int, ...]], device: Any) -> dict[int, Spans]:
    """What every value that the call gives reads, by number.

    Args:
        spans, shapes: of the values by number.
    Raises:
        LookupError: which cells are moved depends on the input.
    """
    if step.name in _BY_INDEX and any(isinstance(one, Ref) for one in tree_iter((step.args[1:], step.kwargs))):
        raise LookupError(step.name)
    joined = _joined(step, spans, shapes) if step.name == "cat" else None
    if joined is not None:
        return joined
    sources = list(dict.fromkeys(step.inputs))
    return {
        number: _gathered(cells, [(spans[one], shapes[one]) for one in sources])
        for number, cells in _numbered(step, sources, shapes, device).items()
    }


def _numbered(step: Step, sources: list[int], shapes: Sequence[tuple[int, ...]], device: Any) -> dict[int, np.ndarray]:
    """For every value given, which cell of the sources, counted from 1, stands where; 0 where none does."""
    fronts = np.cumsum([1, *(prod(shapes[one]) for one in sources)])

    def filled(one: Any) -> Any:
        if isinstance(one, Ref):
            shape, front = shapes[one.value], int(fronts[sources.index(one.value)])
            cells = torch.arange(front, front + prod(shape), dtype=torch.float64, device=device)
            return cells.reshape(shape)
        blank = isinstance(one, Tensor) and (one.is_floating_point() or step.name in _JOINS)
        return torch.zeros(one.shape, dtype=torch.float64, device=device) if blank else one

    args, kwargs = tree_map(filled, (step.args, dict(step.kwargs)))
    if step.name == "pad":
        args, kwargs = args[:3], {**kwargs, "value": None}
    if step.name == "setitem" and not isinstance(step.args[2], Ref):
        args = (*args[:2], 0.0)
    out = step.func(*args, **kwargs)
    out = args[0] if out is None else out
    flat = zip(tree_iter(step.out), tree_iter(out), strict=True)
    return {
        ref.value: one.round().long().cpu().numpy()
        for ref, one in flat
        if isinstance(ref, Ref) and isinstance(one, Tensor)
    }


def _gathered(cells: np.ndarray, sources: list[tuple[Spans, tuple[int, ...]]]) -> Spans:
    tables = zip(*(one.lows for one, _ in sources), strict=True)
    shapes = [shape for _, shape in sources]
    lows = tuple(_taken(cells, each, shapes) for each in tables)
    rank = sources[0][0].rank
    lines = (None,) * rank
    if len(sources) == 1:
        lines = tuple(_line(line, cells, shapes[0]) for line in sources[0][0].lines)
    return Spans(lows, lines).compact()


def _taken(cells: np.ndarray, tables: Sequence[np.ndarray], shapes: list[tuple[int, ...]]) -> np.ndarray:
    values = {int(one.flat[0]) for one in tables if one.size == 1}
    if len(values) == 1 and all(one.size == 1 for one in tables) and (cells > 0).all():
        return np.full((1,) * cells.ndim, values.pop())
    flat = [np.broadcast_to(one, shape).ravel() for one, shape in zip(tables, shapes, strict=True)]
    return np.concatenate([np.array([FAR]), *flat])[cells]


def _line(line: Line | None, cells: np.ndarray, shape: tuple[int, ...]) -> Line | None:
    """Where a line of the source lies in what was made of it; None if it is bent."""
    if line is None or not cells.size:
        return None
    there = cells > 0
    at = np.where(there, (cells - 1) // prod(shape[line.dim % len(shape) + 1 :]) % shape[line.dim], -1)
    same = line.dim if -line.dim <= cells.ndim else -1
    for dim in sorted(range(-cells.ndim, 0), key=lambda one: one != same):
        found = _stepped(at, there, dim)
        if found is not None and (found[2] > 1 or (dim == same and cells.ndim == len(shape))):
            step, start, _ = found
            return Line(dim, line.jump * step, line.offset + line.jump * start, line.size)
    return None


def _stepped(at: np.ndarray, there: np.ndarray, dim: int) -> tuple[int, int, int] | None:
    """Step and start of coordinates that depend on one axis alone, in equal steps forward, and how many there are."""
    others = tuple(axis for axis in range(at.ndim) if axis != dim % at.ndim)
    most, least = at.max(others), np.where(there, at, FAR).min(others)
    (known,) = np.nonzero(most >= 0)
    if not len(known) or (most != least)[known].any():
        return None
    values = most[known]
    step = int(values[1] - values[0]) // int(known[1] - known[0]) if len(known) > 1 else 1
    start = int(values[0]) - step * int(known[0])
    return (step, start, len(known)) if step > 0 and (values == start + step * known).all() else None


def _joined(step: Step, spans: Mapping[int, Spans], shapes: Sequence[tuple[int, ...]]) -> dict[int, Spans] | None:
    """Values laid side by side, without numbering their cells; None where something else is among them."""
    parts = step.args[0] if step.args else step.kwargs.get("tensors", ())
    if not all(isinstance(one, Ref) and len(shapes[one.value]) == len(shapes[parts[0].value]) for one in parts):
        return None
    ndim = len(shapes[parts[0].value])
    dim = int(step.kwargs.get("dim", step.kwargs.get("axis", step.args[1] if len(step.args) > 1 else 0))) % ndim
    each = [spans[one.value] for one in parts]
    lows: list[np.ndarray] = []
    for tables in zip(*(one.lows for one in each), strict=True):
        common = np.broadcast_shapes(*((*t.shape[:dim], 1, *t.shape[dim + 1 :]) for t in tables))
        lengths = [shapes[one.value][dim] for one in parts]
        wide = [
            np.broadcast_to(table, (*common[:dim], length, *common[dim + 1 :]))
            for table, length in zip(tables, lengths, strict=True)
        ]
        lows.append(np.concatenate(wide, axis=dim))
    lines = joined_lines(each) if all(_beside(one, dim - ndim) for one in each) else (None,) * each[0].rank
    return dict.fromkeys(step.outputs, Spans(tuple(lows), lines).compact())


def _beside(spans: Spans, dim: int) -> bool:
    return all(line is None or line.dim != dim for line in spans.lines)


def seen_through(strides: Sequence[Strides], sources: list[tuple[Spans, tuple[int, ...]]]) -> Spans:
    """A tensor after another one on its memory was written.

    Args:
        strides: shape, strides and offset of it, and of the one that was written.
        sources: spans and shape of what was written, and of the tensor before, if it read anything.
    """
    mine, theirs = (_places(*one) for one in strides)
    memory = np.zeros(int(max(mine.max(), theirs.max())) + 1, dtype=np.int64)
    if len(sources) > 1:
        memory[mine] = np.arange(mine.size).reshape(mine.shape) + 1 + theirs.size
    memory[theirs] = np.arange(theirs.size).reshape(theirs.shape) + 1
    return _gathered(memory[mine], sources)


def _places(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> np.ndarray:
    at = np.full((1,) * len(shape), offset)
    for axis, (n, step) in enumerate(zip(shape, strides, strict=True)):
        at = at + (np.arange(n) * step).reshape([-1 if d == axis else 1 for d in range(len(shape))])
    return at
