"""Results taken apart into plain JSON values and named arrays, and put together again.

What JSON lacks is an object with one key that starts with `$`:

    {"$array": name, "dtype": "float32"}   an array, stored beside under `name`
    {"$tuple": [...]}  {"$map": [[key, value], ...]}   a tuple; a dict whose keys are not all plain strings
    {"$float": "nan"}  "inf" or "-inf"
    {"$bytes": hexadecimal digits}
    {"$text": [en, zh]} (and true for an aside)
    {"$type": "Provenance", ...fields}     a record of the core: Words, TargetInfo, Trace, Provenance, Base
    {"$result": "series", ...fields}       a result

Anything else (a view or a function among the settings) is kept as the text that it prints as.
"""

import math
import re
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from pellucid.core.provenance import Provenance, TargetInfo, Trace, Words
from pellucid.core.text import Text
from pellucid.results.array import as_array
from pellucid.results.attribution import Attribution
from pellucid.results.base import Base
from pellucid.results.gallery import Gallery
from pellucid.results.graph import Graph
from pellucid.results.matrix import Matrix
from pellucid.results.points import Points
from pellucid.results.result import Result
from pellucid.results.series import Series
from pellucid.results.table import Table

RECORDS: dict[str, type[Any]] = {cls.__name__: cls for cls in (Words, TargetInfo, Trace, Provenance, Base)}
KINDS: dict[str, type[Result]] = {cls.kind: cls for cls in (Attribution, Gallery, Matrix, Graph, Series, Points, Table)}
STORED = frozenset("?bhilqBHILQfd")
_MEMORY = re.compile(r" at 0x[0-9a-fA-F]+")


class Packer:
    """Collects arrays by name while `pack` turns values into JSON."""

    def __init__(self, skip: type[Any] | None = None) -> None:
        """`skip`: records of this class are left out (as null)."""
        self.arrays: dict[str, np.ndarray] = {}
        self._skip = skip

    def pack(self, value: Any, name: str) -> Any:
        """`value` as JSON; its arrays are named after `name`, the path to it."""
        if value is None or isinstance(value, (bool, str)) or (self._skip and isinstance(value, self._skip)):
            return None if self._skip and isinstance(value, self._skip) else value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": str(float(value))}
        if isinstance(value, Text):
            return {"$text": [value.en, value.zh, True] if value.aside else [value.en, value.zh]}
        if isinstance(value, bytes):
            return {"$bytes": value.hex()}
        if isinstance(value, np.ndarray) or hasattr(value, "detach"):
            return self._array(as_array(value), name)
        return self._composite(value, name)

    def _composite(self, value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self.pack(item, f"{name}.{i}") for i, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"$tuple": [self.pack(item, f"{name}.{i}") for i, item in enumerate(value)]}
        if isinstance(value, dict):
            if all(type(key) is str and not key.startswith("$") for key in value):
                return {key: self.pack(item, f"{name}.{key}") for key, item in value.items()}
            return {
                "$map": [
                    [self.pack(key, f"{name}.{i}.key"), self.pack(item, f"{name}.{i}")]
                    for i, (key, item) in enumerate(value.items())
                ]
            }
        if isinstance(value, Result):
            return {"$result": value.kind, **self._fields(value, name)}
        if is_dataclass(value) and type(value).__name__ in RECORDS:
            return {"$type": type(value).__name__, **self._fields(value, name)}
        return _MEMORY.sub("", repr(value))

    def _fields(self, record: Any, name: str) -> dict[str, Any]:
        prefix = f"{name}." if name else ""
        return {field.name: self.pack(getattr(record, field.name), prefix + field.name) for field in fields(record)}

    def _array(self, array: np.ndarray, name: str) -> Any:
        kind = array.dtype.name
        if array.dtype.kind == "c":
            array = np.stack([np.real(array), np.imag(array)], -1)
        if array.dtype.char not in STORED:
            return self.pack(array.tolist(), name)
        unique = name
        while unique in self.arrays:
            unique += "~"
        self.arrays[unique] = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        return {"$array": unique, "dtype": kind}


def unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value that `Packer.pack` took apart.

    Raises:
        KeyError, TypeError, ValueError: the JSON does not come from `pack`.
    """
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    mark = next(iter(value), "")
    if not mark.startswith("$"):
        return {key: unpack(item, arrays) for key, item in value.items()}
    body = value[mark]
    if mark == "$array":
        array = arrays[body]
        return array.view(value["dtype"]).reshape(array.shape[:-1]) if value["dtype"].startswith("complex") else array
    if mark == "$tuple":
        return tuple(unpack(item, arrays) for item in body)
    if mark == "$map":
        return {unpack(key, arrays): unpack(item, arrays) for key, item in body}
    if mark == "$float":
        return float(body)
    if mark == "$bytes":
        return bytes.fromhex(body)
    if mark == "$text":
        return Text(*body[:2], aside=len(body) > 2)
    known = {"$type": RECORDS, "$result": KINDS}[mark]
    return known[body](**{key: unpack(item, arrays) for key, item in value.items() if key != mark})
