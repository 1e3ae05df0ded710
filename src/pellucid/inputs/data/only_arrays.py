"""Plain values and arrays of whole numbers out of a pickle; nothing that it names is imported or run."""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput
from pellucid.core.text import Text


def unpickled(content: bytes) -> dict[str, Any]:
    """The dict that a pickle of arrays holds, its keys as words.

    Raises:
        BadInput: it holds anything else.
    """
    held = _OnlyArrays(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(held, dict):
        raise BadInput(
            Text(
                f"holds {type(held).__name__}, not a dict of data and labels.",
                f"含有 {type(held).__name__}，而不是由数据与标签组成的字典。",
            )
        )
    named = {key.decode() if isinstance(key, bytes) else key: value for key, value in held.items()}
    return {key: getattr(value, "values", value) for key, value in named.items()}


class _OnlyArrays(pickle.Unpickler):
    """Makes plain values and arrays of whole numbers; any other name is refused before anything is imported."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for `module.name`.

        Raises:
            BadInput: the file asks for anything that an array does not need.
        """
        maker = _MAKERS.get((module.replace("numpy._core", "numpy.core"), name))
        if maker is None:
            raise BadInput(
                Text(
                    f"is refused: it asks to run '{module}.{name}', and only arrays are needed.",
                    f"被拒绝：它要求运行 '{module}.{name}'，而这里只需要数组。",
                ),
                hint=Text("do not trust this file", "请勿信任该文件"),
            )
        return maker

    def persistent_load(self, pid: Any) -> Any:
        """Refuse it: nothing is kept outside of these files."""
        raise BadInput(
            Text(
                f"is refused: it asks for an object outside of the file ({pid!r}).",
                f"被拒绝：它要求文件之外的对象（{pid!r}）。",
            )
        )


class _Type:
    """The element type of a pickled array; whole numbers only."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode() if isinstance(code, bytes) else str(code)
        if code not in ("u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8"):
            raise BadInput(
                Text(
                    f"is refused: it holds an array of '{code}', not of whole numbers.",
                    f"被拒绝：其中有 '{code}' 类型的数组，而不是整数。",
                )
            )
        self.code = code

    def __setstate__(self, state: Any) -> None:
        big = len(state) > 1 and state[1] in (">", b">")
        self.code = (">" if big else "<") + self.code


class _Array:
    """A pickled array, made of its bytes and shape here and not by what the file says."""

    def __init__(self, *_: Any) -> None:
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        self.values = np.frombuffer(raw, kind.code).reshape(shape, order="F" if fortran else "C")


def _of_buffer(buffer: Any, kind: _Type, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(buffer, kind.code).reshape(shape, order="F" if order == "F" else "C")


def _bytes(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", b"latin1"):
        raise BadInput(
            Text(f"is refused: it asks for the text encoding {encoding!r}.", f"被拒绝：它要求文本编码 {encoding!r}。")
        )
    return text.encode("latin1")


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _of_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _bytes,
}
