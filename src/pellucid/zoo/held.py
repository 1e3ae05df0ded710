"""Weights alone, without their network: what their names and shapes tell, and the numbers themselves."""

from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor, nn

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.checkpoint import UNPICKLED, read_sets, split_key
from pellucid.inputs.checkpoints.wrapping import Tensors, told
from pellucid.zoo.opened import OpenedModel

_ALONE = Text(
    "These are weights alone: their names and shapes are known, the network that they belong to is not.",
    "这里只有权重：名称与形状已知，所属的网络未知。",
)


class Weights(nn.Module):
    """Named tensors in the tree that their names spell; it holds them and computes nothing."""

    def forward(self, *_: Any, **__: Any) -> NoReturn:
        """Refused.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable(
            Text("these are weights alone; there is no network to run", "这里只有权重，没有可运行的网络"),
            hint="pl.open('nets.py:Net', weights=FILE)",
        )


def held(tensors: Tensors) -> Weights:
    """The tree of named tensors; those of floating numbers are parameters, all others buffers."""
    root = Weights()
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        place: nn.Module = root
        for part in path:
            inner = place._modules.get(part)  # noqa: SLF001 - a part of a name may be any word
            if inner is None:
                inner = nn.Module()
                place._modules[part] = inner  # noqa: SLF001
            place = inner
        _put(place, last, tensor)
    return root


def open_held(path: str | Path, *, unsafe_pickle: bool = False) -> OpenedModel:
    """A weights file as a tree of named tensors; a model that was saved whole as itself, if unpickling is allowed.

    Raises:
        BadWeights: see `read_weights`.
    """
    file, _ = split_key(path)
    sets = read_sets(path, unsafe_pickle=unsafe_pickle)
    key = next(iter(sets))
    notes = (_ALONE, *((UNPICKLED,) if unsafe_pickle else ()), *told(key, sets))
    return OpenedModel(held(sets[key]).eval(), file.stem, notes=notes)


def _put(place: nn.Module, name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() or tensor.is_complex():
        place._parameters[name] = nn.Parameter(tensor, requires_grad=tensor.is_leaf)  # noqa: SLF001
    else:
        place._buffers[name] = tensor  # noqa: SLF001
