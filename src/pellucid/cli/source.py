"""What stands for MODEL, INPUT and labels on the command line, as the library takes them."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadInput, BadSetting
from pellucid.core.text import Text
from pellucid.inputs.image import as_file
from pellucid.inputs.preprocess import preprocess_of
from pellucid.lens.lens import Lens
from pellucid.zoo.opening import open as open_lens

_TENSORS = (".pt", ".pth")


def lens_of(
    model: str,
    weights: str | None = None,
    *,
    preprocess: str | None = None,
    labels: str | None = None,
    device: str | None = None,
    trust_code: bool = False,
    unsafe_pickle: bool = False,
) -> Lens:
    """A lens on the model that the word names; what is given here goes before what its source states.

    Args:
        model: a name or a file.
        weights: a file.
        preprocess: name of a preset.
        labels: a file of class names.
        device: where to look.
        trust_code, unsafe_pickle: what may run code, as `pl.open` has it.
    Raises:
        BadSetting: no such model, preprocessing or device.
        BadWeights: the weights are refused or do not fit.
        BadInput: the file of labels cannot be read.
    """
    given = {
        "preprocess": preprocess and preprocess_of(preprocess),
        "labels": labels and labels_of(Path(labels)),
        "device": device and _device(device),
    }
    known = {name: value for name, value in given.items() if value is not None}
    return open_lens(model, weights=weights, trust=trust_code, unsafe_pickle=unsafe_pickle, **known)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadSetting(
            Text(
                f"There is no device '{name}' here: {str(error).splitlines()[0]}",
                f"此处没有设备 '{name}'：{str(error).splitlines()[0]}",
            ),
            asked_by=f"--device {name}",
            nearest="cpu" + (", cuda" if torch.cuda.is_available() else ""),
        ) from error
    return device


def labels_of(path: Path) -> tuple[str, ...]:
    """Class names: one a line, or a JSON list, or a JSON dict from number to name.

    Raises:
        BadInput: it is none of these.
    """
    try:
        words = as_file(path).read_text(encoding="utf-8")
        held: Any = json.loads(words) if path.suffix == ".json" else words.splitlines()
        if isinstance(held, dict):
            held = [held[key] for key in sorted(held, key=int)]
        names = tuple(str(one[-1] if isinstance(one, list) else one).strip() for one in held)
    except (ValueError, TypeError, IndexError, OSError) as error:
        raise BadInput(
            Text(f"'{path}' holds no class names: {error}", f"'{path}' 中没有类别名：{error}"),
            hint=Text("one name a line, or a JSON list", "每行一个名称，或 JSON 列表"),
        ) from error
    while names and not names[-1]:
        names = names[:-1]
    return names


def input_of(words: Sequence[str], seed: int, *, text: bool = False, pictures: bool = False) -> Any:
    """What the words after MODEL stand for.

    Args:
        words: a picture or text (several: a batch of them), a file of tensors or of text, `random:1x3x224x224`; none
            for None.
        seed: of random input.
        text: whether the model reads text.
        pictures: whether it takes pictures as well; then files are pictures and other words texts.
    Raises:
        BadInput: it cannot be read.
    """
    if not words:
        return None
    if len(words) > 1:
        return [_text(one, pictures=pictures) if text else Path(one) for one in words]
    one = words[0]
    if one.startswith("random:"):
        return _random(one, seed)
    path = Path(one)
    if path.suffix == ".npz":
        return _arrays(path)
    if path.suffix in _TENSORS:
        return _tensors(path)
    if text:
        return _text(one, pictures=pictures)
    return path if _exists(path) else one


def _text(words: str, *, pictures: bool) -> str | Path:
    """A text as it was typed, or that of a file; a picture where the model takes pictures too."""
    path = Path(words)
    if not path.suffix or not _exists(path) or not path.is_file():
        return words  # a word may be the name of a file, too
    if path.suffix.lower() in (".txt", ".md"):
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise BadInput(
                Text(f"'{words}' cannot be read as text: {error}", f"'{words}' 无法作为文本读取：{error}")
            ) from error
    if pictures:
        return path
    raise BadInput(
        Text(f"'{words}' is a file, and this model reads text.", f"'{words}' 是文件，而该模型读取文本。"),
        hint=Text('the text itself, "in quotes", or a .txt file', "文本本身（加引号），或 .txt 文件"),
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text may be too long for a name
        return False


def _random(words: str, seed: int) -> Tensor:
    try:
        sizes = [int(size) for size in words.removeprefix("random:").replace(",", "x").split("x")]
        if min(sizes) < 1:
            raise ValueError
    except ValueError as error:
        raise BadInput(
            Text(f"'{words}' is not a shape.", f"'{words}' 不是形状。"),
            hint=Text(
                "random:1x3x224x224 is a batch of one picture of 224 x 224 in colour",
                "random:1x3x224x224 表示一批中有一张 224 x 224 的彩色图片",
            ),
        ) from error
    if np.prod(sizes, dtype=np.float64) > 1e9:
        raise BadInput(Text(f"'{words}' has more than 1,000,000,000 numbers.", f"'{words}' 超过 1,000,000,000 个数。"))
    return torch.randn(sizes, generator=torch.Generator().manual_seed(seed))


def _arrays(path: Path) -> Any:
    try:
        with np.load(as_file(path), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except BadInput:
        raise
    except Exception as error:  # damaged bytes make the reader raise almost any class
        raise BadInput(
            Text(f"'{path}' cannot be read as arrays: {error}", f"'{path}' 无法作为数组读取：{error}"),
            hint="numpy.savez('x.npz', x)",
        ) from error
    if not held:
        raise BadInput(Text(f"'{path}' holds no arrays.", f"'{path}' 中没有数组。"))
    return next(iter(held.values())) if len(held) == 1 else held


def _tensors(path: Path) -> Any:
    try:
        return torch.load(as_file(path), map_location="cpu", weights_only=True)
    except BadInput:
        raise
    except pickle.UnpicklingError as error:
        raise BadInput(
            Text(
                f"'{path}' is refused: it holds objects besides tensors, and loading those can run code.",
                f"拒绝读取 '{path}'：除张量外还有其他对象，载入它们可能执行代码。",
            ),
            hint=Text(
                "torch.save(tensor, 'x.pt'), or a dict or list of tensors",
                "torch.save(tensor, 'x.pt')，或由张量组成的字典或列表",
            ),
        ) from error
    except Exception as error:  # damaged bytes make the reader raise almost any class
        raise BadInput(
            Text(f"'{path}' cannot be read as tensors: {error}", f"'{path}' 无法作为张量读取：{error}"),
            hint="torch.save(tensor, 'x.pt')",
        ) from error
