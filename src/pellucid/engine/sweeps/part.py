"""What was gathered from a range of samples, and how it becomes a file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from pellucid.core.errors import BadInput, BadRequest
from pellucid.core.text import Text

SCHEMA = 1
_BETWEEN = "\x1f"
Left = tuple[int, str]


@dataclass(frozen=True, eq=False)
class Part:
    """States and counts of a range of samples.

    Args:
        states: by reducer and place.
        read: how many samples went through the network.
        left_out: number and reason of every sample that did not, in rising order.
        halved: batches that did not fit and went through in pieces.
        missed: by reducer and place, how many of the samples read have no value there.
    """

    states: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    read: int = 0
    left_out: tuple[Left, ...] = ()
    halved: int = 0
    missed: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of everything."""
        made = sha256(json.dumps(_counts(self), sort_keys=True).encode())
        for name, value in sorted(_flat(self).items()):
            made.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
            made.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
        return made.hexdigest()


def joined(a: Part, b: Part, merge: Callable[[str, Any, Any], Any]) -> Part:
    """Two neighbouring ranges as one.

    Args:
        merge: two states of the name.
    """
    states = {**b.states, **a.states}
    for name in a.states.keys() & b.states.keys():
        states[name] = merge(name, a.states[name], b.states[name])
    missed = {name: a.missed.get(name, 0) + b.missed.get(name, 0) for name in {**a.missed, **b.missed}}
    return Part(states, a.read + b.read, (*a.left_out, *b.left_out), a.halved + b.halved, missed)


def pack(part: Part, about: Mapping[str, Any]) -> bytes:
    """The bytes of a file: tensors, counts, what it is `about`, and the digests of it all."""
    told = {"schema": SCHEMA, **_counts(part), "names": list(part.states), "digest": part.digest, **about}
    words = json.dumps(told, sort_keys=True)
    return save(_flat(part), {"pellucid": words, "sha256": sha256(words.encode()).hexdigest()})


def unpack(content: bytes, name: str) -> tuple[Part, dict[str, Any]]:
    """The part that a file holds, and what it is about.

    Raises:
        BadInput: it is not such a file, or was changed after it was written.
        BadRequest: it is of a newer version.
    """
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        words = header["pellucid"]
        whole = sha256(words.encode()).hexdigest() == header["sha256"]
        told = json.loads(words)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise BadInput(
            Text(f"'{name}' is not a part of a sweep: {error}.", f"'{name}' 不是遍历的一部分：{error}。")
        ) from error
    if whole and told["schema"] > SCHEMA:
        raise BadRequest(
            Text(
                f"'{name}' was written by a newer version (schema {told['schema']}, known is {SCHEMA}).",
                f"'{name}' 由更新的版本写出（格式 {told['schema']}，已知的是 {SCHEMA}）。",
            )
        )
    found = _part(told, tensors) if whole else Part()
    if not whole or found.digest != told["digest"]:
        raise BadInput(
            Text(
                f"'{name}' was changed after it was written: its digest is another one.",
                f"'{name}' 在写出之后被改动过：其摘要不同。",
            )
        )
    return found, told


def _part(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Part:
    states: dict[str, dict[str, Tensor]] = {one: {} for one in told["names"]}
    for flat, value in tensors.items():
        name, _, which = flat.partition(_BETWEEN)
        states.setdefault(name, {})[which] = value
    left_out = tuple((int(at), str(why)) for at, why in told["left_out"])
    return Part(states, told["read"], left_out, told["halved"], told["missed"])


def _counts(part: Part) -> dict[str, Any]:
    missed = {name: count for name, count in part.missed.items() if count}
    return {"read": part.read, "left_out": part.left_out, "halved": part.halved, "missed": missed}


def _flat(part: Part) -> dict[str, Tensor]:
    return {
        f"{name}{_BETWEEN}{which}": value.detach().cpu().contiguous()
        for name, state in part.states.items()
        for which, value in state.items()
    }
