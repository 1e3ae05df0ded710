"""What the result of a sweep depends on, as plain values that are the same in every process."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import PIL
import torch

from pellucid.engine.looker import Looker
from pellucid.inputs.preprocess import Preprocess
from pellucid.lens.feed import Feed
from pellucid.lens.provenance import Origin, versions

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def facts_of(feed: Feed, origin: Origin, looker: Looker, seed: int) -> dict[str, Any]:
    """What of data, model and machine the result of a sweep depends on."""
    held = [*looker.parameters.values(), *looker.model.buffers()]
    device = held[0].device if held else torch.device("cpu")
    prepared = feed.preparation
    return {
        "data": feed.data.fingerprint,
        "data is told apart by": feed.data.fingerprint_covers,
        "model": type(looker.model).__name__,
        "architecture": _digest(_still(looker.model)),
        "weights": origin.weights,
        "preprocessing": None if prepared.preprocess is None else _preprocessing(prepared.preprocess),
        "tokenizer": None if prepared.tokenizer is None else _tokenizer(prepared.tokenizer),
        "numbers": str(prepared.dtype),
        "precision": _precision(device),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "seed": seed,
        "versions": {**versions(), "pillow": PIL.__version__},
    }


def _preprocessing(preprocess: Preprocess) -> list[str]:
    return [_still(preprocess), *([] if preprocess.by is None else [_function(preprocess.by)])]


def _function(function: Callable[..., Any]) -> str:
    """How a function is shown, and what its own lines say; what it calls is not looked into."""
    code = getattr(function, "__code__", None)
    lines = "" if code is None else _digest(f"{code.co_code.hex()} {code.co_names} {_still(code.co_consts)}")
    return f"{_still(function)} {lines}".strip()


def _tokenizer(tokenizer: Any) -> list[str]:
    vocabulary = getattr(tokenizer, "get_vocab", None)
    words = json.dumps(vocabulary(), sort_keys=True, default=str) if callable(vocabulary) else ""
    settings = [f"{name}={getattr(tokenizer, name, None)}" for name in ("padding_side", "model_max_length")]
    return [type(tokenizer).__name__, _digest(words), *settings]


def _precision(device: torch.device) -> str:
    automatic = torch.is_autocast_enabled(device.type)
    said = f", autocast to {torch.get_autocast_dtype(device.type)}" if automatic else ""
    return f"matmul {torch.get_float32_matmul_precision()}{said}"


def _still(value: Any) -> str:
    """`repr` without addresses in memory."""
    return _ADDRESS.sub("0x", repr(value))


def _digest(words: str) -> str:
    return sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
