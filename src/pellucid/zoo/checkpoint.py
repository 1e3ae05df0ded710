"""Named tensors out of a weights file; no code of the file ever runs."""

import json
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadInput, BadWeights
from pellucid.core.text import Text
from pellucid.inputs.image import as_file

WRAPPERS = ("state_dict", "model", "net", "ema", "model_state_dict", "module", "params", "weights")
_LARGEST_HEADER = 8_000_000
_MOST_TENSORS = 100_000
_SAVE_WEIGHTS = "where the file was made: torch.save(model.state_dict(), 'weights.pth'), and give that file"

Tensors = dict[str, Tensor]


def read_weights(path: str | Path) -> tuple[Tensors, tuple[Text, ...]]:
    """The named tensors of a safetensors file or of one that `torch.save` wrote.

    A checkpoint that wraps them (`{"epoch": 3, "state_dict": ...}`) is unwrapped, with a note.

    Raises:
        BadWeights: missing, damaged, not a weights file, or one that could run code or fill the memory.
    """
    path = Path(path)
    if str(path).startswith(("http:", "https:")):
        raise BadWeights(
            f"'{path}' is an address on the network; nothing is fetched.", hint="download it and give the path"
        )
    try:
        as_file(path)
    except BadInput as error:
        raise BadWeights(error.what, nearest=error.nearest, hint=error.hint) from error
    with path.open("rb") as stream:
        start = stream.read(16)
    if start[:4] == b"PK\x03\x04":
        _refuse_unsafe_zip(path)
        content = _loaded(path, mapped=True)
    elif path.suffix == ".safetensors" or start[8:9] == b"{":
        content = _from_safetensors(path)
    elif start[:1] == b"\x80":
        content = _loaded(path, mapped=False)
    else:
        raise BadWeights(
            f"'{path}' is not a weights file that is read here.", hint="safetensors, or torch.save of a state_dict"
        )
    return _unwrapped(content, path)


def is_torchscript(path: Path) -> bool:
    """Whether the file is a scripted or traced model."""
    return zipfile.is_zipfile(path) and any("/code/" in name or name.endswith("constants.pkl") for name in _names(path))


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _refuse_unsafe_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        raise BadWeights(f"'{path}' is damaged or cut short: {error}.", hint="copy or fetch it again") from error
    names = [entry.filename for entry in entries]
    if is_torchscript(path):
        raise BadWeights(
            f"'{path}' is a TorchScript model: it holds code, not weights alone.",
            hint="torch.save(torch.jit.load(path).state_dict(), 'weights.pth') if you trust it; then name its class",
        )
    if any("archive_format" in name or name.startswith("models/") for name in names):
        raise BadWeights(
            f"'{path}' is an exported program, not weights alone; loading one can run code.", hint=_SAVE_WEIGHTS
        )
    if len(names) > _MOST_TENSORS or len(set(names)) < len(names):
        raise BadWeights(
            f"'{path}' is refused: it holds {len(names):,} entries, {len(names) - len(set(names))} of them twice."
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadWeights(
            f"'{path}' is refused: its entries are compressed, which torch never does and bombs do.", hint=_SAVE_WEIGHTS
        )
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise BadWeights(
            f"'{path}' is refused: its entries claim more bytes than the file has.", hint="copy or fetch it again"
        )


def _loaded(path: Path, *, mapped: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        asked = _asked_for(path, str(error))
        if not asked:
            raise BadWeights(
                f"'{path}' is damaged: {str(error).splitlines()[0]}", hint="copy or fetch it again"
            ) from error
        raise BadWeights(
            f"'{path}' is refused: it is not tensors alone but asks to run {', '.join(asked[:10])}; "
            "a whole model saved by torch.save(model) is code.",
            hint=_SAVE_WEIGHTS,
        ) from error
    except Exception as error:  # damaged bytes make the reader raise almost any class
        raise BadWeights(
            f"'{path}' is damaged or cut short: {str(error).splitlines()[0] if str(error) else error!r}",
            hint="copy or fetch it again",
        ) from error


def _asked_for(path: Path, words: str) -> list[str]:
    try:
        asked = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile):
        asked = []
    return asked or re.findall(r"GLOBAL ([\w.]+)", words)[:1]


def _from_safetensors(path: Path) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > min(_LARGEST_HEADER, path.stat().st_size - 8):
            raise BadWeights(f"'{path}' is refused: its header claims {size:,} bytes.", hint="copy or fetch it again")
        header = stream.read(size)
    if header.count(b'"dtype"') > _MOST_TENSORS:
        raise BadWeights(f"'{path}' is refused: it holds more than {_MOST_TENSORS:,} tensors.")
    try:
        json.loads(header)
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError, KeyError, RecursionError) as error:
        raise BadWeights(f"'{path}' is damaged or cut short: {error}", hint="copy or fetch it again") from error


def _unwrapped(content: Any, path: Path) -> tuple[Tensors, tuple[Text, ...]]:
    notes: list[Text] = []
    for _ in range(3):
        inner = next(
            (key for key in WRAPPERS if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)), None
        )
        if inner is None:
            break
        others = [key for key in WRAPPERS if key != inner and isinstance(content.get(key), Mapping)]
        beside = f"; '{others[0]}' beside it was not used" if others else ""
        notes.append(
            Text(
                f"The weights are those under '{inner}' of the file{beside}.",
                f"使用文件中 '{inner}' 下的权重" + (f"；同级的 '{others[0]}' 未使用。" if others else "。"),
            )
        )
        content = content[inner]
    if not isinstance(content, Mapping):
        raise BadWeights(f"'{path}' holds {type(content).__name__}, not named tensors.", hint=_SAVE_WEIGHTS)
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        some = ", ".join(map(repr, list(content)[:5])) or "nothing"
        raise BadWeights(f"'{path}' holds no tensors by name; it holds {some}.", hint=_SAVE_WEIGHTS)
    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes():
            raise BadWeights(
                f"'{path}' is refused: '{name}' claims {tuple(tensor.shape)}, more than the file stores for it."
            )
    return tensors, tuple(notes)
