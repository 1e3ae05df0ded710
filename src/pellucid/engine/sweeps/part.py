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

from pellucid.core.errors import BadInput

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
    """

    states: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    read: int = 0
    left_out: tuple[Left, ...] = ()
    halved: int = 0

    @property
    def digest(self) -> str:
        """SHA-256 of everything."""
        made = sha256(f"{self.read} {self.left_out} {self.halved}".encode())
        for name, value in sorted(_flat(self).items()):
            made.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
            made.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
        return made.hexdigest()


def joined(a: Part, b: Part, merge: Callable[[str, Any, Any], Any]) -> Part:
    """Two neighbouring ranges as one.

    Args:
        merge: two states of the name.
    """
    names = dict.fromkeys((*a.states, *b.states))
    states = {
        name: merge(name, a.states[name], b.states[name])
        if name in a.states and name in b.states
        else (a.states.get(name) or b.states[name])
        for name in names
    }
    return Part(states, a.read + b.read, (*a.left_out, *b.left_out), a.halved + b.halved)


def pack(part: Part, about: Mapping[str, Any]) -> bytes:
    """The bytes of a file: tensors, counts, what it is `about`, and the digest of it all."""
    told = {
        "schema": SCHEMA,
        "read": part.read,
        "left_out": part.left_out,
        "halved": part.halved,
        "names": list(part.states),
        "digest": part.digest,
        **about,
    }
    return save(_flat(part), {"pellucid": json.dumps(told, sort_keys=True)})


def unpack(content: bytes, name: str) -> tuple[Part, dict[str, Any]]:
    """The part that a file holds, and what it is about.

    Raises:
        BadInput: it is not such a file, was changed, or is of a newer version.
    """
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        told = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["pellucid"])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise BadInput(f"'{name}' is not a part of a sweep: {error}.") from error
    if told["schema"] > SCHEMA:
        raise BadInput(f"'{name}' was written by a newer version (schema {told['schema']}, known is {SCHEMA}).")
    states: dict[str, dict[str, Tensor]] = {one: {} for one in told["names"]}
    for flat, value in tensors.items():
        one, _, part = flat.partition(_BETWEEN)
        states.setdefault(one, {})[part] = value
    found = Part(states, told["read"], tuple((int(at), str(why)) for at, why in told["left_out"]), told["halved"])
    if found.digest != told["digest"]:
        raise BadInput(f"'{name}' was changed after it was written: its digest is another one.")
    return found, told


def _flat(part: Part) -> dict[str, Tensor]:
    return {
        f"{name}{_BETWEEN}{which}": value.detach().cpu().contiguous()
        for name, state in part.states.items()
        for which, value in state.items()
    }
