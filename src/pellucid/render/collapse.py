"""A graph of operations as about thirty boxes: modules closed at one depth, runs of identical siblings folded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

MOST = 30
CHUNK = 60

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Box:
    """What is drawn as one box.

    Args:
        name: dotted path of the module, or the operation.
        members: ids of the operations inside, in execution order.
        what: the operation, or the names of the operations inside.
        parameters: number of elements read.
        shape: shape that leaves the box.
        times: how many identical blocks in a row this box stands for.
        last: name of the last of them.
        failed: whether the model raised inside.
    """

    name: str
    members: tuple[int, ...]
    what: str
    parameters: int
    shape: tuple[int, ...]
    times: int = 1
    last: str = ""
    failed: bool = False


def collapse(
    nodes: Sequence[Node],
    edges: Iterable[Mapping[str, Any]],
    folds: Iterable[Sequence[str]] = (),
    *,
    failed: int | None = None,
    most: int = MOST,
) -> tuple[list[Box], list[tuple[int, int]]]:
    """Boxes in execution order and the links between them (pairs of box indices, each once).

    The deepest level of modules that needs no more than `most` boxes is opened.
    """
    pairs = [(int(edge["source"]), int(edge["sink"])) for edge in edges]
    deepest = max((len(_parts(node)) for node in nodes), default=0) + 1
    best = _level(nodes, pairs, folds, 1, failed)
    for depth in range(2, deepest + 1):
        boxes = _level(nodes, pairs, folds, depth, failed)
        if len(boxes) > most:
            break
        best = boxes
    boxes = _chunks(best, nodes) if len(best) > CHUNK else best
    home = {member: i for i, box in enumerate(boxes) for member in box.members}
    links = {(home[a], home[b]) for a, b in pairs if a in home and b in home and home[a] != home[b]}
    return boxes, sorted(links)


def _parts(node: Node) -> list[str]:
    module = str(node.get("module") or "")
    return module.split(".") if module else []


def _level(
    nodes: Sequence[Node], pairs: list[tuple[int, int]], folds: Iterable[Sequence[str]], depth: int, failed: int | None
) -> list[Box]:
    """One box per module at `depth`; what a module above that depth calls by itself stands alone."""
    groups: dict[str, list[Node]] = {}
    owners = {".".join(_parts(node)[:k]) for node in nodes for k in range(1, len(_parts(node)))}
    for node in nodes:
        parts = _parts(node)
        path = ".".join(parts)
        alone = not parts or (len(parts) < depth and path in owners)
        groups.setdefault(_alone(node) if alone else ".".join(parts[:depth]), []).append(node)
    parted = _calls(list(groups.items()), pairs)
    boxes = sorted((_box(name, members, failed) for name, members in parted), key=lambda box: box.members[0])
    return _fold(boxes, nodes, pairs, {path: i for i, fold in enumerate(folds) for path in fold})


def _alone(node: Node) -> str:
    """The name of an operation that is a box by itself: its address, or in the model's own forward what it does."""
    site = str(node.get("site") or "").lstrip("/")
    return site if node.get("module") and site else f"{node['op']}\n{node['id']}"


def _calls(groups: list[tuple[str, list[Node]]], pairs: list[tuple[int, int]]) -> list[tuple[str, list[Node]]]:
    """Groups without a way out and back in: a module called again after its output was used is a box per call."""
    while True:
        home = {int(node["id"]): i for i, (_, members) in enumerate(groups) for node in members}
        first = [min(int(node["id"]) for node in members) for _, members in groups]
        again = {
            home[b]: min(b, first[home[a]])
            for a, b in pairs
            if a in home and b in home and home[a] != home[b] and a < b and first[home[a]] > first[home[b]]
        }
        if not again:
            return groups
        i, cut = next(iter(again.items()))
        name, members = groups[i]
        stem, _, call = name.partition("#")
        before = [node for node in members if int(node["id"]) < cut]
        after = [node for node in members if int(node["id"]) >= cut]
        groups = [*groups[:i], (name, before), (f"{stem}#{int(call or 0) + 1}", after), *groups[i + 1 :]]


def _box(path: str, members: list[Node], failed: int | None) -> Box:
    operations = list(dict.fromkeys(str(node["op"]) for node in members))
    what = operations[0] if len(operations) == 1 else " ".join(operations[:4]) + (" …" if len(operations) > 4 else "")
    return Box(
        path.partition("\n")[0],
        tuple(int(node["id"]) for node in members),
        what,
        sum(int(node.get("parameters") or 0) for node in members),
        tuple(members[-1].get("shape") or ()),
        failed=failed is not None and any(node["id"] == failed for node in members),
    )


def _fold(boxes: list[Box], nodes: Sequence[Node], pairs: list[tuple[int, int]], known: Mapping[str, int]) -> list[Box]:
    """Runs of siblings that do the same are one box."""
    by_id = {int(node["id"]): node for node in nodes}
    inner: dict[int, list[tuple[int, int]]] = {}
    home = {member: i for i, box in enumerate(boxes) for member in box.members}
    for a, b in pairs:
        if home.get(a) == home.get(b) and a in home:
            inner.setdefault(home[a], []).append((a, b))
    marks = [_mark(i, box, by_id, inner.get(i, []), known) for i, box in enumerate(boxes)]
    folded: list[Box] = []
    for i, box in enumerate(boxes):
        previous = folded[-1] if folded else None
        if (
            previous is not None
            and marks[i] is not None
            and marks[i] == marks[i - 1]
            and not (box.failed or previous.failed)
        ):
            folded[-1] = replace(
                previous,
                members=previous.members + box.members,
                times=previous.times + 1,
                last=box.name,
                parameters=previous.parameters + box.parameters,
                shape=box.shape,
            )
        else:
            folded.append(box)
    return folded


def _mark(
    index: int, box: Box, by_id: Mapping[int, Node], inner: list[tuple[int, int]], known: Mapping[str, int]
) -> object:
    """Equal for siblings that may be folded; None for a single operation."""
    parent, _, _ = box.name.rpartition(".")
    if box.name in known:
        return "known", known[box.name]
    if len(box.members) < 2:
        return None
    first = {member: k for k, member in enumerate(box.members)}
    operations = tuple(
        (by_id[member]["op"], by_id[member].get("parameters"), tuple(by_id[member].get("shape") or ()))
        for member in box.members
    )
    return parent, operations, tuple(sorted((first[a], first[b]) for a, b in inner)) or index


def _chunks(boxes: list[Box], nodes: Sequence[Node]) -> list[Box]:
    """A long flat list in sections of equal length."""
    by_id = {int(node["id"]): node for node in nodes}
    step = -(-len(boxes) // MOST)
    sections: list[Box] = []
    for start in range(0, len(boxes), step):
        part = boxes[start : start + step]
        members = tuple(sorted(member for box in part for member in box.members))
        joined = _box(f"{part[0].name} … {part[-1].name}", [by_id[member] for member in members], None)
        sections.append(replace(joined, failed=any(box.failed for box in part)))
    return sections
