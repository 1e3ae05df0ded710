"""What can be seen of a model without an input: its structure and its weights."""

from typing import Any

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.taken import TEXTS, takes
from pellucid.lens.lens import Lens
from pellucid.lens.views import Views
from pellucid.registry import View
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

GRAPH = "flow_graph"
_ROWS = 40  # as many as a drawn table shows


def standing(lens: Lens, views: list[View]) -> tuple[Any, list[View], Text | None]:
    """Input, views and note of a look without an input: a flow graph among the views is drawn of shapes alone where
    the source states the input, and left out with the note where it does not.

    The input is zeros of the stated shape.
    """
    rest = [one for one in views if one.name != GRAPH]
    if len(rest) == len(views) or isinstance(lens.model, Weights):
        return None, rest, None
    stated = stated_inputs(lens)
    if not stated:
        return None, rest, NO_TEXT if takes(lens.model.forward, TEXTS) else NO_SIZE
    zeros = [one.zeros().to(lens.device) for one in stated]
    shapes = [one.spec(**{**one.changed, "real": False}) if one.name == GRAPH else one for one in views]
    return zeros[0] if len(zeros) == 1 else tuple(zeros), shapes, None


def refuse_input(lens: Lens, model: str) -> None:
    """Refuse to run an input through weights alone.

    Raises:
        BadInput: with what to name instead.
    """
    if isinstance(lens.model, Weights):
        raise BadInput(
            Text(
                f"'{model}' holds weights alone: there is no network that an input could run through.",
                f"'{model}' 只有权重：没有输入可以通过的网络。",
            ),
            hint=Text(
                f"pellucid see net.py:Net INPUT -w {model}; or '{model}' without an input",
                f"pellucid see net.py:Net INPUT -w {model}；或不带输入的 '{model}'",
            ),
        )


def with_tree(lens: Lens, model: str, seen: Views) -> Views:
    """The pictures of weights alone, after the tree of their names."""
    if not isinstance(lens.model, Weights):
        return seen
    tree = weight_tree(model, most=_ROWS)
    first = seen.given[0] if seen.given else ()
    given = [(tree, *(first if isinstance(first, tuple) else (first,))), *seen.given[1:]]
    return Views(seen.asked, given, seen.cost, seen.title)


def refuse_nothing(seen: Views, model: str) -> None:
    """Refuse to write a report of nothing.

    Raises:
        BadInput: there is no picture, and no reason why.
    """
    if not seen.results and not seen.failures:
        raise BadInput(
            Text(
                f"Without an input there is nothing to show of '{model}': it has no weights.",
                f"“{model}”没有权重：没有输入就没有可展示的内容。",
            ),
            hint=f"pellucid see {model} INPUT, as random:1x3x224x224",
        )
