"""Recognises attention while a forward runs: fused kernels, and a softmax whose output weighs values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.core.sites import Place
from pellucid.engine.attention.attention import (
    Attention,
    Kind,
    Parts,
    four,
    fused,
    kept,
    probabilities,
    repeated,
    shape_of,
)
from pellucid.engine.attention.projecting import Route
from pellucid.engine.attention.trails import FUSED, PRODUCTS, Made, Trail, Trails
from pellucid.engine.taps import Capture


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
    """Asked before and after every call of one forward.

    `parameters` are those that this forward uses, by name.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.parameters: Mapping[str, Tensor] = {}
        self.trails = Trails()

    def seen(
        self,
        found: Found,
        place: Place,
        out: Tensor,
        hold: Callable[[Tensor, Capture], None],
        route: Route | None = None,
    ) -> Attention:
        """What is needed of an attention to make its probabilities and their gradient later.

        Args:
            hold: told of every tensor that must be copied before it is overwritten.
            route: what happens to `out` from now on, if that is wanted.
        """
        held = tuple(None if one is None else kept(place, one, hold) for one in found.held)
        values, made = kept(place, found.values, hold), kept(place, out, hold)
        parts = Parts(found.make, held, values, made, found.arranged, route)
        (query, asked), (key, looked) = (self._source(one) for one in found.streams)
        return Attention(place, found.shape, self.kind(found), self.rows, parts, query, key, (asked, looked))

    def _source(self, stream: Any) -> tuple[str, bool]:
        """The name of the input or parameter that a sequence comes from, and whether it is made of parameters alone."""
        if not isinstance(stream, Made):
            return stream or "", False
        source = None if stream.source is None else stream.source()
        name = next((name for name, one in self.parameters.items() if one is source), "")
        return name, bool(name) and not stream.given

    def enter(self, tensor: Tensor, name: str) -> None:
        """`tensor` is an input of the model."""
        self.rows = self.rows or (tensor.shape[0] if tensor.ndim else 0)
        self.trails.note(tensor, Trail(name))

    def meet(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Found | None:
        """Whether the call that is about to run is an attention."""
        if name == FUSED:
            return _fused(self.trails, self.rows, fused(args, kwargs))
        if name not in PRODUCTS:
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
            trail = self.trails.of(operands[i])
            if trail is None or trail.softmax is None or operands[1 - i].ndim < 3 or operands[i].ndim < 2 + i:
                continue
            found = (
                _einsum(self.rows, args[0], operands, i, trail)
                if name == "einsum"
                else _matmul(self.rows, operands, i, trail)
            )
            if found is not None:
                return found
        return None

    def kind(self, found: Found) -> Kind:
        """What kind of attention it is."""
        rows, _, queries, keys = found.shape
        if found.mixed:
            return "mixed"
        if keys not in self.trails.lengths and found.values.shape[-1] in self.trails.lengths:
            return "channel"
        if rows > self.rows:
            return "windowed"
        one, other = found.streams
        return "self" if one == other and (one is not None or queries == keys) else "cross"


def _fused(trails: Trails, rows: int, given: dict[str, Any]) -> Found | None:
    found = tuple(given.get(name) for name in ("query", "key", "value"))
    tensors = [one for one in found if isinstance(one, Tensor) and one.ndim > 2 and not one.is_nested]
    if len(tensors) < 3:
        return None
    query, key, value = tensors
    mask, causal, scale = given.get("attn_mask"), bool(given.get("is_causal")), given.get("scale")

    def make(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
        return four(probabilities(query, key, mask, causal=causal, scale=scale), rows)

    def run(weights: Tensor) -> Tensor:
        values = value if value.ndim == 3 else repeated(value, query.shape[-3])
        return weights.reshape(*query.shape[:-1], key.shape[-2]).to(value.dtype) @ values

    shape = shape_of((*query.shape[:-1], key.shape[-2]), rows)
    streams = (trails.stream(query), trails.stream(key))
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


def _matmul(rows: int, operands: tuple[Tensor, ...], i: int, trail: Trail) -> Found | None:
    weights, values = operands[i], operands[1 - i]
    if trail.softmax != (-1 if i == 0 else -2):
        return None
    turned = i == 1
    if weights.ndim < values.ndim:
        weights = weights.expand(*values.shape[:-2], *weights.shape[-2:])

    def upright(one: Tensor) -> Tensor:
        return four(one.transpose(-1, -2) if turned else one, rows)

    def run(changed: Tensor) -> Tensor:
        if turned:
            return values @ changed.transpose(-1, -2).reshape(weights.shape)
        return changed.reshape(weights.shape) @ values

    shape = shape_of(tuple(upright(weights).shape), rows)
    return Found(upright, (weights,), upright(values), upright, shape, trail.pair or (None, None), trail.mixed, run)


def _einsum(rows: int, equation: Any, operands: tuple[Tensor, ...], i: int, trail: Trail) -> Found | None:
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
    return Found(make, (operands[i],), values, arranged, shape, trail.pair or (None, None), trail.mixed, run)
