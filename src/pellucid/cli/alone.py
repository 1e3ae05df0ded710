"""What can be seen of a model without an input: its structure and its weights."""

from typing import Any

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.taken import TEXTS, takes
from pellucid.lens.lens import Lens
from pellucid.lens.views import Views
from pellucid.registry import View, find, names
from pellucid.zoo.held import Weights
from pellucid.zoo.opening import stated_inputs
from pellucid.zoo.tree import weight_tree

NO_SIZE = Text(
    "The model's source does not say what its input is: for the flow graph give one, as random:1x3x224x224.",
    "模型来源未说明输入大小：如需数据流图，请给出输入，例如 random:1x3x224x224。",
)

NO_TEXT = Text(
    'The model\'s source does not say how long its input is: for the flow graph give one, "some text" or token numbers '
    "as x.npy.",
    "模型来源未说明输入长度：如需数据流图，请给出输入：“一段文本”，或 x.npy 中的词元编号。",
)

_ROWS = 40  # as many as a drawn table shows


def standing(lens: Lens, views: list[View]) -> tuple[Any, list[View], Text | None]:
    """Input, views and note of a look without an input: the flow graph joins where the source states the input.

    Its input is zeros of the stated shape, of which shapes alone are followed.
    """
    if isinstance(lens.model, Weights) or "flow_graph" not in names():
        return None, views, None
    stated = stated_inputs(lens)
    if not stated:
        return None, views, NO_TEXT if takes(lens.model.forward, TEXTS) else NO_SIZE
    zeros = [one.zeros().to(lens.device) for one in stated]
    return zeros[0] if len(zeros) == 1 else tuple(zeros), [find("flow_graph")(real=False), *views], None


def refuse_input(lens: Lens, model: str) -> None:
    """Refuse to run an input through weights alone.

    Raises:
        BadInput: with what to name instead.
    """
    if isinstance(lens.model, Weights):
        raise BadInput(
            f"'{model}' holds weights alone: there is no network that an input could run through.",
            hint=f"pellucid see net.py:Net INPUT -w {model}; or '{model}' without an input",
        )


def with_tree(lens: Lens, model: str, seen: Views) -> Views:
    """The pictures of weights alone, after the tree of their names."""
    if not isinstance(lens.model, Weights):
        return seen
    tree = weight_tree(model, most=_ROWS)
    first = seen.given[0] if seen.given else ()
    given = [(tree, *(first if isinstance(first, tuple) else (first,))), *seen.given[1:]]
    return Views(seen.asked, given, seen.cost, seen.title)
