"""Updates: by how much each step of a training moves the weights of every layer."""

from pellucid.core.needs import RUN
from pellucid.core.text import Text
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Layer
from pellucid.methods.gradient._training import updates as over_steps
from pellucid.registry import method
from pellucid.results import Series


@method(
    title=Text("Updates beside the weights", "更新量与权重之比"),
    question=Text(
        "Is the learning rate too high or too low, and for which layers?", "学习率是否过高或过低？对哪些层？"
    ),
    shows=Text(
        "By how much a step moves the weights of each layer, as a share of their norm, on a logarithmic axis; about a thousandth is usual. Of more than eight layers the highest, the lowest and the quartiles are drawn.",
        "每步更新相对于该层权重范数的比例，纵轴为对数；约千分之一较为常见。超过八层时，只画最高、最低与四分位曲线。",
    ),
    cannot=Text(
        "Whether the steps lead anywhere: weights that tremble on the spot and weights that travel look alike.",
        "更新是否有方向：原地抖动与持续移动的权重在图上一样。",
    ),
    check=Text(
        "Halve the learning rate: with plain gradient descent the first ratio of every layer halves exactly.",
        "把学习率减半：用普通梯度下降时，各层的第一个比值恰好减半。",
    ),
    needs=RUN,
    formula="‖ΔW_l‖₂ / ‖W_l‖₂",
    paper="Karpathy, CS231n notes: Neural networks 3 (the thousandth, a rule of thumb)",
    steps=Text(
        "1. Watch a training. 2. Before and after a step of the optimizer, take the weights of every layer; of more than 65,536 elements an even sample. 3. Divide the norm of the difference by the norm of the weights.",
        "1. 监视一次训练。2. 在优化器更新前后取各层权重；超过 65,536 个元素时均匀抽样。3. 用差的范数除以权重的范数。",
    ),
)
def updates(run: History, layer: Layer = "every weight") -> Series:
    """The norm of a step's update beside that of the weights, by layer and step of a watched training.

    Args:
        layer: which layers, by name or glob.
    Returns:  Series by step; of at most eight layers a curve for each, of more the highest, the lowest and the
        quartiles.
    Raises:   NotApplicable if the run measured no update.
    """
    return over_steps(run, layer)
