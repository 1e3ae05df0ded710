"""What the tensors of a forward descend from, as far as attention needs it: sequences, products, probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any
from weakref import ref

from torch import Tensor

FUSED = "scaled_dot_product_attention"
PRODUCTS = frozenset({"matmul", "einsum"})
_BESIDE = PRODUCTS | {FUSED, "baddbmm"}
_SHAPED = frozenset({"view", "reshape", "flatten", "unflatten", "squeeze", "expand", "contiguous", "clone"})
_KEPT = frozenset({"dropout", "to", "type", "type_as", "float", "half", "bfloat16", "masked_fill", "nan_to_num"})
_MIXED = frozenset({"linear", "conv2d", "matmul", "einsum"})


@dataclass(frozen=True)
class Made:
    """A sequence that begins with no input.

    Args:
        number: tells it from others.
        source: the tensor that it begins with, where there is one: a parameter, a buffer.
        given: whether an input had a part in it since.
    """

    number: int
    source: "ref[Tensor] | None" = field(default=None, compare=False)
    given: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Trail:
    """What a tensor descends from.

    Args:
        stream: the sequence that it belongs to: the name of an input, or a `Made`.
        pair: the streams of the last product's operands.
        softmax: which axis (counted from the end) a softmax was taken over, None if this is no probability.
        mixed: whether heads were mixed since.
    """

    stream: Any
    pair: tuple[Any, Any] | None = None
    softmax: int | None = None
    mixed: bool = False


class Trails:
    """The trail of every tensor that a forward has made; keeps no tensor alive."""

    def __init__(self) -> None:
        self.lengths: set[int] = set()
        self._trails: dict[int, tuple[ref[Tensor], Trail]] = {}
        self._made = 0

    def stream(self, tensor: Tensor) -> Any:
        trail = self.of(tensor)
        return None if trail is None else trail.stream

    def given(self, tensor: Tensor) -> bool:
        """Whether an input had a part in a tensor."""
        stream = self.stream(tensor)
        return stream.given if isinstance(stream, Made) else stream is not None

    def of(self, tensor: Any) -> Trail | None:
        known = self._trails.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def note(self, tensor: Tensor, trail: Trail) -> None:
        self._trails[id(tensor)] = (ref(tensor), trail)

    def leave(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """The call is over; `out` is what it gave, or what it wrote into."""
        if not isinstance(out, Tensor):
            for one in out if isinstance(out, (tuple, list)) else ():
                if isinstance(one, Tensor):
                    self.note(one, replace(self._source(name, args, kwargs), softmax=None))
            return
        source = self._source(name, args, kwargs)
        if name in ("linear", "conv1d", "conv2d"):
            self.lengths |= {prod(out.shape[2:])} if name != "linear" else {prod(out.shape[1:-1]), *out.shape[-2:-1]}
        if name == "softmax":
            axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
            axis = axis - out.ndim if isinstance(axis, int) and axis >= 0 else axis
            source = replace(source, softmax=axis if isinstance(axis, int) and out.ndim > 1 else None, mixed=False)
        elif source.softmax is not None:
            first = next(tensors(args), None)
            source = _followed(source, name, args, kwargs, out, first)
        if name in _BESIDE:
            operands = list(tensors((args, tuple(kwargs.values()))))
            two = operands[:2] if name == FUSED else operands[-2:]
            source = replace(source, pair=(self.stream(two[0]), self.stream(two[-1])))
        self.note(out, source)

    def _source(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trail:
        """The trail that a call goes on with."""
        trail = self._first(name, args, kwargs)
        stream = trail.stream
        if not isinstance(stream, Made) or stream.given:
            return trail
        given = any(self.given(one) for one in tensors((args, tuple(kwargs.values()))))
        return replace(trail, stream=replace(stream, given=True)) if given else trail

    def _first(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trail:
        """The trail of a call's first tensor, or of the first that belongs to an input."""
        first: Trail | None = None
        for one in tensors((args, tuple(kwargs.values()))):
            trail = self.of(one)
            if trail is not None and (isinstance(trail.stream, str) or name in _BESIDE):
                return trail
            first = first or trail
            if trail is None and name in _BESIDE:
                break
        if first is None:
            self._made += 1
            begin = next(tensors((args, tuple(kwargs.values()))), None)
            first = Trail(Made(self._made, None if begin is None or name in _BESIDE else ref(begin)))
            if begin is not None:
                self.note(begin, first)
        return first


def _followed(
    trail: Trail, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, first: Tensor | None
) -> Trail:
    """The trail of probabilities behind one more call; they stay probabilities where only their shape changes."""
    axis = trail.softmax or -1
    if first is None:
        return replace(trail, softmax=None)
    if name in _KEPT or (name == "mul" and out.shape == first.shape and len(list(tensors(args))) == 1):
        return trail
    if name == "unsqueeze":
        return replace(trail, softmax=_behind(args, kwargs, axis, out.ndim))
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


def _behind(args: tuple[Any, ...], kwargs: dict[str, Any], axis: int, rank: int) -> int | None:
    """Where an axis is behind an insertion that gave `rank` axes, counted from the end."""
    at = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if not isinstance(at, int):
        return None
    before = axis + rank - 1
    return before + (at % rank <= before) - rank


def tensors(nest: Any) -> Iterator[Tensor]:
    for one in nest:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, (tuple, list)):
            yield from tensors(one)
