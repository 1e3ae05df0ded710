"""Arguments after the name of a class: `Net(num_classes=10)`, read as values and never run."""

import ast
import re
from typing import Any

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text

_CALL = re.compile(r"(.*?:[^\W\d][\w.]*)(\(.*\))", re.DOTALL)
_EXAMPLE = "net.py:Net(num_classes=10, widths=[8, 16]): names, and numbers, words, lists or dicts of them"


def arguments_of(spec: str) -> tuple[str, dict[str, Any]]:
    """`file.py:Net(num_classes=10)` as `file.py:Net` and its arguments.

    Raises:
        BadSetting: what stands in the brackets is no list of `NAME=VALUE` with values written out.
    """
    found = _CALL.fullmatch(spec)
    if found is None:
        return spec, {}
    bare = found[1]
    try:
        call = ast.parse(f"f{found[2]}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            raise ValueError("each value needs its name")
        if len({one.arg for one in call.keywords}) < len(call.keywords):
            raise ValueError("a name is given twice")
        return bare, {_name(one): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        told = "each value is written out" if "malformed node" in str(error) else getattr(error, "msg", str(error))
        raise BadSetting(
            Text(f"The arguments of '{spec}' cannot be read: {told}.", f"无法读取 '{spec}' 的参数：{told}。"),
            hint=_EXAMPLE,
        ) from error


def _name(one: ast.keyword) -> str:
    if one.arg is None:
        raise ValueError("each value needs its name")
    return one.arg
