"""Roles ("last spatial", "every block") and the layout of a tensor on the input's grid, read from the trace alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pellucid.core.sites import Place
from pellucid.engine.calls import ATTENTION, RECURRENT
from pellucid.engine.packed import is_packed
from pellucid.engine.rules import ACTIVATIONS
from pellucid.engine.trace import Event, Trace

_CONVOLUTIONS = frozenset({f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)})
_POOLS = frozenset(
    {f"{prefix}{kind}_pool{d}d" for prefix in ("", "adaptive_") for kind in ("max", "avg", "lp") for d in (1, 2, 3)}
    | {f"max_pool{d}d_with_indices" for d in (1, 2, 3)}
)
_RESIZES = frozenset({"interpolate", "grid_sample", "pixel_shuffle"})
_AFFINE = _CONVOLUTIONS | {"linear"}
_PRODUCTS = frozenset({"matmul", "einsum"})
_BY_STEP = RECURRENT | ATTENTION | {"linear", "layer_norm", "rms_norm"}
_WEIGHTED = _AFFINE | RECURRENT | {"embedding", "bilinear"}
MOST_PREFIX_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """How a tensor lies on the input's grid.

    Args:
        kind: where its channels are.
        grid: its spatial axes.
        prefix: tokens before the first one of the grid (class token, registers).
    """

    kind: Literal["channels_first", "channels_last", "tokens"]
    grid: tuple[int, ...]
    prefix: int = 0


class Reader:
    """Reads a complete trace once: grids, features, candidates.

    Args:
        trace: of a forward.
        modules: every module by its path.
    """

    def __init__(self, trace: Trace, modules: Mapping[str, nn.Module]) -> None:
        self.trace, self.modules = trace, modules
        self._layouts: dict[Place, Layout] = {}
        self._grids: dict[int, list[tuple[int, ...]]] = {}
        self._pooled: set[tuple[int, ...]] = set()
        self._places: dict[str, tuple[Place, ...]] = {}
        grids, features = self._grids, 0
        batch = _batch(trace)
        for event in trace.events:
            spatial = event.shape[2:]
            if event.op in _CONVOLUTIONS | _POOLS | _RESIZES and len(event.shape) > 2 and _size(spatial) > 1:
                known = grids.setdefault(len(spatial), [])
                if spatial not in known:
                    known.append(spatial)
                    if event.op.startswith("adaptive"):
                        self._pooled.add(spatial)
            if event.op in _AFFINE and len(event.shape) > 1:
                features = event.shape[1 if event.op in _CONVOLUTIONS else len(event.shape) - 1]
            found = None if event.op == "attention" else _layout(event.shape, grids, features)
            if found is not None and event.shape[:1] == (batch,):
                self._layouts[event.place] = found

    def layout(self, place: Place) -> Layout | None:
        """How the output of `place` lies on the grid; None if it does not."""
        return self._layouts.get(place)

    def layout_of(self, shape: tuple[int, ...]) -> Layout | None:
        """How a tensor that goes into a place may lie on the grid, by its shape."""
        return _layout(shape, self._grids, 0)

    def sequence(self, length: int) -> Layout | None:
        """How a sequence of that many tokens lies on the grid of an image, volume or series."""
        for rank in (2, 3, 1):
            if rank in self._grids:
                return _tokens(length, self._grids[rank])
        return None

    def steps_first(self) -> bool:
        """Whether a three-dimensional input is `(batch, step, feature)`: features are read first."""
        for event in self.trace.events:
            if len(event.shape) == 3 and event.op in _CONVOLUTIONS | _POOLS:
                return False
            if event.op in _BY_STEP:
                return True
        return False

    def places(self, role: str) -> tuple[Place, ...]:
        """The places that a role means in this forward, in execution order."""
        if role not in self._places:
            self._places[role] = tuple(self._found(role))
        return self._places[role]

    def _found(self, role: str) -> list[Place]:
        match role:
            case "last spatial":
                return self._last_spatial()
            case "last block":
                return self._last_block()
            case "first conv":
                return self._calls(_CONVOLUTIONS)[:1]
            case "every conv":
                return self._calls(_CONVOLUTIONS)
            case "first weight":
                return self._weighted()[:1]
            case "every weight":
                return self._weighted()
            case "every block":
                return _blocks(self.trace, self._weighted())
            case "every activation":
                return [event.place for event in self.trace.events if event.op in ACTIVATIONS]
            case _:
                return self._attention()

    def _last_spatial(self) -> list[Place]:
        events = self.trace.events
        spots = [i for i, event in enumerate(events) if not event.op and event.path and event.place in self._layouts]
        if not spots:
            spots = [
                i
                for i, event in enumerate(events)
                if event.place in self._layouts and event.op in _CONVOLUTIONS | _POOLS | ACTIVATIONS
            ]
        if not spots:
            return []
        last = _bottleneck(events, {i: self._layouts[events[i].place].grid for i in spots}, self._pooled)[-1]
        ends = self._layouts[events[last].place]
        attention = [i for i, event in enumerate(events) if _is_attention(event)]
        if len(events[last].shape) == 3 and ends.kind != "channels_first" and attention:
            before = [i for i in spots if i < attention[-1] and self._layouts[events[i].place].grid == ends.grid]
            norms = [i for i in before if self._is_norm(events[i])]
            last = norms[-1] if norms else last
        return [events[last].place]

    def _is_norm(self, event: Event) -> bool:
        """Whether a module call only normalises: a linear layer with a norm behind it mixes features."""
        inside = (path for path in self.modules if path == event.path or path.startswith(f"{event.path}."))
        return "norm" in event.kind.lower() and not any(map(self._has_matrix, inside))

    def _attention(self) -> list[Place]:
        return [event.place for event in self.trace.events if _is_attention(event)]

    def _calls(self, ops: frozenset[str]) -> list[Place]:
        """Module calls whose own function is one of `ops`; the function call itself where its module does more."""
        return list(dict.fromkeys(self._owner(event) for event in self.trace.events if event.op in ops))

    def _owner(self, event: Event) -> Place:
        module = self.modules.get(event.path)
        alone = event.path and module is not None and (not any(module.children()) or self._has_matrix(event.path))
        return Place(event.path, event.call) if alone else event.place

    def _weighted(self) -> list[Place]:
        """Module calls with a weight matrix; convolutions and products that no such module owns."""
        found: dict[Place, None] = {}
        for event in self.trace.events:
            if event.op in _WEIGHTED and not self._has_matrix(event.path):
                found[self._owner(event)] = None
            elif not event.op and self._has_matrix(event.path):
                found[event.place] = None
        return list(found)

    def _has_matrix(self, path: str) -> bool:
        with torch.no_grad():
            weight = getattr(self.modules.get(path), "weight", None)
        return (isinstance(weight, Tensor) and weight.ndim >= 2) or is_packed(self.modules.get(path))

    def _last_block(self) -> list[Place]:
        """The last block where the head begins with convolutions, or where nothing lies on a grid (models of texts).

        Otherwise, and of dense answers, "last spatial".
        """
        last, blocks = self._last_spatial(), self.places("every block")
        if not last:
            return list(blocks[-1:])
        block = self._layouts.get(blocks[-1]) if blocks else None
        if block is None or block.grid != self._layouts[last[0]].grid:
            return last
        dense = _on_grid(self.trace.events[-1].shape, {len(layout.grid) for layout in self._layouts.values()})
        return last if dense or not _headed(self.trace.events, blocks[-1], last[0]) else [blocks[-1]]


def _blocks(trace: Trace, weighed: Sequence[Place]) -> list[Place]:
    """The outermost modules that hold two or more weighted layers and stand beside another of their kind."""
    layers = dict.fromkeys((place.path, place.op, place.n) for place in weighed)
    held = Counter(parent for path, _, _ in layers for parent in _parents(path))
    families: dict[tuple[str, str, int], set[str]] = {}
    for event in trace.modules():
        if event.path and held[event.path] > 1:
            kin = (event.path.rpartition(".")[0], event.kind, len(event.shape))
            families.setdefault(kin, set()).add(event.path)
    blocks = {path for family in families.values() if len(family) > 1 for path in family}
    return [
        event.place
        for event in trace.modules()
        if event.path in blocks and blocks.isdisjoint(_parents(event.path)[:-1])
    ]


def _headed(events: Sequence[Event], block: Place, last: Place) -> bool:
    """Whether a weighted layer stands between the block and the last place on the grid, and another behind that."""
    order = {event.place: i for i, event in enumerate(events)}
    weighed = [i for i, event in enumerate(events) if event.op in _AFFINE]
    start, end = order[block], order[last]
    return any(start < i < end for i in weighed) and any(end < i for i in weighed)


def _parents(path: str) -> list[str]:
    """`a.b.c`: a, a.b, a.b.c."""
    names = path.split(".")
    return [".".join(names[: i + 1]) for i in range(len(names))]


def _on_grid(answer: tuple[int, ...], ranks: AbstractSet[int]) -> bool:
    """Whether the answer itself lies on a grid of one of these ranks."""
    return len(answer) - 2 in ranks and _size(answer[2:]) > 1


def _bottleneck(
    events: Sequence[Event], grids: Mapping[int, tuple[int, ...]], pooled: AbstractSet[tuple[int, ...]]
) -> list[int]:
    """Where the answer itself lies on a grid: places on the coarsest one that are weighed once more behind.

    The last place of all is then the answer, and what raises it there is itself. A grid that an adaptive pool makes (a
    pyramid beside the features) does not count.

    Args:
        grids: of each place, by the number of its event.
        pooled: grids that adaptive pools make.
    """
    weighed = [i for i, event in enumerate(events) if event.op in _AFFINE]
    if not weighed or not _on_grid(events[-1].shape, set(map(len, grids.values()))):
        return list(grids)
    before = {i: _size(grid) for i, grid in grids.items() if i < weighed[-1] and grid not in pooled}
    return [i for i, size in before.items() if size == min(before.values())] or list(grids)


def may_be(role: str, place: Place, tensor: Tensor) -> bool:
    """Whether a place could turn out to be one of a role's, once the trace is complete; generous, never wrong."""
    match role:
        case "last spatial" | "last block":
            return tensor.ndim in (3, 4, 5) and (
                (bool(place.path) and not place.op) or place.op in _CONVOLUTIONS | _POOLS | ACTIVATIONS
            )
        case "every activation":
            return place.op in ACTIVATIONS
        case "every attention":
            return place.op == "attention"
        case "first conv" | "every conv":
            return place.op in _CONVOLUTIONS or (not place.op and bool(place.path))
        case "first weight" | "every weight":
            return place.op in _WEIGHTED or (not place.op and bool(place.path))
        case _:
            return not place.op and bool(place.path)


