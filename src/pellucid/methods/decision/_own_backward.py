"""Functions with a backward of their own, which no rule of relevance can enter: refused, or said."""

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.operations import Met


def custom(met: tuple[Met, ...]) -> list[str]:
    """Names of functions with a backward of their own, in order.

    Raises:
        NotApplicable: one of them brings several values together, as attention and gates do.
    """
    for one in met:
        if one.custom and len(one.inputs) > 1:
            raise NotApplicable(
                Text(
                    f"'{one.name}' is a function with a backward of its own that reads {len(one.inputs)} values of the "
                    "input: whether it is a sum, a gate or attention cannot be told, so it has no rule",
                    f"'{one.name}' 是自带反向计算的函数，读取输入的 {len(one.inputs)} 个值：无法判断它是求和、门控还是注意力，因此没有规则",
                ),
                hint=Text(
                    "switch fused kernels off, e.g. load the model with attn_implementation='sdpa' or 'eager'",
                    "请关闭融合内核，例如以 attn_implementation='sdpa' 或 'eager' 载入模型",
                ),
            )
    return list(dict.fromkeys(one.name for one in met if one.custom))


def own_backward(met: tuple[Met, ...]) -> tuple[Text, ...]:
    """That the plain gradient passes them, where there are any.

    Raises:
        NotApplicable: one of them brings several values together.
    """
    names = ", ".join(f"'{name}'" for name in custom(met))
    if not names:
        return ()
    return (
        Text(
            f"The plain gradient passes {names}, which brings a backward of its own that no rule can enter: if that is more than a linear map, the shares before it are off.",
            f"{names} 自带反向计算，规则无法介入，此处传递的是普通梯度：若它不只是线性变换，其之前的份额会有偏差。",
        ),
    )
