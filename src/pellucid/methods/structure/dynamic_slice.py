"""Dynamic slice: the few units of each layer that carry one decision, tried by taking all others away."""

from typing import Annotated

from annotated_types import Ge, Le

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.structure._slice_drawn import graph_of, shares_of, trial_of
from pellucid.methods.structure._slice_tried import tried
from pellucid.methods.structure._slice_units import Fill, units_of
from pellucid.registry import method
from pellucid.results import Graph, Series


@method(
    title=Text("Dynamic slice", "动态切片"),
    question=Text("Which units carry this one decision?", "这一次决策由哪些单元承担？"),
    shows=Text(
        "Of each layer the fewest units whose contributions reach a share θ of all; the graph says how many of how many. Beside it, the score with everything else taken away, and with as many units drawn at random.",
        "每层中贡献达到总量 θ 的最少单元；图中标出保留数与总数。旁边是去掉其余单元后的得分，以及随机保留同样多单元时的得分。",
    ),
    cannot=Text(
        "That the other units are useless: they may matter for other inputs, or stand in for those kept. Taken away together, units leave the states for which their contributions were reckoned.",
        "其余单元无用：它们可能对其他输入重要，或能替代所保留的单元。大量单元同时去掉时，网络已不在计算贡献时的状态。",
    ),
    check=Text(
        "Read the second picture: the slice should hold the score with few units where random sets lose it. Repeat with fill='mean' and other examples of the class.",
        "看第二张图：切片应以少量单元保住得分，而随机集合保不住。换 fill='mean' 与同类的其他样本再做。",
    ),
    needs=DIFFERENTIABLE,
    formula="c_u = Σ_p a_u(p) ∂f/∂a_u(p);  smallest S with Σ_{u∈S} |c_u| ≥ θ Σ_u |c_u|",
    paper="Zhang et al. 2020, ESEC/FSE, doi:10.1145/3368089.3417036",
    steps=Text(
        "1. Run forward and back from the target once. 2. In each layer, from the last to the first, add up activation × gradient of every unit. 3. Keep the largest until they reach the share θ. 4. Run forward with all others taken away in every layer at once, and again with random sets of the same sizes.",
        "1. 前向传播并从目标反传一次。2. 由后向前，逐层对每个单元求 激活×梯度 之和。3. 由大到小保留，直到达到 θ。4. 在所有层同时去掉其余单元再前向一次，并对同样大小的随机集合重复。",
    ),
    quick={"steps": 1, "controls": 1},
)
def dynamic_slice(
    x: Inputs,
    target: Target,
    theta: Annotated[float, Ge(0), Le(1)] = 0.8,
    layer: Layer | None = None,
    fill: Fill = "zero",
    steps: Annotated[int, Ge(1)] = 4,
    controls: Annotated[int, Ge(0)] = 2,
    examples: Annotated[int, Ge(1)] = 1,
    seed: int = 0,
) -> Looking[tuple[Graph | Series, ...]]:
    """The smallest set of units per layer that carries a share of the decision, and what the score is without the rest.

    Args:
        theta: the share of the contributions that is kept in each layer; the sets of a larger one hold those of a
            smaller one.
        layer: which layers; None: activation functions, or layers with weights where there are none.
        fill: what the others become: zero, or the mean of their layer in that example.
        steps: at how many shares up to 1 the score is tried, beside `theta`.
        controls: how many random sets of the same sizes are tried at each.
        examples: how many examples of the batch are drawn.
        seed: of the random sets.
    Returns:  for each drawn example a Graph of the layers, `attributes` with `kept`, `total`, `units` (those kept, the
        largest first) and `contribution`; edges carry what the kept units of their source contribute, where it is not
        split; a Series of the score by share; a Series of the share of units kept in each layer.
        Contributions are exact where the rest of the network is piecewise linear, else first-order.
    Raises:   NotApplicable if no gradient reaches the layers, or what flows there cannot be replaced.
    Source:   Zhang et al. 2020 (NNSlicer); critical paths of Qiu et al. 2019, arXiv:1904.06097. Contributions here are
        of the target, so that one backward gives all; there they go from neuron to neuron by differences to a mean.
    """
    if layer == ():
        raise NotApplicable(
            Text("layer=() names no layer", "layer=() 没有指定任何层"),
            hint=Text("leave it out for all activation functions", "省去它则取全部激活函数"),
        )
    asked, seen = yield from _seen(x, target, layer)
    units = [one for spot in seen.at(asked) if (one := units_of(spot, x.size)) is not None]
    if not units:
        raise NotApplicable(
            Text(
                f"no layer that '{asked}' denotes has units for each example",
                f"'{asked}' 所指的层都没有按样本区分的单元",
            ),
            hint=Text("name layers: lens.layers() lists them", "请指定层：lens.layers() 列出各层"),
        )
    shares = tuple(sorted({(i + 1) / steps for i in range(steps)} | {0.0, theta}))
    trial = yield from tried(x, target, units, shares, fill, controls, seed, seen.scores)
    results: list[Graph | Series] = []
    for example in range(min(examples, x.size)):
        graph = graph_of(seen, units, trial, theta, example)
        results += [graph, trial_of(seen, trial, example, graph.notes), shares_of(seen, units, example)]
    return tuple(results)


def _seen(x: Inputs, target: Target, layer: Layer | None) -> Looking[tuple[Layer, Seen]]:
    """The pass with everything; where no layer is named and there is no activation function, at layers with weights."""
    asked: Layer = "every activation" if layer is None else layer
    try:
        return asked, (yield from _whole(x, target, asked))
    except (NotApplicable, LayerNotFound):
        if layer is not None:
            raise
    return "every weight", (yield from _whole(x, target, "every weight"))


def _whole(x: Inputs, target: Target, layer: Layer) -> Pass:
    return Pass(x, keep=(layer,), grads=(layer,), target=target, graph=True)
