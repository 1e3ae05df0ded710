"""Which neighbouring parts of a graph are one part, several times in a row, at every depth of its modules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]
Source = tuple[str, int]
MOST_ITEMS = 8
_OWN = frozenset({"id", "site", "module", "call", "parameters", "attributes", "weights", "value", "gradient", "time"})


@dataclass
class Part:
    """One call of a module, or one operation; its operations are `first` to `last`.

    Args:
        path: of the module, `""` for an operation.
        mark: equal for parts that do the same.
    """

    path: str
    call: int
    first: int
    last: int
    inside: list["Part"] = field(default_factory=list)
    mark: int = -1


@dataclass(frozen=True)
class Run:
    """Stretches of operations, each of `length`, that follow one another and do the same.

    Args:
        windows: the parts of each; at least two.
        chained: whether each reads something of the one before it.
    """

    windows: tuple[tuple[Part, ...], ...]
    length: int
    chained: bool

    @property
    def first(self) -> int:
        """Its first operation."""
        return self.windows[0][0].first


class Graphed:
    """Records of a graph, ready to be searched for runs.

    Args:
        nodes: records with ids `0..` in execution order.
        edges: records, sorted by sink.
        calls: records of calls of modules, each after the one around it.
    """

    def __init__(self, nodes: Sequence[Record], edges: Sequence[Record], calls: Sequence[Record]) -> None:
        self.nodes = nodes
        self.reads: list[list[Record]] = [[] for _ in nodes]
        for edge in edges:
            self.reads[edge["sink"]].append(edge)
        self._numbers: dict[Any, int] = {}
        does = [self._number(_does(node)) for node in nodes]
        ends = [node["id"] for node in nodes if node["op"] not in ("input", "output")]
        self.root = Part("", 0, ends[0], ends[-1]) if ends else Part("", 0, 0, -1)
        parts: list[Part] = []
        for one in calls:
            part = Part(one["path"], one["call"], one["first"], one["last"])
            parent = self.root if one["parent"] is None else parts[one["parent"]]
            parent.inside.append(part)
            parts.append(part)
        self._fill(self.root, does)

    def runs(self) -> Iterator[Run]:
        """All, those of a part before those inside it."""
        yield from self._runs(self.root)

    def read(self, node: int, start: int, length: int) -> tuple[tuple[Source, Any], ...]:
        """What an operation of the stretch at `start` reads: there, in the stretch before, or elsewhere."""
        return tuple((_source(edge["source"], start, length), edge["shape"]) for edge in self.reads[node])

    def _fill(self, part: Part, does: Sequence[int]) -> None:
        """Operations between the calls, and the mark of every part."""
        children, at = part.inside, part.first
        part.inside = []
        for child in children:
            part.inside += [Part("", 0, i, i, mark=does[i]) for i in range(at, child.first)]
            self._fill(child, does)
            part.inside.append(child)
            at = child.last + 1
        part.inside += [Part("", 0, i, i, mark=does[i]) for i in range(at, part.last + 1)]
        names = tuple((one.path.removeprefix(part.path) if one.path else None, one.mark) for one in part.inside)
        part.mark = self._number((names, self._wires(part.first, part.last + 1)))

    def _wires(self, start: int, stop: int) -> tuple[Any, ...]:
        return tuple(
            tuple((edge["source"] - start if edge["source"] >= start else -1, edge["shape"]) for edge in self.reads[i])
            for i in range(start, stop)
        )

    def _number(self, value: Any) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _runs(self, part: Part) -> Iterator[Run]:
        items, at = part.inside, 0
        while at < len(items):
            run = self._longest(items, at)
            if run is not None:
                yield run
            at += 1 if run is None else len(run.windows) * len(run.windows[0])
        for one in items:
            yield from self._runs(one)

    def _longest(self, items: Sequence[Part], at: int) -> Run | None:
        """The run that begins here and covers the most; of those, the one of the fewest items at a time."""
        marks = [one.mark for one in items[at:]]
        best: Run | None = None
        for size in range(1, min(MOST_ITEMS, len(marks) // 2) + 1):
            times = 1
            while marks[times * size : (times + 1) * size] == marks[:size]:
                times += 1
            run = self._checked(items, at, size, times) if times > 1 else None
            if run is not None and (best is None or len(run.windows) * run.length > len(best.windows) * best.length):
                best = run
        return best

    def _checked(self, items: Sequence[Part], at: int, size: int, times: int) -> Run | None:
        windows = [tuple(items[at + k * size : at + (k + 1) * size]) for k in range(times)]
        length = windows[0][-1].last - windows[0][0].first + 1
        if length < 2:
            return None
        starts = [window[0].first for window in windows]
        wires = self._wires(starts[0], starts[0] + length)
        second = self._all(starts[1], length)
        good = 1
        while (
            good < times
            and self._wires(starts[good], starts[good] + length) == wires
            and self._all(starts[good], length) == second
        ):
            good += 1
        if good < 2:
            return None
        chained = any(kind == "before" for reads in second for (kind, _), _ in reads)
        return Run(tuple(windows[:good]), length, chained)

    def _all(self, start: int, length: int) -> tuple[Any, ...]:
        return tuple(self.read(i, start, length) for i in range(start, start + length))


def folds(graphed: Graphed, blocks: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Runs of sibling blocks that did the same operations on the same shapes, and feed one another directly.

    Args:
        blocks: paths of modules that hold others.
    Returns:
        paths of every run, at least two each.
    """
    found = []
    for run in graphed.runs():
        paths = tuple(window[0].path for window in run.windows)
        if run.chained and len(run.windows[0]) == 1 and blocks.issuperset(paths) and len(set(paths)) == len(paths):
            found.append(paths)
    return tuple(found)


def _source(source: int, start: int, length: int) -> Source:
    if source >= start:
        return "here", source - start
    return ("before", source - start + length) if source >= start - length else ("at", source)


def _does(node: Record) -> Any:
    """What an operation does; nothing that says where it is."""
    attributes = {key: one for key, one in node["attributes"].items() if key != "parameters of"}
    others = {key: one for key, one in node.items() if key not in _OWN}
    weights = tuple(node.get("weights", {}).values()) or node["parameters"]
    return repr(sorted(others.items())), repr(sorted(attributes.items())), weights
