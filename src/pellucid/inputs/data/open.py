"""The one door for data sets: words such as `folder:DIR`, or an object."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.core.errors import BadInput, BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.data.data import Data, Reader
from pellucid.inputs.data.folder import open_folder
from pellucid.inputs.data.hugging_face import open_hugging_face
from pellucid.inputs.data.items import Unpack, open_items
from pellucid.inputs.data.lines import open_lines
from pellucid.inputs.data.listed import open_list
from pellucid.inputs.data.noise import open_noise
from pellucid.inputs.data.released import open_cifar10, open_cifar100
from pellucid.inputs.data.rows import Layout, open_rows
from pellucid.inputs.frame import is_frame
from pellucid.inputs.image import MAX_PIXELS

KINDS = {
    "folder": "folder:DIR",
    "list": "list:FILE.csv or FILE.jsonl",
    "npy": "npy:FILE",
    "npz": "npz:FILE#KEY",
    "cifar10": "cifar10:DIR#test",
    "cifar100": "cifar100:DIR#test",
    "hf": "hf:DIR#SPLIT",
    "text": "text:FILE",
    "noise": "noise:N#SHAPE",
}
_WORDS = re.compile(r"([A-Za-z][A-Za-z0-9_]+):(.*)", re.DOTALL)
_BY_SUFFIX = {
    ".csv": "list",
    ".tsv": "list",
    ".jsonl": "list",
    ".ndjson": "list",
    ".npy": "npy",
    ".npz": "npz",
    ".txt": "text",
}
_Settings = dict[str, Any]


def open_data(
    source: Any,
    *,
    classes: Sequence[str] | None = None,
    labels: Any = None,
    layout: Layout | None = None,
    unpack: Unpack | None = None,
    max_pixels: int = MAX_PIXELS,
    exif: bool = True,
    hash_data: bool = False,
    follow_symlinks: bool = False,
    allow_absolute: bool = False,
) -> Data:
    """A data set.

    | source | a sample is |
    |---|---|
    | `folder:DIR`, or the path of a folder | a picture; its class is the first folder it lies in, if all lie in one |
    | `list:FILE.csv`, `.tsv`, `.jsonl` | a row: `path,label` (a picture, or an array in `.npy`) or `text,label` |
    | `npy:FILE`, `npz:FILE#KEY` | a row of the array |
    | `cifar10:DIR#test`, `cifar100:DIR#test`, `cifar100:DIR#test-groups` | a picture of the release |
    | `hf:DIR#SPLIT` | a row of a saved Hugging Face data set |
    | `text:FILE` | a line |
    | `noise:N`, `noise:N#3x224x224,sd=0.5,seed=1` | white noise as the model takes it, without preprocessing |
    | an array or tensor | a row |
    | a map-style `Dataset`, a list | an item: `x`, `(x, label)`, or a dict of named inputs with `label` and `id` |
    | `Data` | as it is |

    Args:
        classes: names of the classes in the order of the model's output; labels that are names are numbered by them.
        labels: of arrays, one per row.
        layout: of arrays, what the axes are.
        unpack: of objects, makes `(x, label)` of an item.
        max_pixels: larger pictures are refused.
        exif: turn pictures as their EXIF orientation says.
        hash_data: let the fingerprint cover every byte.
        follow_symlinks: of folders, follow links that lead out.
        allow_absolute: of lists, let paths lead out of the list's folder.
    Raises:
        BadInput: there is no such data set, it is empty, or its list cannot be read. A single sample that cannot be
            read raises nothing here, nor later.
        BadSetting: a setting that this kind of source does not have.
    """
    if isinstance(source, Data):
        return source
    given: _Settings = {"classes": classes, "labels": labels, "layout": layout, "unpack": unpack}
    given |= {"follow_symlinks": follow_symlinks or None, "allow_absolute": allow_absolute or None}
    given = {name: value for name, value in given.items() if value is not None}
    if isinstance(source, (str, Path)):
        kind, place, part = _parsed(source)
        said = f"{kind}:{place}" + (f"#{part}" if part else "")
        reader = _WAYS[kind](place, part, _Taken(given, said))
    else:
        said = f"{type(source).__name__} in memory"
        reader = _of_object(source, _Taken(given, said))
    return Data(reader, said, max_pixels, exif, hash_data)


class _Taken:
    """Settings that a kind of source takes; the others are refused."""

    def __init__(self, given: _Settings, said: str) -> None:
        self.given, self.said = given, said

    def only(self, *names: str) -> _Settings:
        left = [name for name in self.given if name not in names]
        if left:
            raise BadSetting(
                Text(f"{self.said} takes no {left[0]}=.", f"{self.said} 没有 {left[0]}=。"),
                nearest=", ".join(f"{name}=" for name in names),
            )
        return self.given


def _parsed(source: str | Path) -> tuple[str, Path, str | None]:
    words = str(source)
    match = None if isinstance(source, Path) or Path(words).exists() else _WORDS.fullmatch(words)
    if match is None:
        return _guessed(Path(words)), Path(words), None
    kind, place = match.groups()
    if kind == "py":
        raise BadInput(
            Text(
                f"'{words}' names code; only the command line runs code by its name.",
                f"'{words}' 指向代码；只有命令行按名称运行代码。",
            ),
            hint=Text("make the Dataset and pass the object itself", "请建立 Dataset 并传入该对象"),
        )
    if kind not in KINDS:
        raise BadInput(
            Text(f"'{kind}:' is no kind of data set.", f"'{kind}:' 不是数据集的种类。"),
            nearest=quoted(f"{one}:" for one in nearest_names(kind, KINDS)),
            hint=", ".join(KINDS.values()),
        )
    if not place:
        wanted = "number of samples" if kind == "noise" else "place"
        raise BadInput(
            Text(f"'{words}' names no {wanted}.", f"'{words}' 没有指明{'样本数' if kind == 'noise' else '位置'}。"),
            hint=KINDS[kind],
        )
    part = None
    if "#" in KINDS[kind] and "#" in place and not Path(place).exists():
        place, _, part = place.rpartition("#")
    return kind, Path(place), part or None


def _guessed(path: Path) -> str:
    if path.is_dir():
        saved = ("state.json", "dataset_dict.json")
        return "hf" if any((path / name).is_file() for name in saved) else "folder"
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    raise BadInput(
        Text(
            f"What kind of data set '{path}' is cannot be told" + ("." if path.exists() else "; it does not exist."),
            f"无法判断 '{path}' 是哪种数据集" + ("。" if path.exists() else "；它不存在。"),
        ),
        hint=", ".join(KINDS.values()),
    )


def _cifar100(place: Path, part: str | None, taken: _Taken) -> Reader:
    split, _, kind = (part or "train").partition("-")
    if kind not in ("", "groups"):
        raise BadInput(
            Text(f"CIFAR-100 has no part '{part}'.", f"CIFAR-100 没有部分 '{part}'。"),
            nearest="'train', 'test', 'train-groups', 'test-groups'",
        )
    return open_cifar100(place, split=split, groups=bool(kind), **taken.only("classes"))


_WAYS: dict[str, Callable[[Path, str | None, _Taken], Reader]] = {
    "folder": lambda place, _, taken: open_folder(place, **taken.only("classes", "follow_symlinks")),
    "list": lambda place, _, taken: open_list(place, **taken.only("classes", "allow_absolute")),
    "npy": lambda place, _, taken: open_rows(_as(place, ".npy"), **taken.only("classes", "labels", "layout")),
    "npz": lambda place, part, taken: open_rows(
        _as(place, ".npz"), key=part, **taken.only("classes", "labels", "layout")
    ),
    "cifar10": lambda place, part, taken: open_cifar10(place, split=part or "train", **taken.only("classes")),
    "cifar100": _cifar100,
    "hf": lambda place, part, taken: open_hugging_face(place, split=part, **taken.only()),
    "text": lambda place, _, taken: open_lines(place, **taken.only()),
    "noise": lambda place, part, taken: open_noise(str(place), part, **taken.only()),
}


def _as(place: Path, suffix: str) -> Path:
    if place.suffix.lower() != suffix:
        raise BadInput(
            Text(f"'{place}' does not end in {suffix}.", f"'{place}' 不以 {suffix} 结尾。"), hint=KINDS[suffix[1:]]
        )
    return place


def _of_object(source: Any, taken: _Taken) -> Reader:
    if isinstance(source, (np.ndarray, Tensor)):
        return open_rows(source, **taken.only("classes", "labels", "layout"))
    if is_frame(source):
        raise BadInput(
            Text("A table is no data set by itself.", "表本身不是数据集。"),
            hint=Text("table[features].to_numpy('float32') is one", "table[features].to_numpy('float32') 才是"),
        )
    if isinstance(source, (bytes, dict, Iterator)):
        kind = type(source).__name__
        raise BadInput(
            Text(f"A data set cannot be made of {kind}.", f"无法由 {kind} 得到数据集。"),
            hint=Text("a list, an array, a map-style Dataset, or words", "列表、数组、map 式的 Dataset，或文字"),
        )
    if isinstance(source, tuple) and any(isinstance(one, (np.ndarray, Tensor)) for one in source):
        raise BadInput(
            Text("A tuple of arrays is no data set.", "由数组组成的元组不是数据集。"),
            hint=Text("pl.data(x, labels=y), or a list of samples", "pl.data(x, labels=y)，或样本的列表"),
        )
    return open_items(source, **taken.only("classes", "unpack"))


data = open_data  # the public name is pl.data
