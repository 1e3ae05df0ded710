"""What stands after `--data`, as the library takes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadInput, PellucidError
from pellucid.core.text import Text
from pellucid.inputs.data.data import Data
from pellucid.inputs.data.folder import SUFFIXES
from pellucid.inputs.data.open import KINDS, open_data
from pellucid.zoo.own import called, named

CODE = "py:module:factory or file.py:factory"
_OPTIONS = {
    "follow_symlinks=True": "--follow-symlinks",
    "allow_absolute=True": "--allow-absolute",
    "max_pixels=": "--max-pixels ",
}


def data_of(words: str, **settings: Any) -> tuple[Data, tuple[Text, ...]]:
    """A data set, and what the reader must know of where it comes from.

    Args:
        words: in the grammar of `open_data`; or `py:module:factory`, `file.py:factory`: a map-style `Dataset`, or a
            function without arguments that makes one. Its code runs.
        settings: of `open_data`.
    Raises:
        BadInput: there is no such data set, or it is empty.
        BadSetting: no such module, file or name; or its code failed.
    """
    try:
        if not is_code(words):
            return open_data(words, **settings), ()
        found, place = _of_code(words.removeprefix("py:"))
        note = Text(f"The data set's code: {place}.", f"数据集代码：{place}。", aside=True)
        return replace(open_data(found, **settings), said=words), (note,)
    except PellucidError as error:
        error.asked_by = f"--data {words}"
        error.hint = error.advice.changed(in_options)
        if error.hint == ", ".join(KINDS.values()):
            one = Path(words).is_file() and words.lower().endswith(SUFFIXES)
            error.hint = f"pellucid see MODEL {words}" if one else f"{error.hint}, {CODE}"
        raise


def is_code(words: str) -> bool:
    """Whether the words name code of the user."""
    source, colon, _ = words.rpartition(":")
    return words.startswith("py:") or bool(colon and source.endswith(".py"))


def in_options(words: str) -> str:
    """Settings of Python as the options of the command."""
    for python, option in _OPTIONS.items():
        words = words.replace(python, option)
    return words


def _of_code(spec: str) -> tuple[Any, str]:
    if not spec.rpartition(":")[0]:
        raise BadInput(Text(f"'{spec}' names no code.", f"'{spec}' 没有指定代码。"), hint=CODE)
    found, place = named(spec, "a map-style Dataset")
    made = hasattr(found, "__getitem__") and hasattr(found, "__len__") and not isinstance(found, type)
    return found if made or not callable(found) else called(found, spec), place
