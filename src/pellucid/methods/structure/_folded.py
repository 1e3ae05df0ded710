"""A graph with its repetitions taken out, from which it can be made again without loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.methods.structure._folds import Graphed, Record, Run, Source

_ABSENT = "(absent)"


@dataclass(frozen=True)
class Repeat:
    """Operations `first` to before `first + length`, `times` times in a row.

    Args:
        paths: path and call of the parts, one row for each time.
        reads: what each operation reads, from the second time on: source and shape.
        others: what is not told by the first time, by id.
    """

    first: int
    length: int
    times: int
    paths: tuple[tuple[tuple[str, int], ...], ...]
    reads: tuple[tuple[tuple[Source, Any], ...], ...]
    others: dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Folded:
    """What is left of a graph: the first of everything that repeats itself.

    Args:
        nodes, edges: records as they were, with their ids.
        repeats: the inner before the outer.
    """

    nodes: tuple[Record, ...]
    edges: tuple[Record, ...]
    repeats: tuple[Repeat, ...]


def fold(nodes: Sequence[Record], edges: Sequence[Record], calls: Sequence[Record]) -> Folded:
    """Take out all but the first of every run, at every depth.

    Args:
        nodes: records with ids `0..` in execution order.
        edges: records, sorted by sink.
        calls: records of calls of modules.
    """
    graphed = Graphed(nodes, edges, calls)
    gone: set[int] = set()
    repeats: list[Repeat] = []
    for run in graphed.runs():
        if run.first not in gone:
            repeats.append(_repeat(graphed, run))
            gone.update(range(run.first + run.length, run.first + run.length * len(run.windows)))
    return Folded(
        tuple(node for node in nodes if node["id"] not in gone),
        tuple(edge for edge in edges if edge["sink"] not in gone),
        tuple(reversed(repeats)),
    )


def unfold(folded: Folded) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The nodes and edges that were folded."""
    nodes = {node["id"]: dict(node) for node in folded.nodes}
    reads: dict[int, list[dict[str, Any]]] = {}
    for edge in folded.edges:
        reads.setdefault(edge["sink"], []).append(dict(edge))
    for repeat in folded.repeats:
        for time in range(1, repeat.times):
            start = repeat.first + time * repeat.length
            for k in range(repeat.length):
                made = _moved(nodes[repeat.first + k], start + k, repeat.paths[0], repeat.paths[time])
                made |= repeat.others.get(start + k, {})
                nodes[start + k] = {key: one for key, one in made.items() if one is not _ABSENT and one != _ABSENT}
                reads[start + k] = [
                    {"source": _target(source, start, repeat.length), "sink": start + k, "shape": shape}
                    for source, shape in repeat.reads[k]
                ]
    return [nodes[i] for i in sorted(nodes)], [edge for i in sorted(reads) for edge in reads[i]]


def _repeat(graphed: Graphed, run: Run) -> Repeat:
    start = run.first + run.length
    paths = tuple(tuple((part.path, part.call) for part in window) for window in run.windows)
    others: dict[int, dict[str, Any]] = {}
    for time in range(1, len(run.windows)):
        for k in range(run.length):
            at = run.first + time * run.length + k
            told, known = _moved(graphed.nodes[run.first + k], at, paths[0], paths[time]), graphed.nodes[at]
            differs = {
                key: known.get(key, _ABSENT)
                for key in (*known, *told)
                if told.get(key, _ABSENT) != known.get(key, _ABSENT)
            }
            others |= {at: differs} if differs else {}
    reads = tuple(graphed.read(i, start, run.length) for i in range(start, start + run.length))
    return Repeat(run.first, run.length, len(run.windows), paths, reads, others)


def _moved(
    node: Mapping[str, Any], to: int, origin: Sequence[tuple[str, int]], goal: Sequence[tuple[str, int]]
) -> dict[str, Any]:
    """The record of the first time, as it would be at another; only its figures and its place may differ."""
    made = {key: one for key, one in node.items() if key not in ("value", "gradient", "time")} | {"id": to}
    for (before, call), (after, other) in zip(origin, goal, strict=True):
        module = str(node["module"])
        if before and (module == before or module.startswith(f"{before}.")):
            made["module"] = after + module[len(before) :]
            made["site"] = _renamed(str(node["site"]), before, after, call, other)
            made["call"] = other if module == before else node.get("call", 0)
            made["weights"] = {
                _renamed(name, before, after, 0, 0): one for name, one in node.get("weights", {}).items()
            }
            break
    return made


def _renamed(text: str, before: str, after: str, call: int, other: int) -> str:
    rest = text.removeprefix(before)
    if rest == text:
        return text
    return after + (f"#{other}" + rest[len(f"#{call}") :] if rest.startswith(f"#{call}/") else rest)


def _target(source: Source, start: int, length: int) -> int:
    kind, place = source
    return {"here": start, "before": start - length, "at": 0}[kind] + place
