"""Runs of identical siblings: which neighbouring branches of a graph are one block several times in a row."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.results.tree import Branch

PERIODS = range(1, 25)
REPEATS = 3


@dataclass(frozen=True)
class Run:
    """Branches that are drawn as one, the first for all; mostly a single one."""

    branches: tuple[Branch, ...]

    @property
    def first(self) -> Branch:
        """The one that is drawn."""
        return self.branches[0]

    @property
    def members(self) -> tuple[int, ...]:
        """Operations of all of them."""
        return tuple(member for branch in self.branches for member in branch.members)


class Folding:
    """Tells which siblings may be folded.

    Args:
        nodes: records of the graph.
        pairs: links between places in `nodes`.
        folds: runs of module paths that are known to be identical.
        failed: place of the operation that failed; its branch is never folded away.
    """

    def __init__(
        self,
        nodes: Sequence[Mapping[str, Any]],
        pairs: Iterable[tuple[int, int]],
        folds: Iterable[Sequence[str]] = (),
        failed: int | None = None,
    ) -> None:
        self._does = [_does(node) for node in nodes]
        self._paths = [str(node.get("module") or "") for node in nodes]
        self._known = {path: i for i, fold in enumerate(folds) for path in fold}
        self._failed = failed
        self._into: list[list[int]] = [[] for _ in nodes]
        self._out: list[list[int]] = [[] for _ in nodes]
        for source, sink in pairs:
            self._into[sink].append(source)
            self._out[source].append(sink)

    def runs(self, siblings: Sequence[Branch]) -> list[Run]:
        """The siblings, neighbours that are the same together, as are patterns of a few that repeat themselves."""
        alone = self._neighbours(siblings)
        if len(alone) < 2 * REPEATS:
            return alone
        found: list[Run] = []
        for run in self._neighbours(self._periods(siblings)):
            alone_again = len(run.branches) == 1 and not run.first.owned and run.first.children
            found += self._neighbours(run.first.children) if alone_again else [run]
        return found if len(found) < len(alone) else alone

    def _neighbours(self, siblings: Sequence[Branch]) -> list[Run]:
        """Neighbours that are the same together; calls of one module not with calls of another."""
        calls = Counter(branch.path for branch in siblings if branch.owned)
        marks = [self._mark(branch) for branch in siblings]
        found: list[list[Branch]] = []
        for i, branch in enumerate(siblings):
            same = bool(found) and marks[i] is not None and marks[i] == marks[i - 1]
            if same and branch.path != found[-1][-1].path:
                same = calls[branch.path] <= 1 and calls[found[-1][-1].path] <= 1
            if same and self._goes_on(found[-1], branch):
                found[-1].append(branch)
            else:
                found.append([branch])
        return [Run(tuple(run)) for run in found]

    def _periods(self, siblings: Sequence[Branch]) -> list[Branch]:
        """The siblings; where a pattern of several repeats itself, a branch for each time."""
        numbers: dict[object, int] = {}
        marks = [numbers.setdefault(self._inside(branch), len(numbers)) for branch in siblings]
        made: list[Branch] = []
        i = 0
        while i < len(siblings):
            found = [(length, _repeats(marks, i, length)) for length in PERIODS]
            length, times = max(found, key=lambda one: one[0] * one[1] * (one[1] >= REPEATS))
            end = i + (length * times if times >= REPEATS else 1)
            whole = length == 1 or times < REPEATS
            made += (
                siblings[i:end] if whole else [_together(siblings[at : at + length]) for at in range(i, end, length)]
            )
            i = end
        return made

    def _mark(self, branch: Branch) -> object:
        """Equal for siblings that do the same; None where that is not asked: a single operation."""
        if branch.path in self._known and branch.owned:
            return "known", self._known[branch.path]
        if len(branch.members) < 2:
            return None
        return branch.owned, branch.path.rpartition(".")[0], self._inside(branch)

    def _inside(self, branch: Branch) -> object:
        """What the operations are and how they are wired."""
        members = branch.members
        place = {member: k for k, member in enumerate(members)}
        named = branch.owned and len(members) > 1
        paths = tuple(self._paths[member].removeprefix(branch.path) for member in members) if named else ()
        wires = tuple((place[a], place[b]) for b in members for a in self._into[b] if a in place)
        return tuple(self._does[member] for member in members), paths, wires

    def _goes_on(self, run: list[Branch], branch: Branch) -> bool:
        """Whether the next branch reads what the last one gave, and nothing but the chain tells them apart."""
        last = run[-1]
        if self._failed is not None and (self._failed in last.members or self._failed in branch.members):
            return False
        own, before = set(branch.members), set(last.members)
        if not any(source in before for member in branch.members for source in self._into[member]):
            return False
        reads = self._ends(branch, self._into, before)
        first = self._ends(run[0], self._into, set())
        if not (reads <= first if len(run) == 1 else reads == self._ends(last, self._into, set(run[-2].members))):
            return False
        taps = self._ends(last, self._out, own)
        if len(run) == 1:
            return taps <= self._ends(branch, self._out, set())
        return taps == self._ends(run[-2], self._out, before)

    def _ends(self, branch: Branch, ends: Sequence[Sequence[int]], known: set[int]) -> set[tuple[int, int]]:
        """Links to what is neither in the branch nor in `known`: the place in the branch, the node outside."""
        own = set(branch.members)
        return {
            (k, other)
            for k, member in enumerate(branch.members)
            for other in ends[member]
            if other not in own and other not in known
        }


def _does(node: Mapping[str, Any]) -> tuple[object, ...]:
    """What an operation does.

    Weights count by their shapes, for a module that is called again reads nothing new; of an index its form, for it is
    what a loop over the steps of a sequence changes.
    """
    weights = tuple((node.get("weights") or {}).values()) or node.get("parameters")
    attributes = {key: value for key, value in (node.get("attributes") or {}).items() if key != "parameters of"}
    if "index" in attributes:
        attributes["index"] = re.sub(r"\d+", "0", str(attributes["index"]))
    return node["op"], weights, tuple(node.get("shape") or ()), node.get("dtype"), repr(attributes)


def _repeats(marks: Sequence[int], start: int, length: int) -> int:
    """How many times the pattern of `length` at `start` stands there in a row."""
    pattern, times = marks[start : start + length], 1
    while marks[start + times * length : start + (times + 1) * length] == pattern and len(pattern) == length:
        times += 1
    return times


def _together(branches: Sequence[Branch]) -> Branch:
    """Neighbours as one branch without a module of its own."""
    members = tuple(sorted(member for branch in branches for member in branch.members))
    return replace(branches[0], members=members, children=tuple(branches), kind="", owned=False)
