"""The table of addresses."""

from typing import Any

from torch import nn

from pellucid.core.provenance import Provenance
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, can_run
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.planner import Planner
from pellucid.inputs.inputs import Inputs
from pellucid.lens.provenance import Origin, versions
from pellucid.results.table import Table

_COLUMNS = {
    "address": Text("address", "地址"),
    "kind": Text("kind", "类型"),
    "shape": Text("output shape", "输出形状"),
    "parameters": Text("parameters", "参数量"),
}


def layer_table(looker: Looker, x: Inputs | None, origin: Origin) -> Table:
    """Addresses in execution order if an input is given or one of any kind was seen before, else as registered."""
    if x is not None and x.signature not in looker.traces:
        _trace(looker, x)
    reader = looker.traces.get(x.signature) if x is not None else next(iter(looker.traces.values()), None)
    if reader is None:
        rows = [_row(path, module, None) for path, module in looker.modules.items() if path]
    else:
        rows = [
            {
                "address": reader.trace.address(event.place),
                "kind": event.kind,
                "shape": event.shape,
                "parameters": 0 if event.op else _own(looker.modules.get(event.path)),
            }
            for event in reader.trace.events
        ]
    return Table(
        rows=tuple(rows),
        columns=_COLUMNS,
        provenance=Provenance("layers", model=origin.name, versions=versions(), code="lens.layers(x)"),
    )


def _trace(looker: Looker, x: Inputs) -> None:
    def once(*_: Any) -> Any:
        return iter(Pass(x, keep=[OUTPUT]) if can_run(looker, x) else Pass(x, graph=True, real=False))

    planner = Planner(looker, once, x)
    task = planner.add("layers", x, None)
    planner.run()
    if task.error is not None:
        raise task.error


def _row(path: str, module: nn.Module, shape: tuple[int, ...] | None) -> dict[str, Any]:
    return {"address": path, "kind": type(module).__name__, "shape": shape, "parameters": _own(module)}


def _own(module: nn.Module | None) -> int:
    return 0 if module is None else sum(one.numel() for one in module.parameters(recurse=False))
