"""Arrays whose first axis counts the samples: `npy:F`, `npz:F#key`, or one in memory."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pellucid.core.errors import BadInput, BadSetting, quoted
from pellucid.core.text import Text
from pellucid.inputs.check import as_tensor
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.labels import label_at, numbered
from pellucid.inputs.data.sizes import file_identity
from pellucid.inputs.data.stored import Stored, arrays_in

Layout = Literal["NCHW", "NHWC", "NHW", "N..."]
_LAYOUTS = ("NCHW", "NHWC", "NHW", "N...")
_SMALLEST_SIDE = 8
_BLOCK = 2**24
_OPENING = Lock()


class Source(Protocol):
    """Where an array comes from; what can be opened again is not pickled."""

    def open(self) -> Any: ...


class Rows:
    """Samples along the first axis of one array.

    Args:
        source: gives the array; opened when first needed in a process.
        opened: the array, where it is open already.
        labels: `(sample,)`.
        layout: what the axes are; `"N..."` takes every sample as it is.
    """

    most_threads = 64

    def __init__(
        self,
        source: Source,
        labels: np.ndarray | None,
        classes: tuple[str, ...],
        layout: Layout,
        notes: tuple[Text, ...] = (),
        *,
        opened: Any = None,
    ) -> None:
        self.source, self.labels, self.classes, self.notes = source, labels, classes, notes
        self.layout: Layout = layout
        self._values: Any = source.open() if opened is None else opened
        self._count = len(self._values)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_values": None}

    @property
    def covers(self) -> str:
        """What the fingerprint covers."""
        return "shape and size of the file" if isinstance(self.source, Stored) else "content"

    def __len__(self) -> int:
        return self._count

    def name(self, ordinal: int) -> str:
        """The row."""
        return f"row {ordinal}"

    def label(self, ordinal: int) -> int | None:
        """The class of one row."""
        return label_at(self.labels, ordinal)

    @property
    def values(self) -> Any:
        """The whole array."""
        with _OPENING:
            if self._values is None:
                self._values = self.source.open()
        return self._values

    def take(self, ordinal: int) -> Sample:
        """One row: bytes that are a picture as a picture, other numbers as a tensor, channels first."""
        row, label = self.values[ordinal], self.label(ordinal)
        if isinstance(row, Tensor):
            row = row.detach().cpu()
        if self.layout != "N..." and np.asarray(row).dtype == np.uint8:
            return Sample(_picture(np.asarray(row), self.layout), label)
        x = row if isinstance(row, Tensor) else as_tensor(np.asarray(row), self.name(ordinal))
        if self.layout == "NHWC":
            x = x.movedim(-1, 0).contiguous()
        return Sample(x[None] if self.layout == "NHW" else x, label)

    def identity(self, content: bool) -> Iterator[str]:
        """Shape, type and labels; of a file its size, of what is in memory every number."""
        yield f"{tuple(self.values.shape)} {self.values.dtype} {self.layout}"
        yield "" if self.labels is None else hashlib.sha256(self.labels.tobytes()).hexdigest()
        if isinstance(self.source, Stored) and not content:
            yield f"{self.source.key} {file_identity(self.source.file, content)}"
            return
        digest = hashlib.sha256()
        step = max(1, _BLOCK // max(1, self.values[:1].nbytes))
        for start in range(0, len(self), step):
            block = self.values[start : start + step]
            block = block.detach().cpu().contiguous().view(torch.uint8) if isinstance(block, Tensor) else block
            digest.update(np.ascontiguousarray(np.asarray(block)).tobytes())
        yield digest.hexdigest()


class Held:
    """An array or tensor in memory."""

    def __init__(self, values: np.ndarray | Tensor) -> None:
        self.values = values

    def open(self) -> np.ndarray | Tensor:
        """The array."""
        return self.values


def open_rows(
    values: np.ndarray | Tensor | Path,
    *,
    key: str | None = None,
    labels: Any = None,
    classes: Sequence[str] | None = None,
    layout: Layout | None = None,
) -> Rows:
    """Samples of an array in memory, of an `.npy`, or of one array of an `.npz`.

    Bytes become pictures, which go through the model's preprocessing; all other numbers are taken as the model takes
    them. An array of an `.npz` brings its labels with it, if they lie beside it: `x` and `y`, `images` and `labels`.

    Args:
        key: which array of an `.npz`; needed where it holds several and none is named like the data.
        labels: one per sample.
        layout: what the axes are; default as the shape says.
    Raises:
        BadInput: no array, no samples, objects, labels that do not fit, or a layout that the shape leaves open.
    """
    notes: list[Text] = []
    source: Source = Held(values) if not isinstance(values, Path) else Stored(values)
    if isinstance(values, Path) and values.suffix.lower() == ".npz":
        key, beside = _chosen(values, key)
        source = Stored(values, key)
        if labels is None and beside is not None:
            labels = Stored(values, beside).open()
            notes.append(Text(f"Labels are '{beside}'.", f"标签取自“{beside}”。", aside=True))
    where = f"'{source}'" if isinstance(source, Stored) else "the array"
    opened = source.open()
    shape = tuple(opened.shape)
    if not shape or 0 in shape:
        raise BadInput(
            Text(f"{_start(where)} holds no samples: its shape is {shape}.", f"{where} 中没有样本：形状为 {shape}。"),
            hint=Text("the first axis counts them", "第一个轴是样本数"),
        )
    if isinstance(opened, np.ndarray):
        as_tensor(opened[:0], where)
    numbers, names = _labels(labels, shape[0], classes, where)
    axes = _layout(shape, str(opened.dtype), layout, where)
    if axes == "NHWC" and layout is None and not str(opened.dtype).endswith("uint8"):
        notes.append(Text(f"The shape {shape} was read with the channels last.", f"形状 {shape} 按通道在后读取。"))
    return Rows(source, numbers, names, axes, tuple(notes), opened=opened)


def _layout(shape: tuple[int, ...], kind: str, asked: Layout | None, where: str) -> Layout:
    if asked is not None:
        if asked not in _LAYOUTS:
            raise BadSetting(
                Text(f"layout={asked!r} is not known.", f"没有 layout={asked!r}。"), nearest=quoted(_LAYOUTS)
            )
        if asked != "N..." and len(shape) != len(asked):
            raise BadInput(
                Text(
                    f"{_start(where)} has the shape {shape}, which is not {asked}.",
                    f"{where} 的形状为 {shape}，不是 {asked}。",
                ),
                nearest=quoted(_LAYOUTS),
            )
        return asked
    is_bytes = kind.endswith("uint8")
    if len(shape) == 3 and is_bytes and min(shape[1:]) >= _SMALLEST_SIDE:
        return "NHW"
    if len(shape) != 4:
        return "N..."
    first, last = shape[1] in (1, 3, 4), shape[3] in (1, 3, 4)
    if first and last:
        raise BadInput(
            Text(
                f"{_start(where)} has the shape {shape}: its channels may be first or last.",
                f"{where} 的形状为 {shape}：通道可能在前，也可能在后。",
            ),
            hint=Text("layout='NCHW' or 'NHWC'", "layout='NCHW' 或 'NHWC'"),
        )
    if first:
        return "NCHW"
    return "NHWC" if last and min(shape[1:3]) >= _SMALLEST_SIDE else "N..."


def _picture(pixels: np.ndarray, layout: Layout) -> Image.Image:
    if layout == "NCHW":
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[-1] not in (3, 4):
        raise BadInput(
            Text(
                f"{pixels.shape[-1]} channels are no picture; a picture has 1, 3 or 4.",
                f"{pixels.shape[-1]} 个通道不是图片；图片有 1、3 或 4 个通道。",
            ),
            hint="layout='N...'",
        )
    return Image.fromarray(np.ascontiguousarray(pixels))


def _chosen(file: Path, key: str | None) -> tuple[str, str | None]:
    found = arrays_in(file)
    told = ", ".join(f"'{name}' {shape} {kind}" for name, (shape, kind) in list(found.items())[:8])
    if not found:
        raise BadInput(
            Text(f"'{file}' holds no arrays.", f"'{file}' 中没有数组。"),
            hint="numpy.savez('x.npz', x=images, y=labels)",
        )
    if key is None:
        named = [name for name in found if name.lower() in ("x", "images", "image", "data", "arr_0")]
        if len(found) > 1 and len(named) != 1:
            raise BadInput(
                Text(f"'{file}' holds several arrays: {told}.", f"'{file}' 中有多个数组：{told}。"),
                hint=f"npz:{file}#{next(iter(found))}",
            )
        key = named[0] if named else next(iter(found))
    if key not in found:
        raise BadInput(Text(f"'{file}' holds no array '{key}'.", f"'{file}' 中没有数组 '{key}'。"), nearest=told)
    swaps = (("images", "labels"), ("image", "label"), ("data", "labels"), ("data", "target"), ("x", "y"), ("X", "y"))
    beside = [key.replace(mine, its, 1) for mine, its in swaps if mine in key]
    count = found[key][0][:1]
    return key, next((one for one in beside if one != key and one in found and found[one][0][:1] == count), None)


def _labels(
    labels: Any, count: int, classes: Sequence[str] | None, where: str
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if labels is None:
        return None, tuple(classes or ())
    values = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (count,):
        raise BadInput(
            Text(
                f"{_start(where)} has {count:,} samples, but the labels have the shape {values.shape}.",
                f"{where} 有 {count:,} 个样本，而标签的形状为 {values.shape}。",
            )
        )
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        raise BadInput(
            Text(f"The labels of {where} are not whole numbers.", f"{where} 的标签不是整数。"),
            hint=Text("labels are classes, counted from 0", "标签是从 0 数起的类别"),
        )
    words = values.tolist() if values.dtype.kind == "U" else values.astype(np.int64).tolist()
    return numbered(words, classes, _start(where))


def _start(where: str) -> str:
    return where[:1].upper() + where[1:]
