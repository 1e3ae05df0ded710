"""What the heads of an attention go through behind it: the linear map that joins them, found while a forward runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from pellucid.core.sites import Place
from pellucid.engine.attention.trails import Trails, tensors
from pellucid.engine.taps import Capture

_MOVED = frozenset(
    {
        *("transpose", "swapaxes", "swapdims", "permute", "movedim", "moveaxis", "t", "T", "mT"),
        *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "getitem", "select", "narrow", "roll"),
    }
)
_SAME = frozenset({"contiguous", "clone", "to", "type_as", "float", "double", "half", "bfloat16"})


@dataclass(frozen=True, eq=False)
class Projection:
    """The linear map that the outputs of all heads go through together.

    Args:
        weight: `(head, feature, out)`, what each head's features are multiplied with.
        bias: `(out,)`, what is added once; None if nothing is.
        place: of the call.
        out: what the model itself gave there, `(row, query, out)`; 0 where a query was cut off before.
        kept: `(row, query)`, which queries were not.
    """

    weight: Tensor
    bias: Tensor | None
    place: Place
    out: Tensor
    kept: Tensor


@dataclass(frozen=True, eq=False)
class Join:
    """A linear call.

    Args:
        weight: `(in, out)`.
        bias: `(out,)` or None.
        columns: what goes in, as `(..., in)`.
        shown: what comes out, as `(..., out)`.
    """

    weight: Tensor
    bias: Tensor | None
    columns: Callable[[Tensor], Tensor]
    shown: Callable[[Tensor], Tensor]


@dataclass(eq=False)
class Route:
    """What happens to the output of one attention until it meets a linear call.

    Args:
        shape: of the output.
        at: the tensor that it is by now.
        steps: what only moved numbers so far.
        join: the linear call, its place and what it gave.
        stopped: the name of the call that did something else.
    """

    shape: tuple[int, ...]
    at: "ref[Tensor] | None"
    steps: list[Callable[[Tensor], Tensor]] = field(default_factory=list)
    join: tuple[Join, Place, Capture] | None = None
    stopped: str = ""

    def projection(self, arranged: Callable[[Tensor], Tensor]) -> Projection | None:
        """The map, by head; None if there is none, or if it does not treat the same features of all tokens alike.

        Args:
            arranged: the output of the attention as `(row, head, query, feature)`.
        """
        if self.join is None:
            return None
        (join, place, made), numbers = self.join, torch.arange(prod(self.shape)).reshape(self.shape)
        moved = numbers
        for step in self.steps:
            moved = step(moved)
        found = _positions(join.columns(moved), numbers.numel())
        if found is None or made.spoiled or made.value is None:
            return None
        rows, columns = (one[arranged(numbers)] for one in found)
        row, column = rows.amax((1, 3)), columns.amax((0, 2))
        alike = (columns == column[None, :, None]) | (columns < 0)
        if bool((column < 0).any()) or not bool(alike.all()) or not bool((rows == row[:, None, :, None]).all()):
            return None
        given, kept = join.shown(made.value).flatten(0, -2), (row >= 0).to(made.value.device)
        out = given[row.clamp(min=0).to(given.device)] * kept[..., None]
        return Projection(join.weight[column.to(join.weight.device)], join.bias, place, out, kept)


class Routes:
    """The outputs of attentions that are on their way to a linear call.

    Args:
        trails: tell what is made of an input, and therefore no weight.
    """

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._open: dict[int, Route] = {}

    def begin(self, out: Tensor) -> Route:
        """Follow `out`."""
        route = Route(tuple(out.shape), ref(out))
        self._open[id(out)] = route
        return route

    @property
    def pending(self) -> bool:
        """Whether one of them may still meet its linear call."""
        self._open = {key: one for key, one in self._open.items() if one.at is not None and one.at() is not None}
        return bool(self._open)

    def met(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        place: Place,
        kept: Callable[[Place, Tensor], Capture],
    ) -> None:
        """A call was made that may have read one of them.

        Args:
            kept: a tensor that is needed again.
        """
        if not self._open:
            return
        for one in tensors((args, tuple(kwargs.values()))):
            route = self._open.get(id(one))
            if route is None or route.at is None or route.at() is not one:
                continue
            del self._open[id(one)]
            route.at = None
            name = place.op
            join = _join(name, args, kwargs, one)
            if join is not None and isinstance(out, Tensor) and self._fits(name, args, one, out):
                route.join = join, place, kept(place, out)
                return
            step = _step(name, func, args, kwargs, one)
            if step is None or not isinstance(out, Tensor):
                route.stopped = name
                return
            route.steps.append(step)
            route.at = ref(out)
            self._open[id(out)] = route
            return

    def _fits(self, name: str, args: tuple[Any, ...], one: Tensor, out: Tensor) -> bool:
        """Whether weights are weights, and a convolution keeps every place."""
        given = any(self._trails.given(each) for each in tensors(args) if each is not one)
        return not given and (not name.startswith("conv") or out.shape[2:] == one.shape[2:])


def _positions(columns: Tensor, count: int) -> tuple[Tensor, Tensor] | None:
    """Row and column of each of `count` numbers in a matrix of them; -1 where it is not there, None if one is twice."""
    table = columns.reshape(-1, columns.shape[-1])
    row, column = (torch.full((count,), -1) for _ in range(2))
    at = torch.arange(len(table))[:, None].expand_as(table), torch.arange(table.shape[1]).expand_as(table)
    row[table], column[table] = at
    return (row, column) if torch.equal(row[table], at[0]) and torch.equal(column[table], at[1]) else None


def _step(
    name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], one: Tensor
) -> Callable[[Tensor], Tensor] | None:
    """The same call on other numbers, if all that it does is to move them."""
    if not args or args[0] is not one or len(list(tensors((args[1:], tuple(kwargs.values()))))) > (name == "type_as"):
        return None
    if name in _MOVED:
        rest = args[1:]
        again = Tensor.reshape if name == "view" else func
        return lambda numbers: again(numbers, *rest, **kwargs)
    rests = name.endswith("dropout") and not kwargs.get("training", args[2] if len(args) > 2 else True)
    return (lambda numbers: numbers) if rests or name in _SAME else None


def _join(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], one: Tensor) -> Join | None:
    """A linear call that reads `one`, with what it adds."""
    match name:
        case "linear" | "conv1d" | "conv2d":
            given = {**dict(zip(("input", "weight", "bias"), args, strict=False)), **kwargs}
            weight, bias = given.get("weight"), given.get("bias")
            if given.get("input") is not one or not isinstance(weight, Tensor):
                return None
            if name == "linear":
                return Join(weight.detach().mT, _detached(bias), _as_it_is, _as_it_is) if weight.ndim == 2 else None
            return _pointwise(weight, bias, one)
        case "addmm":
            if len(args) != 3 or kwargs or args[1] is not one:
                return None
            fits = args[2].ndim == 2 and args[0].ndim == 1
            return Join(args[2].detach(), args[0].detach(), _as_it_is, _as_it_is) if fits else None
        case "matmul":
            fits = len(args) == 2 and args[0] is one and args[1].ndim == 2
            return Join(args[1].detach(), None, _as_it_is, _as_it_is) if fits else None
        case "einsum":
            return _contracted(args, one)
        case _:
            return None


def _pointwise(weight: Tensor, bias: Any, one: Tensor) -> Join | None:
    """A convolution that sees one place at a time."""
    if any(side != 1 for side in weight.shape[2:]) or one.ndim != weight.ndim or weight.shape[1] != one.shape[1]:
        return None
    behind = partial(torch.movedim, source=1, destination=-1)
    return Join(weight.detach().flatten(1).mT, _detached(bias), behind, behind)


def _contracted(args: tuple[Any, ...], one: Tensor) -> Join | None:
    """An einsum with a weight."""
    if len(args) != 3 or not isinstance(args[0], str) or "->" not in args[0] or args[1] is not one:
        return None
    before, after = args[0].replace(" ", "").split("->")
    mine, other = before.split(",")
    lead = "ZYXWV"[: one.ndim - len(mine.replace("...", ""))]
    mine, after = mine.replace("...", lead), after.replace("...", lead)
    summed = [letter for letter in mine if letter in other and letter not in after]
    stays = [letter for letter in mine if letter not in summed]
    made = [letter for letter in after if letter not in mine]
    weight = args[2]
    fits = set(other) == {*summed, *made} and set(after) == {*stays, *made}
    if not fits or not summed or not made:
        return None

    def columns(value: Tensor) -> Tensor:
        return value.permute([mine.index(letter) for letter in stays + summed]).flatten(len(stays))

    def shown(value: Tensor) -> Tensor:
        return value.permute([after.index(letter) for letter in stays + made]).flatten(len(stays))

    order = weight.detach().permute([other.index(letter) for letter in summed + made])
    return Join(order.flatten(0, len(summed) - 1).flatten(1), None, columns, shown)


def _as_it_is(value: Tensor) -> Tensor:
    return value


def _detached(bias: Any) -> Tensor | None:
    return bias.detach() if isinstance(bias, Tensor) else None
