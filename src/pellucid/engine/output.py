"""Which tensor of a model's output is explained."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.calls import fields, first_tensor, part

Select = str | int | Callable[[Any], Tensor] | None


def explained(output: Any, select: Select = None) -> tuple[Tensor, Text | None]:
    """The explained tensor and, where there was a choice, which one it is.

    Args:
        output: whatever the model returned.
        select: field name or position, or a function of the output; None takes `logits`, else `out`, else the first
            floating tensor.
    Raises:
        BadSetting: there is no such field.
        NotApplicable: the output holds no floating tensor.
    """
    if isinstance(output, Tensor) and select is None:
        if output.is_floating_point():
            return output, None
        raise NotApplicable(
            f"the model's output is {output.dtype}, it carries no gradient and no score",
            hint="give output=, a function that returns the tensor before rounding or argmax",
        )
    if callable(select):
        return select(output), None
    if select is not None:
        return _chosen(output, str(select)), None
    parts = dict(fields(output))
    for name in ("logits", "out"):
        if isinstance(parts.get(name), Tensor):
            return parts[name], _which(name)
    tensor = first_tensor(output)
    if tensor is None:
        raise NotApplicable(
            f"the model's output ({type(output).__name__}) holds no floating tensor",
            hint="give output=, a function from the output to a tensor",
        )
    return tensor, _which(_path(output, tensor))


def _chosen(output: Any, select: str) -> Tensor:
    tensor = part(output, select)
    if tensor is None:
        names = [name for name, _ in fields(output)]
        raise BadSetting(f"the output has no tensor '{select}'", nearest=quoted(nearest_names(select, names)))
    return tensor


def _which(name: str) -> Text:
    return Text(f"The explained output is '{name}'.", f"所解释的输出是 '{name}'。")


def _path(output: Any, tensor: Tensor) -> str:
    for name, inside in fields(output):
        if inside is tensor:
            return name
        if first_tensor(inside) is tensor:
            return f"{name}.{_path(inside, tensor)}"
    return ""
