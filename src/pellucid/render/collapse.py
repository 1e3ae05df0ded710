"""A graph of operations as about thirty boxes: the calls of modules that are open, and what stands in each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pellucid.render.folding import Folding, Run
from pellucid.results.tree import Branch, tree

MOST = 30
CHUNK = 60
RUN = 3

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Box:
    """What is drawn as one box, or as a frame around boxes.

    Args:
        name: what it is called inside the frame around it.
        path: dotted path of the module, or of the owner of the operation.
        members: ids of the operations inside, in execution order.
        operations: the different operations inside, the first few.
        kind: class of the module where it is known.
        parameters: number of elements read.
        shape: shape that leaves the box.
        times: how many identical blocks in a row this box stands for.
        last: name of the last of them.
        failed: whether the model raised inside.
        inside: what stands in the frame; of several identical blocks the first. None: the box is closed.
        number: which of the closed boxes this is, in order; -1 for a frame.
    """

    name: str
    path: str
    members: tuple[int, ...]
    operations: tuple[str, ...]
    kind: str
    parameters: int
    shape: tuple[int, ...]
    times: int = 1
    last: str = ""
    failed: bool = False
    inside: tuple["Box", ...] = ()
    number: int = -1


def closed(boxes: Iterable[Box]) -> Iterator[Box]:
    """The boxes without the frames, in order of their numbers."""
    for box in boxes:
        yield from closed(box.inside) if box.inside else (box,)


def collapse(
    nodes: Sequence[Node],
    edges: Sequence[Mapping[str, Any]],
    folds: Iterable[Sequence[str]] = (),
    *,
    modules: Sequence[Node] = (),
    failed: int | None = None,
    depth: int | None = None,
    opened: Iterable[str] = (),
    most: int = MOST,
) -> tuple[tuple[Box, ...], list[tuple[int, int]]]:
    """Boxes in execution order, and the links between the closed ones (pairs of their numbers, each once).

    Args:
        nodes, edges, folds, modules, failed: of the `Graph`.
        depth: how many levels of modules are open, from 1. None: the deepest that needs no more than `most` boxes, and
            below that what a run of identical blocks consists of, where it fits.
        opened: paths of modules that are open beside, and all around them.
        most: how many boxes are good to read.
    """
    if not nodes:
        return (), []
    place = {int(node["id"]): i for i, node in enumerate(nodes)}
    pairs = [(place[e["source"]], place[e["sink"]]) for e in edges if e["source"] in place and e["sink"] in place]
    broken = place.get(failed) if failed is not None else None
    whole = tree(nodes, edges, modules)
    units = _units(whole, Folding(nodes, pairs, folds, broken), nodes, "")
    wanted = tuple(opened)
    is_open = _opening(units, depth, most, lambda unit: unit.is_around(wanted, broken))
    made = _Boxes(nodes, broken, is_open)
    boxes = tuple(made.box(unit) for unit in units)
    return boxes, made.links(pairs)


class _Unit:
    """A run of branches with what is inside, which is worked out when somebody looks."""

    def __init__(self, run: Run, folding: Folding, nodes: Sequence[Node], frame: str) -> None:
        self.run, self._folding, self._nodes = run, folding, nodes
        self.name, self.last = (_name(one, frame, nodes) for one in (run.first, run.branches[-1]))

    @cached_property
    def inside(self) -> list["_Unit"]:
        """What the first branch consists of."""
        return _units(self.run.first, self._folding, self._nodes, self.run.first.path)

    @property
    def has_modules(self) -> bool:
        """Whether modules stand inside, and not operations alone; a section counts as what is in it."""
        return any(child.owned or child.children for child in self.run.first.children)

    def is_around(self, wanted: Sequence[str], failed: int | None) -> bool:
        """Whether it has to be open for these modules, or for the operation that failed, to be seen."""
        if not self.run.first.children:
            return False
        paths = [branch.path for branch in self.run.branches if branch.owned]
        asked = any(f"{one}.".startswith(f"{path}.") for one in wanted for path in paths)
        section = not paths and any(unit.is_around(wanted, None) or _is(unit, wanted) for unit in self.inside)
        return asked or section or (failed is not None and failed in self.run.members)


def _is(unit: _Unit, wanted: Sequence[str]) -> bool:
    return unit.run.first.owned and unit.run.first.path in wanted


def _units(branch: Branch, folding: Folding, nodes: Sequence[Node], frame: str) -> list[_Unit]:
    """The children of a branch, identical neighbours folded, a long list in sections."""
    children: Sequence[Branch] = branch.children or ((branch,) if not branch.path else ())
    runs = folding.runs(children)
    if len(runs) > CHUNK:
        step = -(-len(runs) // MOST)
        runs = [_section(runs[at : at + step]) for at in range(0, len(runs), step)]
    return [_Unit(run, folding, nodes, frame) for run in runs]


def _section(runs: Sequence[Run]) -> Run:
    """Neighbours in one frame, only because they are too many."""
    if len(runs) == 1:
        return runs[0]
    branches = tuple(branch for run in runs for branch in run.branches)
    first, members = branches[0], tuple(sorted(member for branch in branches for member in branch.members))
    return Run((Branch(first.path, first.call, members, branches, owned=False),))


def _name(branch: Branch, frame: str, nodes: Sequence[Node]) -> str:
    """What a branch is called inside a frame."""
    if not branch.owned and branch.children:
        first = last = branch
        while not first.owned and first.children:
            first = first.children[0]
        while not last.owned and last.children:
            last = last.children[-1]
        return f"{_name(first, frame, nodes)} … {_name(last, frame, nodes)}"
    if not branch.owned or not branch.path:
        node = nodes[branch.members[0]]
        operation = str(node["op"])
        return str(node.get("site") or operation) if operation in ("input", "output") else operation
    name = branch.path.removeprefix(f"{frame}.") if frame else branch.path
    return f"{name}#{branch.call}" if branch.call else name


def _opening(
    units: Sequence[_Unit], depth: int | None, most: int, must: Callable[[_Unit], bool]
) -> Callable[[_Unit, int], bool]:
    """Which units are open at which depth (0: those that stand in no frame)."""

    def level(wanted: int) -> Callable[[_Unit, int], bool]:
        return lambda unit, at: bool(unit.run.first.children) and (at + 1 < wanted or must(unit))

    def modules(wanted: int) -> Callable[[_Unit, int], bool]:
        return lambda unit, at: (unit.has_modules and at + 1 < wanted) or must(unit)

    if depth is not None:
        return level(depth)
    deepest = _deepest(units)
    for rule in (level, modules):
        if _count(units, rule(deepest)) <= most:
            return rule(deepest)
    fitting = [wanted for wanted in range(1, deepest + 1) if _count(units, modules(wanted)) <= most]
    chosen, extra = modules(max(fitting, default=1)), set[int]()
    room = most - _count(units, chosen)
    while True:
        closed = [
            unit
            for unit, within in _closed(units, lambda unit, at: chosen(unit, at) or id(unit) in extra)
            if unit.has_modules and (within & extra or len(unit.run.branches) >= RUN) and len(unit.inside) - 1 <= room
        ]
        if not closed:
            return lambda unit, at: chosen(unit, at) or id(unit) in extra
        extra.add(id(closed[0]))
        room -= len(closed[0].inside) - 1


def _closed(
    units: Iterable[_Unit], is_open: Callable[[_Unit, int], bool], at: int = 0, within: frozenset[int] = frozenset()
) -> Iterator[tuple[_Unit, frozenset[int]]]:
    """Units that could be opened, each with those around it."""
    for unit in units:
        if is_open(unit, at):
            yield from _closed(unit.inside, is_open, at + 1, within | {id(unit)})
        elif unit.run.first.children:
            yield unit, within


def _count(units: Iterable[_Unit], is_open: Callable[[_Unit, int], bool], at: int = 0) -> int:
    return sum(_count(unit.inside, is_open, at + 1) if is_open(unit, at) else 1 for unit in units)


def _deepest(units: Iterable[_Unit]) -> int:
    return 1 + max((_deepest(unit.inside) for unit in units if unit.run.first.children), default=0)


class _Boxes:
    """Boxes as they are numbered, and where every operation lies."""

    def __init__(self, nodes: Sequence[Node], failed: int | None, is_open: Callable[[_Unit, int], bool]) -> None:
        self._nodes, self._failed, self._is_open = nodes, failed, is_open
        self._home: dict[int, int] = {}
        self._copies: dict[int, list[tuple[int, int]]] = {}
        self._count = 0

    def box(self, unit: _Unit, at: int = 0) -> Box:
        """The box of a unit, with the boxes inside where it is open."""
        run, first = unit.run, unit.run.first
        inside: tuple[Box, ...] = ()
        number = -1
        if self._is_open(unit, at):
            inside = tuple(self.box(one, at + 1) for one in unit.inside)
            self._copy(run)
        else:
            number = self._count
            self._count += 1
            self._home.update(dict.fromkeys(run.members, number))
        held = [self._nodes[member] for member in run.members]
        return Box(
            unit.name,
            first.path,
            tuple(int(node["id"]) for node in held),
            tuple(dict.fromkeys(str(self._nodes[member]["op"]) for member in first.members))[:5],
            first.kind,
            sum(int(node.get("parameters") or 0) for node in held),
            tuple(held[-1].get("shape") or ()),
            len(run.branches),
            unit.last if len(run.branches) > 1 else "",
            self._failed is not None and self._failed in run.members,
            inside,
            number,
        )

    def _copy(self, run: Run) -> None:
        """An operation of a later block of an open run lies where that of the first block does."""
        if len(run.branches) == 1:
            return
        drawn = run.first.members
        for copy, branch in enumerate(run.branches):
            for k, member in enumerate(branch.members):
                self._copies.setdefault(member, []).append((drawn[0], copy))
                self._home[member] = self._home[drawn[min(k, len(drawn) - 1)]]

    def links(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Pairs of numbers; what leads from one block of an open run to the next is what × n says."""
        found: set[tuple[int, int]] = set()
        for source, sink in pairs:
            a, b = self._home[source], self._home[sink]
            if a != b and not self._between_copies(source, sink):
                found.add((a, b))
        return sorted(found)

    def _between_copies(self, source: int, sink: int) -> bool:
        copies = dict(self._copies.get(source, ()))
        return any(copies.get(run, copy) != copy for run, copy in self._copies.get(sink, ()))
