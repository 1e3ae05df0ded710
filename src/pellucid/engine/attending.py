"""Recognises attention while a forward runs: fused kernels, and a softmax whose output weighs values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from pellucid.core.sites import Place
from pellucid.engine.attention import Attention, Kind, Parts, four, fused, kept, probabilities, repeated, shape_of
from pellucid.engine.taps import Capture

FUSED = "scaled_dot_product_attention"
_PRODUCTS = frozenset({"matmul", "einsum"})
_BESIDE = _PRODUCTS | {FUSED, "baddbmm"}
_SHAPED = frozenset(
    {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "contiguous", "clone"}
)
_KEPT = frozenset({"dropout", "to", "type", "type_as", "float", "half", "bfloat16", "masked_fill", "nan_to_num"})
_MIXED = frozenset({"linear", "conv2d", "matmul", "einsum"})


@dataclass(frozen=True)
class Trail:
    """What a tensor descends from.

    Args:
        stream: the sequence that it belongs to: the name of an input, or something that only equals itself.
        pair: the streams of the last product's operands.
        softmax: which axis (counted from the end) a softmax was taken over, None if this is no probability.
        mixed: whether heads were mixed since.
    """

    stream: Any
    pair: tuple[Any, Any] | None = None
    softmax: int | None = None
    mixed: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """A call that weighs values with probabilities.

    Args:
        make: probabilities `(row, head, query, key)` out of `held`.
        held: tensors that `make` reads.
        values: `(row, head, key, feature)`.
        arranged: what the call gives as `(row, head, query, feature)`.
        shape: of the probabilities.
        streams: of queries and keys.
        run: the call itself, with other probabilities.
    """

    make: Callable[..., Tensor]
    held: tuple[Tensor | None, ...]
    values: Tensor
    arranged: Callable[[Tensor], Tensor]
    shape: tuple[int, int, int, int]
    streams: tuple[Any, Any]
    mixed: bool
    run: Callable[[Tensor], Tensor]


class Attending:
    """Asked before and after every call of one forward; keeps no tensor alive."""

    def __init__(self) -> None:
        self.rows = 1
        self.lengths: set[int] = set()
        self._trails: dict[int, tuple[ref[Tensor], Trail]] = {}
        self._made = 0

    def seen(self, found: Found, place: Place, out: Tensor, hold: Callable[[Tensor, Capture], None]) -> Attention:
        """What is needed of an attention to make its probabilities and their gradient later.

        Args:
            hold: told of every tensor that must be copied before it is overwritten.
        """
        held = tuple(None if one is None else kept(place, one, hold) for one in found.held)
        values, made = kept(place, found.values, hold), kept(place, out, hold)
        parts = Parts(found.make, held, values, made, found.arranged)
        query, key = (one if isinstance(one, str) else "" for one in found.streams)
        return Attention(place, found.shape, self.kind(found), self.rows, parts, query, key)

    def enter(self, tensor: Tensor, name: str) -> None:
        """`tensor` is an input of the model."""
        self.rows = tensor.shape[0] if tensor.ndim and not self._trails else self.rows
        self._note(tensor, Trail(name))

    def meet(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Found | None:
        """Whether the call that is about to run is an attention."""
        if name == FUSED:
            return self._fused(fused(args, kwargs))
        if name not in _PRODUCTS:
            return None
        first = 1 if name == "einsum" else 0
        operands = tuple(args[first:])
        if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
            operands = tuple(operands[0])
        if name == "matmul":
            operands += tuple(kwargs[key] for key in ("other", "mat2") if key in kwargs)
        if len(operands) != 2 or not all(isinstance(one, Tensor) for one in operands):
            return None
        for i in (0, 1):
            trail = self._trail(operands[i])
            if trail is None or trail.softmax is None or operands[i].ndim < 3 or operands[1 - i].ndim < 3:
                continue
            found = self._einsum(args[0], operands, i, trail) if name == "einsum" else self._matmul(operands, i, trail)
            if found is not None:
                return found
        return None

    def leave(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """The call is over; `out` is what it gave, or what it wrote into."""
        if not isinstance(out, Tensor):
            for one in out if isinstance(out, (tuple, list)) else ():
                if isinstance(one, Tensor):
                    self._note(one, replace(self._source(name, args, kwargs), softmax=None))
            return
        source = self._source(name, args, kwargs)
        if name in ("linear", "conv1d", "conv2d"):
            self.lengths |= {prod(out.shape[2:])} if name != "linear" else {prod(out.shape[1:-1]), *out.shape[-2:-1]}
        if name == "softmax":
            axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
            axis = axis - out.ndim if isinstance(axis, int) and axis >= 0 else axis
            source = replace(source, softmax=axis if isinstance(axis, int) and out.ndim > 2 else None, mixed=False)
        elif source.softmax is not None:
            first = next(_tensors(args), None)
            source = _followed(source, name, args, kwargs, out, first)
        if name in _BESIDE:
            operands = list(_tensors((args, tuple(kwargs.values()))))
            two = operands[:2] if name == FUSED else operands[-2:]
            source = replace(source, pair=(self._stream(two[0]), self._stream(two[-1])))
        self._note(out, source)

    def _fused(self, given: dict[str, Any]) -> Found | None:
        found = tuple(given.get(name) for name in ("query", "key", "value"))
        tensors = [one for one in found if isinstance(one, Tensor) and one.ndim > 2 and not one.is_nested]
        if len(tensors) < 3:
            return None
        query, key, value = tensors
        mask, causal, scale = given.get("attn_mask"), bool(given.get("is_causal")), given.get("scale")
        rows = self.rows

        def make(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
            return four(probabilities(query, key, mask, causal=causal, scale=scale), rows)

        def run(weights: Tensor) -> Tensor:
            values = value if value.ndim == 3 else repeated(value, query.shape[-3])
            return weights.reshape(*query.shape[:-1], key.shape[-2]).to(value.dtype) @ values

        shape = shape_of((*query.shape[:-1], key.shape[-2]), rows)
        streams = (self._stream(query), self._stream(key))
        return Found(
            make,
            (query, key, mask),
            four(value, rows),
            lambda out: four(out, rows),
            shape,
            streams,
            False,
            run,
        )

    def _matmul(self, operands: tuple[Tensor, ...], i: int, trail: Trail) -> Found | None:
        weights, values = operands[i], operands[1 - i]
        if trail.softmax != (-1 if i == 0 else -2):
            return None
        turned, rows = i == 1, self.rows

        def upright(one: Tensor) -> Tensor:
            return four(one.transpose(-1, -2) if turned else one, rows)

        def run(changed: Tensor) -> Tensor:
            if turned:
                return values @ changed.transpose(-1, -2).reshape(weights.shape)
            return changed.reshape(weights.shape) @ values

        shape = shape_of(tuple(upright(weights).shape), rows)
        return Found(upright, (weights,), upright(values), upright, shape, *self._pair(trail), run)

    def _einsum(self, equation: Any, operands: tuple[Tensor, ...], i: int, trail: Trail) -> Found | None:
        if not isinstance(equation, str) or "..." in equation or "->" not in equation:
            return None
        before, after = equation.replace(" ", "").split("->")
        names = before.split(",")
        mine, other = names[i], names[1 - i]
        key = mine[trail.softmax] if trail.softmax is not None else ""
        if not key or key not in other or key in after or len(mine) != operands[i].ndim:
            return None
        queries = [one for one in mine if one in after and one not in other]
        features = [one for one in other if one in after and one not in mine]
        shared = [one for one in mine if one in other and one in after]
        if len(queries) != 1 or len(features) != 1 or set(mine) != {*shared, queries[0], key}:
            return None
        lead, (query,), (feature,) = "".join(shared), queries, features
        rows = self.rows

        def make(one: Tensor) -> Tensor:
            return four(torch.einsum(f"{mine}->{lead}{query}{key}", one), rows)

        def arranged(one: Tensor) -> Tensor:
            return four(torch.einsum(f"{after}->{lead}{query}{feature}", one), rows)

        def run(changed: Tensor) -> Tensor:
            sizes = [operands[i].shape[mine.index(one)] for one in f"{lead}{query}{key}"]
            both = [operands[1 - i], operands[1 - i]]
            both[i] = torch.einsum(f"{lead}{query}{key}->{mine}", changed.reshape(sizes))
            return torch.einsum(equation, *both)

        values = four(torch.einsum(f"{other}->{lead}{key}{feature}", operands[1 - i]), rows)
        shape = shape_of(tuple(make(operands[i].detach()).shape), rows)
        return Found(make, (operands[i],), values, arranged, shape, *self._pair(trail), run)

    def _pair(self, trail: Trail) -> tuple[tuple[Any, Any], bool]:
        return trail.pair or (None, None), trail.mixed

    def _stream(self, tensor: Tensor) -> Any:
        trail = self._trail(tensor)
        return None if trail is None else trail.stream

    def _source(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trail:
        """The trail of a call's first tensor, or of the first that belongs to an input."""
        first: Trail | None = None
        for one in _tensors((args, tuple(kwargs.values()))):
            trail = self._trail(one)
            if trail is not None and (isinstance(trail.stream, str) or name in _BESIDE):
                return trail
            first = first or trail
            if trail is None and name in _BESIDE:
                break
        if first is None:
            self._made += 1
            first = Trail(self._made)
            for one in _tensors((args, tuple(kwargs.values()))):
                self._note(one, first)
                break
        return first

    def kind(self, found: Found) -> Kind:
        """What kind of attention it is."""
        rows, _, _, keys = found.shape
        if found.mixed:
            return "mixed"
        if keys not in self.lengths and found.values.shape[-1] in self.lengths:
            return "channel"
        if rows > self.rows:
            return "windowed"
        return "self" if found.streams[0] == found.streams[1] else "cross"

    def _trail(self, tensor: Any) -> Trail | None:
        known = self._trails.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def _note(self, tensor: Tensor, trail: Trail) -> None:
        self._trails[id(tensor)] = (ref(tensor), trail)


