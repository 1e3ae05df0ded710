"""Flow graph: the operations of a forward and the tensors between them."""

from typing import Annotated, Any, Literal

from annotated_types import Ge

from pellucid.core.errors import ModelFailed
from pellucid.core.needs import ANY
from pellucid.core.text import Text
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.looker import Looker, can_run
from pellucid.engine.passes import Looking, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.methods.structure._folds import Graphed, folds
from pellucid.methods.structure._measured import graded, not_measured, timed
from pellucid.methods.structure._records import records
from pellucid.registry import method
from pellucid.results import Graph

_UNREAL = Text(
    "Nothing was computed: shapes alone were followed through the model, so no operation has values.",
    "未进行实际计算：仅推演了各张量的形状，因此各运算没有数值。",
    aside=True,
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
        "1. Run the input forward; with real=False, or on the meta device, only its shape. 2. Note every function call, the module it belongs to, and which earlier call made each tensor that it reads. 3. Group by module, fold equal neighbours.",
        "1. 前向传播；若 real=False 或模型位于 meta 设备，则只推演形状。2. 记录每次函数调用、所属模块，以及它读取的张量由哪次调用产生。3. 按模块分组，合并相同的相邻模块。",
    ),
    tour=5,
)
def flow_graph(
    x: Inputs,
    lens: Looker,
    real: bool = True,
    gradient: int | Literal["predicted"] | None = None,
    runs: Annotated[int, Ge(0)] = 0,
) -> Looking[Graph]:
    """The executed operations as a graph; drawn up to the failing one where the model raises.

    Args:
        real: compute values and note figures of what each operation gives. Without it nothing is computed, and no
            parameter is read, however large the model is; so it is for a model or an input on the meta device.
        gradient: a class; the size of the gradient of its score is noted at every operation.
        runs: in how many further runs each operation is timed; the median is noted.
    Returns:  Graph; node 0.. are inputs, then operations in execution order, then the output. A parameter is counted
        where it is read first; where it is read again, `attributes["parameters of"]` names that operation. `flops`
        are those of matrix products, convolutions and attention, `memory` the bytes newly allocated, `value` figures
        of what an operation gave in a real run, `gradient` and `time` what was asked for. Where the model raised, the
        last node is the operation that did, or `raise` for a module's own code, with the shapes of its `inputs`.
    Source:   the layout by modules follows Wongsuphasawat et al. 2018.
    """
    real = real and can_run(lens, x)
    failed: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = () if real else (_UNREAL,)
    try:
        seen = yield from Pass(x, graph=Detail(values=True), real=real)
        trace = seen.trace
        notes = seen.notes or notes
    except ModelFailed as error:
        if error.trace is None or error.trace.links is None:
            raise
        trace, failed = error.trace, (_raised(error),)
    figures: dict[str, dict[int, float]] = {}
    if not real or failed:
        notes += not_measured(gradient=gradient is not None, time=runs > 0)
    else:
        if runs:
            figures["time"] = yield from timed(x, runs)
        if gradient is not None:
            figures["gradient"], told = yield from graded(x, trace, gradient)
            notes += told
    nodes, edges, calls = records(trace, lens.modules, lens.held, lens.parameters, figures)
    total = sum(one.numel() for one in lens.parameters.values())
    unread = total - sum(node["parameters"] for node in nodes)
    if failed:
        notes += failed
    elif unread:
        notes += (
            Text(
                f"This forward did not read {unread:,} of {total:,} parameters.",
                f"此次前向传播未读取 {total:,} 个参数中的 {unread:,} 个。",
            ),
        )
    blocks = frozenset(path for path, module in lens.modules.items() if any(module.children()))
    return Graph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        modules=tuple(calls),
        folds=folds(Graphed(nodes, edges, calls), blocks),
        failed=len(nodes) - 1 if failed else None,
        notes=notes,
        facts=_facts(nodes, edges, total, unread),
    )


def _raised(error: ModelFailed) -> Text:
    """What the model raised, in its own words."""
    own = error.__cause__ or error
    kind, words = type(own).__name__, " ".join(str(own).split())
    return Text(f"The model raised here: {kind} “{words}”", f"模型在此处抛出异常：{kind}“{words}”")


def _facts(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], total: int, unread: int) -> dict[str, int]:
    return {
        "operations": sum(node["op"] not in ("input", "output", "raise") for node in nodes),
        "connections": len(edges),
        "parameters": total,
        "unread parameters": unread,
        "flops": sum(node["flops"] for node in nodes),
        "memory": sum(node["memory"] for node in nodes),
    }
