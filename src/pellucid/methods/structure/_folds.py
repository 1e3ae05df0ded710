"""Which neighbouring blocks of a graph are one block, several times in a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

Node = Mapping[str, Any]
Edge = Mapping[str, Any]


def folds(
    modules: Mapping[str, nn.Module], nodes: Sequence[Node], edges: Sequence[Edge]
) -> tuple[tuple[str, ...], ...]:
    """Runs of sibling blocks that are built alike, did the same operations, and feed one another directly.

    Args:
        modules: by path.
        nodes: records with `id op module shape`, ids `0..` in execution order.
        edges: records with `source sink`.
    Returns:
        paths of every run, at least two each; a run that something outside it leads back into is left out.
    """
    pairs = [(int(edge["source"]), int(edge["sink"])) for edge in edges]
    inside: dict[str, list[Node]] = {}
    for node in nodes:
        parts = str(node["module"]).split(".")
        for depth in range(1, len(parts) + 1):
            inside.setdefault(".".join(parts[:depth]), []).append(node)
    marks = {
        path: _mark(path, module, inside[path], pairs)
        for path, module in modules.items()
        if path in inside and any(module.children())
    }
    found: list[tuple[str, ...]] = []
    for path, module in modules.items():
        run: list[str] = []
        for name, _ in module.named_children():
            child = f"{path}.{name}".lstrip(".")
            follows = child in marks and run and marks[child] == marks[run[-1]]
            if not (follows and _feeds(inside[run[-1]], inside[child], pairs)):
                found += [tuple(run)] if len(run) > 1 else []
                run = []
            if child in marks:
                run.append(child)
        found += [tuple(run)] if len(run) > 1 else []
    return tuple(run for run in found if not _left_between([node for path in run for node in inside[path]], pairs))


def _mark(path: str, module: nn.Module, members: Sequence[Node], pairs: Sequence[tuple[int, int]]) -> Any:
    """Equal for blocks that are built alike, did the same operations on the same shapes, and are wired alike."""
    place = {node["id"]: k for k, node in enumerate(members)}
    steps = tuple((node["op"], node["module"][len(path) :], node["shape"]) for node in members)
    return repr(module), steps, tuple(sorted((place[a], place[b]) for a, b in pairs if a in place and b in place))


def _feeds(before: Sequence[Node], after: Sequence[Node], pairs: Sequence[tuple[int, int]]) -> bool:
    sources, sinks = {node["id"] for node in before}, {node["id"] for node in after}
    return any(a in sources and b in sinks for a, b in pairs)


def _left_between(members: Sequence[Node], pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether a way leads out of these nodes and back into them; edges lead from lower to higher ids."""
    own = {node["id"] for node in members}
    outside: set[int] = set()
    for a, b in sorted(pairs, key=lambda pair: pair[0]):
        if a in own or a in outside:
            if b not in own:
                outside.add(b)
            elif a in outside:
                return True
    return False