def _followed(
    trail: Trail, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, first: Tensor | None
) -> Trail:
    """The trail of probabilities behind one more call; they stay probabilities where only their shape changes."""
    axis = trail.softmax or -1
    if first is None:
        return replace(trail, softmax=None)
    if name in _KEPT or (name == "mul" and out.shape == first.shape and len(list(_tensors(args))) == 1):
        return trail
    if name in ("transpose", "swapaxes", "permute"):
        return replace(trail, softmax=_moved(name, args, kwargs, axis, first.ndim))
    if name in _SHAPED:
        same = axis == -1 and out.ndim > 0 and out.shape[-1] == first.shape[-1]
        return replace(trail, softmax=axis if same or out.shape == first.shape else None)
    if name in _MIXED and out.shape == first.shape:
        return replace(trail, mixed=True)
    return replace(trail, softmax=None)


def _moved(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], axis: int, rank: int) -> int | None:
    """Where an axis is behind a transposition, counted from the end."""
    given = [one for one in (*args[1:], *kwargs.values()) if not isinstance(one, Tensor)]
    flat = [each for one in given for each in (one if isinstance(one, (tuple, list)) else (one,))]
    if not all(isinstance(one, int) for one in flat):
        return None
    order = list(range(rank))
    if name == "permute":
        order = [one % rank for one in flat]
    elif len(flat) == 2:
        one, two = (each % rank for each in flat)
        order[one], order[two] = two, one
    return order.index(axis + rank) - rank


def _tensors(nest: Any) -> Iterator[Tensor]:
    for one in nest:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, (tuple, list)):
            yield from _tensors(one)
