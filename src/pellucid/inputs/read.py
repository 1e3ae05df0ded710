"""The one door for everything that a user passes as `x`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pellucid.core.errors import BadInput, BadRequest
from pellucid.core.text import Text
from pellucid.inputs.base import base_of
from pellucid.inputs.call import bound_names, check_count
from pellucid.inputs.check import as_tensor, checked
from pellucid.inputs.frame import is_frame, rows_of
from pellucid.inputs.image import as_file, open_image
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.length import beyond
from pellucid.inputs.named_texts import begun, is_text, numbered, read_alone
from pellucid.inputs.paired import paired, refuse_one_side
from pellucid.inputs.preprocess import Preprocess, misfit, preprocess_of
from pellucid.inputs.taken import PICTURES, TEXTS, WRITTEN, compares, names_of, writes


@dataclass
class _Reading:
    """How to read, and what was learned on the way."""

    preprocess: Preprocess | None
    tokenizer: Any
    features: Sequence[str] | None
    accepts: Callable[..., Any] | None
    notes: list[Text] = field(default_factory=list)
    painted: bool = False
    texts: tuple[str, ...] = ()

    def note(self, words: Text | None) -> None:
        if words is not None and words not in self.notes:
            self.notes.append(words)


def read(
    x: Any,
    *,
    preprocess: Any = None,
    tokenizer: Any = None,
    features: Sequence[str] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    accepts: Callable[..., Any] | None = None,
) -> Inputs:
    """Whatever a user passes as `x`, as the arguments of one call of the model.

    | x | becomes |
    |---|---|
    | tensor, array, list of numbers | one argument, as it is, batch axis included |
    | tuple or list of tensors | that many positional arguments |
    | dict, BatchEncoding | keyword arguments |
    | PIL picture, bytes, `Path`, `str` without a tokenizer | a batch of one picture (a `.npy` file: an array) |
    | list of these | a batch of pictures |
    | `str`, list of `str`, with a tokenizer | what the tokenizer makes of them, as keyword arguments |
    | dict with texts as `input_ids`, `decoder_input_ids`; `text`, `text_pair` | what the tokenizer makes of each |
    | texts and pictures in one list, or dict with `input_ids` and `pixel_values` | both, for models as CLIP |
    | pandas row or table | one argument `(row, feature)` |

    Names of a dict must be parameters of the model's forward. A model whose forward takes one dict is refused with the
    way out (a forward with named inputs), because an input inside a dict could not be explained by name.

    Args:
        preprocess: see `preprocess_of`; needed for pictures, and draws image tensors as the pictures they were.
        tokenizer: called as `tokenizer(texts, return_tensors="pt")`; also names the tokens of integer tensors.
        features: names of the columns, in the order in which the model takes them.
        device: where the model is; every tensor is moved there.
        dtype: the type that all floating parameters of the model share; floating tensors are cast to it, with a note.
        accepts: the model's `forward`, for the names and the number of its parameters.
    Raises:
        BadInput: empty, not finite, no batch axis, unreadable, or nothing that a model takes.
    """
    if isinstance(x, Inputs):
        return x
    reading = _Reading(None if preprocess is None else preprocess_of(preprocess), tokenizer, features, accepts)
    try:
        args, kwargs = _arguments(x, reading)
        args, kwargs = _by_name(args, kwargs, accepts)
        refuse_one_side(kwargs, accepts)
        kwargs, told = begun(kwargs, accepts)
        for note in (*told, *beyond(kwargs, accepts)):
            reading.note(note)
        alone = sum(isinstance(value, Tensor) for value in (*args, *kwargs.values())) == 1

        def ready(name: str, value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            moved, note = checked(
                value, "x" if alone else f"x[{name}]", alone=alone, device=torch.device(device), dtype=dtype
            )
            reading.note(note)
            return moved

        inputs = Inputs(
            tuple(ready(str(i), value) for i, value in enumerate(args)),
            {key: ready(repr(key), value) for key, value in kwargs.items()},
        )
        if not inputs.tensors:
            raise BadInput(
                Text("There is no tensor among the inputs.", "输入中没有张量。"),
                hint=Text("pass at least one tensor with a leading batch axis", "请至少传入一个以批轴开头的张量"),
            )
        inputs = Inputs(inputs.args, inputs.kwargs, _bases(inputs, reading), notes=tuple(reading.notes))
        return paired(inputs, reading.texts) if compares(accepts) else inputs
    except BadRequest as error:
        error.asked_by = error.asked_by or f"x = {_summary(x)}"
        raise


def _bases(inputs: Inputs, reading: _Reading) -> dict[str, Any]:
    bases = {}
    for name in inputs.explained:
        tensor = inputs.tensors[name]
        _refuse_missing_batch_axis(tensor, reading)
        bases[name], notes = base_of(
            tensor, preprocess=reading.preprocess, tokenizer=reading.tokenizer, features=reading.features
        )
        for note in notes:
            reading.note(note)
        if reading.preprocess is not None and not reading.painted and tensor.is_floating_point():
            reading.note(misfit(tensor, reading.preprocess))
    written = inputs.tensors.get(WRITTEN)
    if written is not None and WRITTEN not in bases and not written.is_floating_point():
        bases[WRITTEN], _ = base_of(written, tokenizer=reading.tokenizer)
    return bases


def _arguments(x: Any, reading: _Reading) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(x, str) and reading.tokenizer is not None:
        return _texts(x, reading)
    if isinstance(x, Mapping):
        return (), _mapped(x, reading)
    if is_frame(x):
        values, names = rows_of(x, reading.features)
        reading.features = names
        return (torch.from_numpy(values),), {}
    if isinstance(x, (tuple, list)):
        return _several(x, reading)
    one = _leaf(x, "x", reading)
    if not isinstance(one, Tensor):
        raise BadInput(
            Text(
                f"x is {type(x).__name__}, which is nothing that a model takes.",
                f"x 是 {type(x).__name__}，模型不接受这种输入。",
            ),
            hint=Text(
                "a tensor or array, a tuple or dict of them, a picture, a path, a text, or a pandas row",
                "张量或数组、由它们组成的元组或字典、图片、路径、文本，或 pandas 的行",
            ),
        )
    return (one,), {}


def _texts(x: str | Sequence[str], reading: _Reading) -> tuple[tuple[Any, ...], dict[str, Any]]:
    reading.texts = (x,) if isinstance(x, str) else tuple(x)
    return (), _named(read_alone(x, reading.tokenizer, reading.accepts), reading, made_by_tokenizer=True)


def _mapped(x: Mapping[Any, Any], reading: _Reading) -> dict[str, Any]:
    """Named inputs, among which texts and pictures may stand as people have them."""
    values: dict[str, Any] = {str(key): value for key, value in x.items()}
    if PICTURES in values and not hasattr(values[PICTURES], "ndim"):
        pictures = values[PICTURES]
        values[PICTURES] = _pictures(pictures if isinstance(pictures, (list, tuple)) else [pictures], reading)
    texts: Any = values.get(TEXTS)
    reading.texts = () if not is_text(texts) else (texts,) if isinstance(texts, str) else tuple(texts)
    written = numbered(values, reading.tokenizer, reading.accepts)
    made = {key: _leaf(value, f"x[{key!r}]", reading) for key, value in (written or values).items()}
    return _named(made, reading, made_by_tokenizer=written is not None or type(x).__name__ == "BatchEncoding")


def _by_name(
    args: tuple[Any, ...], kwargs: dict[str, Any], accepts: Callable[..., Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """One input by its name, where the forward takes several: a picture is not the text that comes first."""
    names = names_of(accepts)
    if len(args) != 1 or kwargs or not isinstance(args[0], Tensor):
        return args, kwargs
    if PICTURES in names[1:] and args[0].is_floating_point() and args[0].ndim == 4:
        return (), {PICTURES: args[0]}
    return ((), {names[0]: args[0]}) if writes(accepts) else (args, kwargs)


def _several(x: Sequence[Any], reading: _Reading) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not x:
        raise BadInput(Text("The batch is empty: 0 examples.", "批是空的：0 个样本。"))
    if reading.tokenizer is not None and is_text(x):
        return _texts(x, reading)
    if reading.tokenizer is not None and PICTURES in names_of(reading.accepts) and all(map(_is_picture, x)):
        texts, pictures = ([one for one in x if isinstance(one, str) is text] for text in (True, False))
        if texts:
            return (), _mapped({TEXTS: texts, PICTURES: pictures}, reading)
    if all(_is_picture(one) for one in x):
        return (_pictures(x, reading),), {}
    if all(isinstance(one, (int, float, list)) for one in x):
        try:
            return (as_tensor(np.array(x), "x"),), {}
        except ValueError as error:
            raise BadInput(Text("The lists of numbers are not all equally long.", "各数列的长度不同。")) from error
    args = tuple(_leaf(value, f"x[{i}]", reading) for i, value in enumerate(x))
    check_count(args, reading.accepts)
    return args, {}


def _named(values: dict[str, Any], reading: _Reading, *, made_by_tokenizer: bool) -> dict[str, Any]:
    if not values:
        raise BadInput(Text("The dict of inputs is empty.", "输入的字典是空的。"))
    taken, dropped = bound_names(values, reading.accepts, may_drop=made_by_tokenizer)
    if dropped:
        names = ", ".join(dropped)
        reading.note(Text(f"The model takes no {names}; left out.", f"模型不接收 {names}，已略去。"))
    first = [name for name in taken if name == "input_ids"]
    return {name: values[name] for name in [*first, *(name for name in taken if name not in first)]}


def _leaf(value: Any, where: str, reading: _Reading) -> Any:
    """A tensor where `value` is one, an array or a picture; anything else as it is."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (Image.Image, Path, bytes)) or (isinstance(value, str) and where == "x"):
        return _file_or_picture(value, reading)
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        return as_tensor(np.asarray(value), where)
    return as_tensor(np.asarray(value), where) if where == "x" and isinstance(value, (int, float)) else value


