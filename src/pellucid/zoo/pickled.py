"""Models that were pickled whole: code of their author, opened only when that is asked for by its full name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from pellucid.core.text import Text
from pellucid.inputs.checkpoints.checkpoint import content_of
from pellucid.zoo.held import open_held
from pellucid.zoo.opened import OpenedModel

_RAN = Text(
    "The model was unpickled, which can run any code of its author.",
    "模型经 unpickle 读取，这可能执行其作者的任意代码。",
    aside=True,
)


def open_pickled(path: Path) -> OpenedModel:
    """The network in a file of `torch.save(model)`, or under a key of it; else the weights that it holds.

    Raises:
        BadWeights: it cannot be unpickled, or holds neither.
    """
    found = next(_networks(content_of(path, unsafe_pickle=True)), None)
    if found is None:
        return open_held(path, unsafe_pickle=True)
    key, model = found
    taken = Text(f"The network is the one under '{key}' of the file.", f"使用文件中 '{key}' 下的网络。")
    name = str(getattr(model, "original_name", type(model).__name__))
    return OpenedModel(model, name, notes=(_RAN, *((taken,) if key else ())))


def _networks(content: Any) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(content, nn.Module):
        yield "", content
    elif isinstance(content, Mapping):
        yield from ((str(key), one) for key, one in content.items() if isinstance(one, nn.Module))
