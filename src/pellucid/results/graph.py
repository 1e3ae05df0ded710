"""Graph: operations and what flows between them."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Graph(Result):
    """`values (edge, 2)`: index of the source node and of the sink node of every edge.

    Args:
        nodes: records `id op site module shape parameters attributes`: `id` int in execution order, `op` str, `site`
            the address, `module` the dotted path of the owning module, `shape` tuple of int, `parameters` number of
            elements that this operation reads, `attributes` dict. Where known also `call` (which call of the module),
            `dtype`, `flops`, `memory` (bytes newly allocated), `weights` (shapes of what is read, by name), `value`
            (`mean rms min max zeros dead nonfinite`), `gradient` (its root mean square) and `time` (seconds).
        edges: records `source sink shape`.
        modules: calls of modules that hold operations, in the order in which they began: records `path call kind
            parent first last parameters flops memory`, `parent` the index of the record around this one or None,
            `first` and `last` the ids of its operations' ends; `time` where it was taken.
        folds: groups of identical siblings: records `paths` (module paths in order) that are drawn as one box "× n".
        failed: id of the node at which the model raised, or None.
        depth, open, overlay: how it is drawn; see `drawn`.
    """

    kind: ClassVar[str] = "graph"
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    nodes: tuple[dict[str, Any], ...] = ()
    edges: tuple[dict[str, Any], ...] = ()
    modules: tuple[dict[str, Any], ...] = ()
    folds: tuple[tuple[str, ...], ...] = ()
    failed: int | None = None
    depth: int | None = None
    open: tuple[str, ...] = ()
    overlay: str = "parameters"

    def __post_init__(self) -> None:
        pairs = [(edge["source"], edge["sink"]) for edge in self.edges]
        object.__setattr__(self, "values", np.array(pairs, dtype=np.int64).reshape(-1, 2))
        object.__setattr__(self, "axes", ("edge", "end"))
        super().__post_init__()