def _is_picture(value: Any) -> bool:
    return isinstance(value, (Image.Image, Path, bytes, str))


def _file_or_picture(value: Any, reading: _Reading) -> Tensor:
    if isinstance(value, (str, Path)) and Path(value).suffix.lower() == ".npy":
        path = as_file(Path(value))
        try:
            return as_tensor(np.load(path, mmap_mode="r", allow_pickle=False), f"'{path}'")
        except (ValueError, OSError, EOFError) as error:
            raise BadInput(
                Text(f"'{path}' is not an array that can be read: {error}", f"'{path}' 不是可读取的数组：{error}")
            ) from error
    return _pictures([value], reading)


def _pictures(sources: Sequence[Any], reading: _Reading) -> Tensor:
    for source in sources:
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            raise BadInput(
                Text(
                    f"'{source}' is an address on the network; nothing is fetched.",
                    f"'{source}' 是网络地址；不会下载任何内容。",
                ),
                hint=Text("download the file and pass its path", "请先下载文件，再传入路径"),
            )
        if isinstance(source, (str, Path)):
            _readable_file(source, reading)
        elif source == b"":
            raise BadInput(Text("The picture is empty: 0 bytes.", "图片是空的：0 字节。"))
    if reading.preprocess is None:
        raise BadInput(
            Text(
                "A picture needs the model's preprocessing, and none is stated.",
                "图片需要模型的预处理，而没有声明预处理。",
            ),
            hint=Text(
                "pl.Lens(model, preprocess=…) with (1) an object: pl.Preprocess(…), torchvision transforms or a timm "
                "data config, (2) a name: 'imagenet', 'efficientnet_lite', 'cifar10', or (3) open the model with "
                "pl.open, which states its own",
                "pl.Lens(model, preprocess=…)，可取 (1) 对象：pl.Preprocess(…)、torchvision transforms "
                "或 timm 数据配置，(2) 名称：'imagenet'、'efficientnet_lite'、'cifar10'，"
                "或 (3) 用 pl.open 打开模型，它自带预处理",
            ),
        )
    made = []
    for source in sources:
        picture, notes = open_image(source)
        as_given = reading.preprocess.by is not None and isinstance(source, Image.Image)
        made.append(reading.preprocess(source if as_given else picture))
        for note in notes:
            reading.note(note)
    if len({one.shape for one in made}) > 1:
        sizes = ", ".join(sorted({f"{one.shape[-2]} x {one.shape[-1]}" for one in made}))
        raise BadInput(
            Text(
                f"The pictures of the batch differ in size after preprocessing: {sizes}.",
                f"这批图片在预处理之后大小不同：{sizes}。",
            ),
            hint=Text("state size= in the preprocessing", "请在预处理中声明 size="),
        )
    reading.painted = True
    return torch.cat(made)


