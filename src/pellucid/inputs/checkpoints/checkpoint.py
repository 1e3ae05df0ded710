"""Named tensors out of a weights file; no code of the file runs unless that was asked for."""

import json
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadWeights
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import SAVE_WEIGHTS, kind_of, refuse_unsafe_zip, safetensors_header
from pellucid.inputs.checkpoints.inert import INERT, NAMES
from pellucid.inputs.checkpoints.sharded import shards_of
from pellucid.inputs.checkpoints.wrapping import Tensors, chosen, told, weight_sets

UNPICKLED = Text(
    "The weights file was unpickled, which can run any code.",
    "权重文件经 unpickle 读取，可能执行任意代码。",
    aside=True,
)
_RESAVE = (
    "state = pickle.load(open(path, 'rb')); "
    "torch.save({name: torch.as_tensor(one) for name, one in state.items()}, 'weights.pth')"
)


_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # the number with which torch.save begins, when it writes no zip
_LOOKED_AT = 64


def read_weights(path: str | Path) -> tuple[Tensors, tuple[Text, ...]]:
    """The named tensors of a safetensors file, of an index of shards, or of a file that `torch.save` wrote.

    A checkpoint that wraps them (`{"epoch": 3, "state_dict": ...}`) is unwrapped, with a note.

    Raises:
        BadWeights: missing, damaged, not a weights file, or one that could run code or fill the memory.
    """
    sets = read_sets(path)
    key = next(iter(sets))
    return sets[key], told(key, sets)


def read_sets(path: str | Path, *, unsafe_pickle: bool = False) -> dict[str, Tensors]:
    """The sets of named tensors in a file by the keys under which they lie, likely ones first.

    Args:
        path: the file; `FILE#KEY` takes the set under that key alone.
        unsafe_pickle: whether a file may be unpickled that holds more than tensors; its code then runs.
    Raises:
        BadWeights: see `read_weights`; or there is nothing under KEY.
    """
    file, key = split_key(path)
    return chosen(weight_sets(content_of(file, unsafe_pickle=unsafe_pickle), str(file)), key, str(file))


def split_key(path: str | Path) -> tuple[Path, str]:
    """File and key of `FILE#KEY`; a file that is called so is meant literally."""
    file, _, key = str(path).rpartition("#")
    return (Path(path), "") if not file or Path(path).is_file() else (Path(file), key)


def content_of(path: Path, *, unsafe_pickle: bool = False, device: str = "cpu") -> Any:
    """What a weights file holds.

    Args:
        path: the file.
        unsafe_pickle: see `read_sets`.
        device: where tensors go; "meta" loads none of them, for shapes alone.
    Raises:
        BadWeights: see `read_weights`.
    """
    kind = kind_of(path)
    if kind == "zip":
        refuse_unsafe_zip(path)
        return _loaded(path, device, unsafe_pickle=unsafe_pickle, mapped=device == "cpu")
    if kind == "safetensors":
        return _from_safetensors(path)
    if kind == "pickle":
        _refuse_bare_pickle(path)
        return _loaded(path, device, unsafe_pickle=unsafe_pickle, mapped=False)
    if kind == "index":
        return _merged(path)
    if kind == "script":
        raise BadWeights(
            Text(
                f"'{path}' is a TorchScript model: it holds code, not weights alone.",
                f"'{path}' 是 TorchScript 模型：其中有代码，不只是权重。",
            ),
            hint=Text(
                "torch.save(torch.jit.load(path).state_dict(), 'weights.pth') if you trust it; then name its class",
                "若信任它：torch.save(torch.jit.load(path).state_dict(), 'weights.pth')，再指明网络的类",
            ),
        )
    if kind == "exported":
        raise BadWeights(
            Text(
                f"'{path}' is an exported program, not weights alone; loading one can run code.",
                f"'{path}' 是导出的程序，不只是权重；载入它可能会执行代码。",
            ),
            hint=SAVE_WEIGHTS,
        )
    if kind == "onnx":
        raise BadWeights(
            Text(
                f"'{path}' is an ONNX file: a network with its weights, not weights alone.",
                f"'{path}' 是 ONNX 文件：网络及其权重，不只是权重。",
            ),
            hint=Text(
                "open it in place of the model: pellucid see model.onnx", "请以它代替模型打开：pellucid see model.onnx"
            ),
        )
    raise BadWeights(
        Text(f"'{path}' is not a weights file that is read here.", f"'{path}' 不是此处能读取的权重文件。"),
        hint=Text("safetensors, or torch.save of a state_dict", "safetensors，或由 torch.save 保存的 state_dict"),
    )


