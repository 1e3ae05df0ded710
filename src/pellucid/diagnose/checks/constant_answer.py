"""Constant answer: the output is the same for all examples, though they differ."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.sameness import all_zero, sameness
from pellucid.engine.looker import Looker
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series


@check(
    title=Text("The same answer for every input", "对所有输入给出相同的答案"),
    why=Text(
        "The answer does not depend on the input: nothing that the network sees can change it.",
        "答案与输入无关：网络看到什么都不会改变它。",
    ),
    advice=Text(
        "Look at the layer named: weights of zero, units that are all dead or saturated, or an input that is not used.",
        "查看所指出的层：权重是否为零、单元是否全部失活或饱和、输入是否未被使用。",
    ),
    rank=70,
)
def constant_answer(x: Inputs, lens: Looker) -> Checking:
    """Whether answers differ by more than rounding, and the first place from which on examples do not.

    A last layer of zeros is how many networks begin: `zero_weights` tells it.
    """
    found = yield from sameness(x, lens)
    if found is None or (found.last and all_zero(lens.parameters.get(f"{found.path}.weight"))):
        return []
    picture = Series(
        curves={"spread": np.array(found.spreads)},
        names={"spread": Text("difference between examples", "样本间差异")},
        labels=found.labels,
        position_unit=Text("operation, first to last", "运算（由前到后）"),
        unit=Text("relative", "相对值"),
    )
    said = Text(
        f"The output is the same for all {x.size} examples; from '{found.address}' on nothing tells them apart.",
        f"{x.size} 个样本的输出完全相同；从“{found.address}”起样本之间已无差别。",
    )
    return [Noticed("high", found.address, said, picture)]