def _readable_file(source: str | Path, reading: _Reading) -> None:
    try:
        as_file(Path(source))
    except (BadInput, OSError, ValueError) as error:
        if isinstance(source, str) and reading.tokenizer is None and _like_a_text(source):
            raise BadInput(
                Text(
                    f"'{source[:60]}' is not a file, and without a tokenizer it cannot be a text.",
                    f"'{source[:60]}' 不是文件；没有分词器，也不能作为文本。",
                ),
                hint="pl.Lens(model, tokenizer=…)",
            ) from error
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            Text(f"'{str(source)[:60]}' is not a path: {error}.", f"'{str(source)[:60]}' 不是路径：{error}。")
        ) from error


def _like_a_text(source: str) -> bool:
    """Whether a string that names no file is rather a text than a path: words, or no ending and no folder."""
    return " " in source or len(source) > 255 or not ({"/", "\\"} & set(source) or Path(source).suffix)


def _refuse_missing_batch_axis(x: Tensor, reading: _Reading) -> None:
    if x.ndim != 3:
        return
    shape = tuple(x.shape)
    if x.dtype == torch.uint8 and shape[2] in (1, 3, 4):
        raise BadInput(
            Text(
                f"An array of bytes {shape} looks like a picture with its channels last.",
                f"字节数组 {shape} 看起来是通道在最后的图片。",
            ),
            hint=Text(
                "PIL.Image.fromarray(x) goes through the preprocessing; arrays are taken as the model takes them",
                "PIL.Image.fromarray(x) 会经过预处理；数组则原样交给模型",
            ),
        )
    if reading.preprocess is not None and shape[0] == reading.preprocess.channels and min(shape[1:]) >= 8:
        raise BadInput(
            Text(
                f"The input {shape} has no batch axis: the model takes pictures (batch, channel, height, width).",
                f"输入 {shape} 没有批轴：模型接受的图片为 (batch, channel, height, width)。",
            ),
            hint="x[None]",
        )


def _summary(x: Any) -> str:
    if isinstance(x, (Tensor, np.ndarray)):
        return f"{type(x).__name__} {x.dtype} {tuple(x.shape)}"
    if isinstance(x, (tuple, list)):
        inside = ", ".join(_summary(one) for one in x[:3])
        return f"{type(x).__name__} of {len(x)}" + (f": {inside}" if x else "")
    if isinstance(x, Mapping):
        return "{" + ", ".join(f"{key!r}: {_summary(value)}" for key, value in list(x.items())[:4]) + "}"
    if is_frame(x):
        return f"{type(x).__name__} {x.shape}"
    text = repr(x)
    return text if len(text) <= 80 else text[:77] + "..."
