"""Which tensor of a model's output is explained."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.calls import fields, first_tensor, part
from pellucid.engine.memory import out_of_memory

Select = str | int | Callable[[Any], Tensor] | None


def explained(output: Any, select: Select = None) -> tuple[Tensor, Text | None]:
    """The explained tensor and, where there was a choice, which one it is.

    Args:
        output: whatever the model returned.
        select: field name or position, or a function of the output; None takes `logits`, else `out`, else the first
            floating tensor.
    Raises:
        BadSetting: there is no such field, or the function raises or gives no tensor.
        NotApplicable: the output holds no floating tensor.
    """
    if isinstance(output, Tensor) and select is None:
        if output.is_floating_point():
            return output, None
        raise NotApplicable(
            Text(
                f"the model's output is {output.dtype}, it carries no gradient and no score",
                f"模型的输出为 {output.dtype}，不带梯度，也不是得分",
            ),
            hint=Text(
                "give output=, a function that returns the tensor before rounding or argmax",
                "请给出 output=：返回取整或 argmax 之前张量的函数",
            ),
        )
    if callable(select):
        return _selected(output, select), None
    if select is not None:
        return _chosen(output, str(select)), None
    parts = dict(fields(output))
    for name in ("logits", "out"):
        if isinstance(parts.get(name), Tensor):
            return parts[name], _which(name)
    tensor = first_tensor(output)
    if tensor is None:
        raise NotApplicable(
            Text(
                f"the model's output ({type(output).__name__}) holds no floating tensor",
                f"模型的输出（{type(output).__name__}）中没有浮点张量",
            ),
            hint=Text("give output=, a function from the output to a tensor", "请给出 output=：由输出得到张量的函数"),
        )
    return tensor, _which(_path(output, tensor))


def _chosen(output: Any, select: str) -> Tensor:
    tensor = part(output, select)
    if tensor is None:
        names = [name for name, _ in fields(output)]
        raise BadSetting(
            Text(f"the output has no tensor '{select}'", f"输出中没有张量 '{select}'"),
            nearest=quoted(nearest_names(select, names)),
        )
    return tensor


def _selected(output: Any, select: Callable[[Any], Any]) -> Tensor:
    name = getattr(select, "__name__", type(select).__name__)
    try:
        tensor = select(output)
    except Exception as error:
        if isinstance(error, PellucidError) or out_of_memory(error):
            raise
        raise BadSetting(
            Text(
                f"output={name} raised {type(error).__name__}: {error}",
                f"output={name} 引发 {type(error).__name__}：{error}",
            )
        ) from error
    if not isinstance(tensor, Tensor):
        raise BadSetting(
            Text(
                f"output={name} must return a tensor, not {type(tensor).__name__}",
                f"output={name} 应返回张量，而不是 {type(tensor).__name__}",
            )
        )
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