def _loaded(path: Path, device: str, *, unsafe_pickle: bool, mapped: bool) -> Any:
    try:
        with torch.serialization.safe_globals(list(INERT)), path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's own words on how it was saved
            # by its path torch reads a file as its ending says; the bytes go before that
            return torch.load(
                path if mapped and path.suffix != ".safetensors" else stream,
                map_location=device,
                weights_only=True,
                mmap=mapped and path.suffix != ".safetensors",
            )
    except pickle.UnpicklingError as error:
        asked = _asked_for(path, str(error))
        if not asked:
            raise BadWeights(
                Text(
                    f"'{path}' is damaged: {str(error).splitlines()[0]}",
                    f"'{path}' 已损坏：{str(error).splitlines()[0]}",
                ),
                hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
            ) from error
        if unsafe_pickle:
            return _unpickled(path, device)
        raise _asks_to_run(path, asked) from error
    except Exception as error:  # damaged bytes make the reader raise almost any class
        raise BadWeights(
            Text(
                f"'{path}' is damaged or cut short: {str(error).splitlines()[0] if str(error) else error!r}",
                f"'{path}' 已损坏或不完整：{str(error).splitlines()[0] if str(error) else error!r}",
            ),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error


def _refuse_bare_pickle(path: Path) -> None:
    """A pickle that `torch.save` did not write, such as `pickle.dump` of a dict of arrays.

    Raises:
        BadWeights: it is one.
    """
    with path.open("rb") as stream:
        written = _MAGIC in stream.read(_LOOKED_AT)
    if not written:
        raise BadWeights(
            Text(
                f"'{path}' is refused: it is a pickle that torch.save did not write, and reading it can run any code.",
                f"拒绝读取 '{path}'：它是 pickle，但不是 torch.save 写的，读取它可能执行任意代码。",
            ),
            hint=Text(f"if you trust it: {_RESAVE}", f"若信任它：{_RESAVE}"),
        )


def _asks_to_run(path: Path, asked: list[str]) -> BadWeights:
    trusted = Text(
        "if you trust its author as you trust code, unsafe_pickle=True (--unsafe-pickle)",
        "若像信任代码一样信任其作者，unsafe_pickle=True（--unsafe-pickle）",
    )
    if all(one.startswith("numpy.") for one in asked):
        return BadWeights(
            Text(
                f"'{path}' is refused: it holds arrays of NumPy, not tensors alone; to read them {asked[0]} would run.",
                f"拒绝读取 '{path}'：其中有 NumPy 数组，不只是张量；读取它们会运行 {asked[0]}。",
            ),
            hint=Text(
                f"where the file was made: torch.save with torch.as_tensor of each array; or, {trusted}",
                f"请在生成该文件之处对每个数组用 torch.as_tensor 再 torch.save；或者，{trusted.zh}",
            ),
        )
    return BadWeights(
        Text(
            f"'{path}' is refused: it is not tensors alone but asks to run {', '.join(sorted(asked)[:10])}; "
            "a whole model saved by torch.save(model) is code.",
            f"拒绝读取 '{path}'：它不只是张量，还要求运行 {'、'.join(sorted(asked)[:10])}；"
            "由 torch.save(model) 保存的整个模型就是代码。",
        ),
        hint=Text(f"{SAVE_WEIGHTS}; or, {trusted}", f"{SAVE_WEIGHTS.zh}；或者，{trusted.zh}"),
    )


def _unpickled(path: Path, device: str) -> Any:
    try:
        return torch.load(path, map_location=device, weights_only=False)
    except ModuleNotFoundError as error:
        raise BadWeights(
            Text(
                f"'{path}' needs the code that it was saved with: {error}.",
                f"'{path}' 需要保存它时所用的代码：{error}。",
            ),
            hint=Text("install it, or set PYTHONPATH", "请安装它，或设置 PYTHONPATH"),
        ) from error
    except Exception as error:  # any code may raise anything
        raise BadWeights(
            Text(
                f"'{path}' cannot be unpickled: {type(error).__name__}: {error}",
                f"无法反序列化 '{path}'：{type(error).__name__}: {error}",
            )
        ) from error


def _asked_for(path: Path, words: str) -> list[str]:
    try:
        asked = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile):
        asked = []
    return [one for one in asked if one not in NAMES] or re.findall(r"GLOBAL ([\w.]+)", words)[:1]


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = safetensors_header(path)
    try:
        json.loads(header)
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError, KeyError, RecursionError) as error:
        raise BadWeights(
            Text(f"'{path}' is damaged or cut short: {error}", f"'{path}' 已损坏或不完整：{error}"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error


def _merged(index: Path) -> dict[str, Tensor]:
    """The tensors of all shards, each from the file that the index names for it."""
    held: dict[str, Tensor] = {}
    for file, names in shards_of(index).items():
        sets = weight_sets(content_of(file), str(file))
        tensors = next(iter(sets.values()))
        lacking = [name for name in names if name not in tensors]
        if lacking:
            raise BadWeights(
                Text(
                    f"'{file}' lacks '{lacking[0]}', which '{index.name}' says is in it.",
                    f"'{file}' 缺少 '{lacking[0]}'，而 '{index.name}' 说它在其中。",
                ),
                hint=Text("fetch all files again", "请重新下载全部文件"),
            )
        held.update({name: tensors[name] for name in names})
    return held
