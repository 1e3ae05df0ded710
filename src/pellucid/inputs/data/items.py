"""Data sets that are objects: a `torch.utils.data.Dataset`, or a plain list; an item is a sample."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.labels import as_label
from pellucid.inputs.data.sizes import file_identity

Unpack = Callable[[Any], Any]
_BESIDE = ("label", "labels", "id")
_NO_LABEL = Text(
    "What the data set gives beside its input is no class; left out.", "数据集随输入给出的内容不是类别，已略去。"
)


class Items:
    """The items of an object with a length, in its own order.

    Args:
        items: read by number, in the caller's thread: its code may draw random numbers or hold a file open.
        unpack: makes `x`, `(x,)`, `(x, label)` or a dict of an item that is none of these.
    """

    most_threads = 0
    notes: tuple[Text, ...] = ()

    def __init__(self, items: Any, unpack: Unpack | None = None, classes: Sequence[str] | None = None) -> None:
        self.items, self.unpack = items, unpack
        own = getattr(items, "classes", None) if classes is None else classes
        named = isinstance(own, (list, tuple)) and all(isinstance(one, str) for one in own)
        self.classes: tuple[str, ...] = tuple(own) if named and own is not None else ()
        self._count = _length(items)

    @property
    def covers(self) -> str:
        """What the fingerprint covers."""
        return "class and length only"

    def __len__(self) -> int:
        return self._count

    def name(self, ordinal: int) -> str:
        """A path of a plain list; else the number of the item."""
        if isinstance(self.items, (list, tuple)) and isinstance(self.items[ordinal], Path):
            return str(self.items[ordinal])
        return f"item {ordinal}"

    def label(self, ordinal: int) -> int | None:  # noqa: ARG002
        """None: it is known when the item is read."""
        return None

    def take(self, ordinal: int) -> Sample:
        """One item; whatever its code raises comes through."""
        item = self.items[ordinal]
        return unpacked(item if self.unpack is None else self.unpack(item))

    def identity(self, content: bool) -> Iterator[str]:
        """The class of the object and its length; with `content`, every item."""
        yield f"{type(self.items).__module__}.{type(self.items).__qualname__}"
        for ordinal in range(len(self) if content else 0):
            try:
                sample = self.take(ordinal)
                yield f"{sample.label} {hashlib.sha256(_content(sample.x)).hexdigest()}"
            except Exception as error:  # noqa: BLE001  (code of others; that it raises is part of what it is)
                yield f"raised {type(error).__name__}"


def open_items(items: Any, *, unpack: Unpack | None = None, classes: Sequence[str] | None = None) -> Items:
    """A `Dataset` with length and numbers, or a list.

    Raises:
        BadInput: it has no length or no numbers, as an iterable data set, or it is empty.
    """
    made = Items(items, unpack, classes)
    if not len(made):
        raise BadInput(
            Text(
                f"The data set {type(items).__name__} is empty: 0 samples.",
                f"数据集 {type(items).__name__} 是空的：0 个样本。",
            )
        )
    return made


def unpacked(item: Any) -> Sample:
    """A sample of what a data set gives: `x`, `(x,)`, `(x, label)`, or a dict of named inputs, `label` and `id`.

    Raises:
        BadInput: a tuple of more, or a dict without an input.
    """
    if isinstance(item, Mapping):
        return _of_dict(item)
    if not isinstance(item, (tuple, list)):
        return Sample(item)
    if len(item) not in (1, 2):
        raise BadInput(
            Text(
                f"An item is a tuple of {len(item)}; it is x, (x,), (x, label) or a dict.",
                f"一项是 {len(item)} 元的元组；应为 x、(x,)、(x, label) 或字典。",
            ),
            hint=Text(
                "unpack=lambda item: (item[0], item[1]) says which are the input and its label",
                "unpack=lambda item: (item[0], item[1]) 指明哪个是输入、哪个是标签",
            ),
        )
    return _labelled(item[0], item[1] if len(item) == 2 else None)


def _of_dict(item: Mapping[str, Any]) -> Sample:
    named = {str(key): value for key, value in item.items() if key not in _BESIDE}
    if not named:
        raise BadInput(
            Text("An item is a dict without an input.", "一项是没有输入的字典。"),
            hint=Text("unpack= says what is the input", "unpack= 指明哪个是输入"),
        )
    only = next(iter(named.values()))
    alone = len(named) == 1 and isinstance(only, (Image.Image, Path, bytes, str))
    name = item.get("id")
    return _labelled(only if alone else named, item.get("label", item.get("labels")), "" if name is None else str(name))


def _labelled(x: Any, label: Any, name: str = "") -> Sample:
    number = None if label is None else as_label(label)
    return Sample(x, number, name, (_NO_LABEL,) if label is not None and number is None else ())


def _length(items: Any) -> int:
    kind = type(items).__name__
    numbered = hasattr(items, "__getitem__") and not isinstance(items, IterableDataset)
    if not numbered or not hasattr(items, "__len__"):
        lack = "length" if numbered else "numbered samples"
        raise BadInput(
            Text(
                f"{kind} has no {lack}: which samples a sweep has seen could not be told.",
                f"{kind} 没有{'长度' if numbered else '带编号的样本'}：无从得知遍历看过哪些样本。",
            ),
            hint="its .dataset"
            if hasattr(items, "dataset")
            else "a map-style Dataset, with __len__ and __getitem__; list(…) makes one of a short stream",
        )
    try:
        return len(cast("Sized", items))
    except Exception as error:
        raise BadInput(
            Text(
                f"{kind} does not know its length: {type(error).__name__}: {error}",
                f"{kind} 不知道自己的长度：{type(error).__name__}: {error}",
            ),
            hint=Text("a map-style Dataset", "请用 map 式的 Dataset"),
        ) from error


def _content(x: Any) -> bytes:
    if isinstance(x, Path):
        return file_identity(x, content=True).encode()
    if isinstance(x, (bytes, str)):
        return x if isinstance(x, bytes) else x.encode("utf-8", "surrogateescape")
    if isinstance(x, Image.Image):
        return f"{x.mode} {x.size}".encode() + x.tobytes()
    if isinstance(x, (tuple, list)):
        return b"".join(hashlib.sha256(_content(one)).digest() for one in x)
    if isinstance(x, Mapping):
        return b"".join(key.encode() + hashlib.sha256(_content(one)).digest() for key, one in x.items())
    values = np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x)
    if values.dtype.hasobject:
        stream = io.BytesIO(repr(x).encode())
        return stream.getvalue()
    return f"{values.dtype} {values.shape}".encode() + np.ascontiguousarray(values).tobytes()
