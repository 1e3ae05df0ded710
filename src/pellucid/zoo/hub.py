"""Files that the libraries' own hubs hold: fetched where they are asked for by name, never otherwise."""

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

import torch

from pellucid.core.errors import BadWeights
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.checkpoint import content_of

_HASH = re.compile(r"-([a-f0-9]{8,})\.")
# What a model folder needs; programs, other frameworks' weights and training logs stay where they are.
_PARTS = ("*.json", "*.txt", "*.model", "*.safetensors")
_PICKLED = ("pytorch_model*.bin",)


def checkpoint_at(url: str, library: str) -> Path:
    """The file of an address, out of torch's own folder of checkpoints, fetched into it if it is not there.

    The name's hash is checked, and the file is read as tensors alone before any library reads it.

    Args:
        url: where it is.
        library: whose weights they are, for the error.
    Raises:
        BadWeights: it cannot be fetched, is another file, or holds more than tensors.
    """
    name = PurePosixPath(urlparse(url).path).name
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not file.is_file():
        found = _HASH.search(name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), found[1] if found else None, progress=False)
        except (OSError, RuntimeError, ValueError) as error:  # no network, no such file, another hash
            hint = f"fetch {url} on a machine with a network, then weights='{name}'"
            raise unreachable(f"{library}'s file '{name}'", error, hint) from error
    content_of(file)
    return file


def folder_at(name: str) -> Path:
    """The folder of a model of the Hugging Face hub: that of its cache, fetched into it if it is not there.

    Safetensors are taken; pickled weights only where there are no others. Code is left where it is.

    Args:
        name: `owner/name`.
    Raises:
        BadWeights: it cannot be fetched.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise unreachable(f"'{name}' of the Hugging Face hub", error, "pip install 'pellucid[text]'") from error

    def taken(parts: tuple[str, ...], **how: Any) -> Path:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=list(parts), **how))

    def has_weights(folder: Path) -> bool:
        return any([*folder.glob("*.safetensors"), *folder.glob(_PICKLED[0])])

    try:
        cached = taken((*_PARTS, *_PICKLED), local_files_only=True)
        if has_weights(cached):
            return cached
    except Exception:  # noqa: BLE001, S110 - the hub's library has many classes for "not in the cache"
        pass
    try:
        folder = taken(_PARTS)
        return folder if has_weights(folder) else taken((*_PARTS, *_PICKLED))
    except Exception as error:  # the network, the hub and its library fail in many classes
        last = name.rpartition("/")[2]
        hint = f"on a machine with a network: hf download {name} --local-dir {last}; then hf:{last} here"
        raise unreachable(f"'{name}' of the Hugging Face hub", error, hint) from error


def unreachable(what: str, error: BaseException, hint: str) -> BadWeights:
    """The error for what a hub did not give."""
    cause: BaseException | None = error
    while cause is not None and not str(cause).strip():
        cause = cause.__cause__
    said = " ".join(str(cause or error).split()) or type(error).__name__
    said = re.sub(r"^<urlopen error (.*)>$", r"\1", said)
    first = re.split(r"(?<=\w)[.:]\s", said, maxsplit=1)[0]
    return BadWeights(
        Text(f"{what} cannot be fetched: {first[:200].rstrip('.')}.", f"无法下载 {what}：{first[:200].rstrip('.')}。"),
        hint=hint,
    )
