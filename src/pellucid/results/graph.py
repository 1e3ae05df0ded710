"""Graph: operations and what flows between them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.results.quantities import known
from pellucid.results.result import Result

_NOTED = {"gradient": "pl.flow_graph(gradient='predicted')", "time": "pl.flow_graph(runs=5)"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Graph(Result):
    """`values (edge, 2)`: index of the source node and of the sink node of every edge.

    In JSON (`save("graph.json")`) `nodes`, `edges`, `modules`, `folds` and `failed` stand under these names in the
    outermost object, with the records below; keys may be added to records, and none is renamed or removed while
    `pellucid.schema` is the same.

    Args:
        nodes: records `id op site module shape parameters attributes`: `id` int in execution order, `op` str, `site`
            the address, `module` the dotted path of the owning module, `shape` tuple of int, `parameters` number of
            elements that this operation reads, `attributes` dict. Where known also `call` (which call of the module),
            `dtype`, `flops`, `memory` (bytes newly allocated), `weights` (shapes of what is read, by name), `value`
            (`mean rms min max zeros dead nonfinite`), `gradient` (its root mean square), `time` (seconds) and `kept`
            (the share of units in a slice).
        edges: records `source sink shape`.
        modules: calls of modules that hold operations, in the order in which they began: records `path call kind
            parent first last parameters flops memory`, `parent` the index of the record around this one or None,
            `first` and `last` the ids of its operations' ends; `time` where it was taken.
        folds: groups of identical siblings: records `paths` (module paths in order) that are drawn as one box "× n".
            What repeats itself in turns, or as the steps of a loop, is found where the graph is drawn.
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

    def drawn(
        self,
        *,
        depth: int | None = None,
        open: str | Iterable[str] = (),  # noqa: A002
        overlay: str = "parameters",
    ) -> Self:
        """The same graph, to be drawn otherwise.

        Args:
            depth: how many levels of modules are open, from 1; a large number opens everything. None: the deepest level
                that needs no more than about thirty boxes.
            open: paths of modules that are open beside, and all around them.
            overlay: what the bar in every box shows: "parameters", or where the graph knows it "flops", "memory",
                "time", "activation", "gradient", "dead" or "kept".
        Raises:
            BadSetting: no such depth, module or quantity in this graph.
        """
        paths = (open,) if isinstance(open, str) else tuple(open) if isinstance(open, Iterable) else (open,)  # pyright: ignore[reportUnnecessaryIsInstance]
        if depth is not None and not (isinstance(depth, int) and depth >= 1):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadSetting(
                Text(
                    f"A graph has no depth {depth!r}: its outermost modules are depth 1.",
                    f"计算图没有深度 {depth!r}：最外层模块的深度为 1。",
                ),
                hint="depth=2",
            )
        modules = self._modules()
        for path in paths:
            if path not in modules:
                raise BadSetting(
                    Text(
                        f"No operation of this graph lies in a module '{path}'.", f"该图中没有运算位于模块 '{path}'。"
                    ),
                    asked_by=f"open={path!r}",
                    nearest=quoted(nearest_names(str(path), sorted(modules))),
                )
        if overlay != "parameters" and overlay not in known(self.nodes):
            raise BadSetting(
                Text(f"The nodes of this graph know nothing of '{overlay}'.", f"该图的节点没有 '{overlay}' 的信息。"),
                asked_by=f"overlay={overlay!r}",
                nearest=quoted(known(self.nodes)),
                hint=Text(
                    f"{_NOTED.get(overlay, 'pl.flow_graph()')}(model, x) with an input that is really run",
                    f"以真正运行的输入使用 {_NOTED.get(overlay, 'pl.flow_graph()')}(model, x)",
                ),
            )
        return self.with_(depth=depth, open=paths, overlay=overlay)

    def _modules(self) -> set[str]:
        parts = [str(node["module"]).split(".") for node in self.nodes if node.get("module")]
        return {".".join(one[: k + 1]) for one in parts for k in range(len(one))}
