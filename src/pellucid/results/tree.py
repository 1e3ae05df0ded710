"""The operations of a graph as a tree: calls of modules inside calls of modules, in execution order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Record = Mapping[str, Any]
Chain = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Branch:
    """One call of a module, or one operation.

    Args:
        path: dotted path of the module; of an operation that of its owner.
        call: which call of the module this is, from 0.
        members: places of the operations in the list of nodes, in execution order.
        children: what a call consists of, by first operation; none where it is a single operation.
        kind: class of the module where it is known.
        owned: whether this is a module, rather than an operation that its parent does by itself.
    """

    path: str
    call: int
    members: tuple[int, ...]
    children: tuple["Branch", ...] = ()
    kind: str = ""
    owned: bool = True


def tree(nodes: Sequence[Record], edges: Sequence[Record], modules: Sequence[Record] = ()) -> Branch:
    """The model as the outermost branch.

    A module that is called again, or goes on after another has read what it gave, is a branch per call, so links
    between siblings always lead from an earlier one to a later one. What holds a single module is left out: its
    children are those of that module, and around a single operation only the innermost is kept.

    Args:
        nodes, edges, modules: the records of a `Graph`.
    """
    place = {node["id"]: i for i, node in enumerate(nodes)}
    sources: list[list[int]] = [[] for _ in nodes]
    for edge in edges:
        if edge["source"] in place and edge["sink"] in place:
            sources[place[edge["sink"]]].append(place[edge["source"]])
    kinds = {str(one["path"]): str(one.get("kind") or "") for one in modules}
    for node in nodes:
        kinds.setdefault(str(node.get("module") or ""), str((node.get("attributes") or {}).get("kind") or ""))
    return _Growth(_chains(nodes, modules), sources, kinds).branch("", 0, range(len(nodes)), 0)


def _chains(nodes: Sequence[Record], modules: Sequence[Record]) -> list[Chain]:
    """For every node the calls around it, from outside to inside."""
    known: dict[tuple[str, int], Chain] = {}
    around: list[Chain] = []
    for one in modules:
        path, call, parent = str(one["path"]), int(one.get("call") or 0), one.get("parent")
        outer = around[parent] if parent is not None and parent < len(around) else ()
        around.append((*outer, (path, call)) if path else outer)
        known[path, call] = around[-1]
    return [_chain(node, known) for node in nodes]


def _chain(node: Record, known: Mapping[tuple[str, int], Chain]) -> Chain:
    path = str(node.get("module") or "")
    found = known.get((path, int(node.get("call") or 0)))
    if found is not None:
        return found
    parts = path.split(".") if path else []
    return tuple((".".join(parts[: k + 1]), 0) for k in range(len(parts)))


@dataclass(frozen=True)
class _Growth:
    """What branches are made from: the calls around each node, what each node reads, the class of each module."""

    chains: Sequence[Chain]
    sources: Sequence[Sequence[int]]
    kinds: Mapping[str, str]

    def branch(self, path: str, call: int, members: Sequence[int], depth: int) -> Branch:
        """The branch of these nodes, which have `depth` calls around them in common."""
        calls: dict[str, int] = {}
        children: list[Branch] = []
        for own, inside in self._parts(members, depth):
            if not own:
                children.append(Branch(path, call, tuple(inside), owned=False))
                continue
            child = self.branch(own, 0, inside, depth + 1)
            calls[child.path] = calls.get(child.path, -1) + 1
            children.append(replace(child, call=calls[child.path]))
        kind = self.kinds.get(path, "")
        if not path or len(children) > 1:
            return Branch(path, call, tuple(members), tuple(children), kind)
        only = children[0]
        if only.owned and not only.children:
            return only
        return Branch(path, call, tuple(members), only.children, kind or only.kind)

    def _parts(self, members: Sequence[int], depth: int) -> list[tuple[str, list[int]]]:
        """Members by the call that they belong to; path "" for an operation of the branch itself."""
        parts: list[tuple[str, list[int]]] = []
        home: dict[int, int] = {}
        now: dict[tuple[str, int], int] = {}
        for member in members:
            if len(self.chains[member]) <= depth:
                home[member] = len(parts)
                parts.append(("", [member]))
                continue
            key = self.chains[member][depth]
            one = now.get(key, -1)
            if one < 0 or any(home.get(source, -1) > one for source in self.sources[member]):
                one = now[key] = len(parts)
                parts.append((key[0], []))
            home[member] = one
            parts[one][1].append(member)
        return parts