def _is_attention(event: Event) -> bool:
    return event.op == "attention"


def _size(grid: tuple[int, ...]) -> int:
    size = 1
    for side in grid:
        size *= side
    return size


def _batch(trace: Trace) -> int:
    whole = next((event for event in reversed(trace.events) if not event.path and not event.op), None)
    return (
        whole.shape[0]
        if whole is not None and whole.shape
        else (trace.events[0].shape[:1] or (0,))[0]
        if trace.events
        else 0
    )


def _layout(shape: tuple[int, ...], grids: Mapping[int, list[tuple[int, ...]]], features: int) -> Layout | None:
    rank = len(shape) - 2
    if rank == 1 and (2 in grids or 3 in grids):
        return _tokens(shape[1], grids[2 if 2 in grids else 3])
    if rank not in grids:
        return None
    seen = _with_halves(grids[rank])
    first, last = shape[2:] in seen, shape[1:-1] in seen
    if last and shape[-1] == features and not (first and shape[1] == features):
        return Layout("channels_last", shape[1:-1])
    if first:
        return Layout("channels_first", shape[2:])
    return _tokens(shape[1], grids[1]) if rank == 1 and shape[-1] == features else None


def _tokens(count: int, grids: list[tuple[int, ...]]) -> Layout | None:
    """Of the grids that leave few tokens over, the one that leaves fewest; a grid that was seen before a merged one."""
    found = [Layout("tokens", grid, count - _size(grid)) for grid in reversed(_with_halves(grids))]
    fitting = [layout for layout in found if 0 <= layout.prefix <= MOST_PREFIX_TOKENS]
    return min(fitting, key=lambda layout: (layout.prefix, layout.grid not in grids), default=None)


def _with_halves(grids: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The grids and what merging of neighbours makes of them; in volumes and films, also within slices alone."""
    found: dict[tuple[int, ...], None] = {}
    waiting = list(grids)
    while waiting:
        grid = waiting.pop()
        if _size(grid) > 1 and grid not in found:
            found[grid] = None
            halves = tuple((side + 1) // 2 for side in grid)
            waiting += [halves, (grid[0], *halves[1:])] if len(grid) == 3 else [halves]
    return sorted(found, key=_size, reverse=True)
