"""Flow graph: the operations of a forward and the tensors between them."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from pellucid.core.errors import ModelFailed
from pellucid.core.needs import ANY
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Looking, Pass
from pellucid.engine.trace import Event, Trace
from pellucid.inputs.inputs import Inputs
from pellucid.methods.structure._folds import folds
from pellucid.registry import method
from pellucid.results import Graph

_SHOWN = (
    "in_features",
    "out_features",
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "groups",
    "dilation",
    "num_features",
    "num_heads",
    "embed_dim",
    "hidden_size",
    "p",
    "eps",
)


@method(
    title=Text("Flow graph", "数据流图"),
    question=Text("How does the data flow from the input to the output?", "数据如何从输入流向输出？"),
    shows=Text(
        "Every operation that ran, in its module, with the shape of what it gives. Equal blocks in a row are one box, × n.",
        "实际执行的每个运算及其所属模块和输出形状。相连的相同模块合并为一个方框，标注 × n。",
    ),
    cannot=Text("Branches that this input did not take.", "此输入未经过的分支。"),
    check=Text("Give an input of another size or kind and compare.", "换用不同大小或类型的输入并比较。"),
    needs=ANY,
    formula="nodes: operations; edges: tensors",
    paper="Wongsuphasawat et al. 2018, IEEE TVCG 24(1)",
    steps=Text(
        "1. Run the input forward. 2. Note every function call, the module it belongs to, and which earlier call made each tensor that it reads. 3. Group by module, fold equal neighbours.",
        "1. 前向传播。2. 记录每次函数调用、所属模块，以及它读取的张量由哪次调用产生。3. 按模块分组，合并相同的相邻模块。",
    ),
    tour=5,
)
def flow_graph(x: Inputs, lens: Looker) -> Looking[Graph]:
    """The executed operations as a graph; drawn up to the failing one where the model raises.

    Returns:  Graph; node 0.. are inputs, then operations in execution order, then the output. A parameter is counted
        where it is read first; where it is read again, `attributes["parameters of"]` names that operation.
    Source:   the layout by modules follows Wongsuphasawat et al. 2018.
    """
    failed = ""
    try:
        seen = yield from Pass(x, graph=True)
        trace = seen.trace
    except ModelFailed as error:
        if error.trace is None or error.trace.links is None:
            raise
        trace, failed = error.trace, error.what
    nodes, edges, last = _graph(trace, lens)
    total = sum(one.numel() for one in lens.parameters.values())
    unread = total - sum(node["parameters"] for node in nodes)
    notes = (Text(f"The model raised here: {failed}", f"模型在此处抛出异常：{failed}"),) if failed else ()
    if unread and not failed:
        notes += (
            Text(
                f"This forward did not read {unread:,} of {total:,} parameters.",
                f"此次前向传播未读取 {total:,} 个参数中的 {unread:,} 个。",
            ),
        )
    return Graph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        folds=folds(lens.modules, nodes, edges),
        failed=last if failed else None,
        notes=notes,
        facts={
            "operations": sum(node["op"] not in ("input", "output") for node in nodes),
            "connections": len(edges),
            "parameters": total,
            "unread parameters": unread,
        },
    )


def _graph(trace: Trace, lens: Looker) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    links = trace.links
    nodes = [_node(i, "input", "", name, shape) for i, (name, shape) in enumerate(links.inputs)]
    ids = {-1 - i: i for i in range(len(nodes))}
    sizes = {id(one): one.numel() for one in lens.parameters.values()}
    first: dict[int, int] = {}
    edges: list[dict[str, Any]] = []
    for index, reads in links.reads.items():
        event = trace.events[index]
        ids[index] = len(nodes)
        held = [key for key in dict.fromkeys(links.parameters.get(index, ())) if key in sizes]
        again = dict.fromkeys(nodes[first[key]]["site"] for key in held if key in first)
        shared = {"parameters of": ", ".join(again)} if again else {}
        nodes.append(
            {
                **_node(ids[index], event.op, event.path, trace.address(event.place), event.shape),
                "parameters": sum(sizes[key] for key in held if key not in first),
                "attributes": {**_attributes(event, lens.modules), **shared},
            }
        )
        first.update({key: ids[index] for key in held if key not in first})
        edges += [
            {"source": ids[maker], "sink": ids[index], "shape": shape}
            for maker, shape in dict.fromkeys(reads)
            if maker in ids
        ]
    last = len(nodes) - 1
    if links.outputs:
        shape = next((event.shape for event in reversed(trace.events) if not event.path and not event.op), ())
        nodes.append(_node(len(nodes), "output", "", "output", shape))
        edges += [
            {"source": ids[maker], "sink": len(nodes) - 1, "shape": each}
            for maker, each in dict.fromkeys(links.outputs)
        ]
    return nodes, edges, last


def _node(index: int, op: str, module: str, site: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"id": index, "op": op, "site": site, "module": module, "shape": shape, "parameters": 0, "attributes": {}}


def _attributes(event: Event, modules: Mapping[str, nn.Module]) -> dict[str, Any]:
    module = modules.get(event.path)
    if module is None or any(module.children()):
        return {}
    return {
        "kind": type(module).__name__,
        **{
            name: getattr(module, name)
            for name in _SHOWN
            if isinstance(getattr(module, name, None), (int, float, str, tuple))
        },
    }
