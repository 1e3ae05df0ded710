"""Where in a checkpoint the weights are: under which keys named tensors lie."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.errors import BadWeights, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import SAVE_WEIGHTS

Tensors = dict[str, Tensor]

WRAPPERS = (
    "state_dict",
    "model",
    "net",
    "ema",
    "model_state_dict",
    "module",
    "params",
    "weights",
    "network",
    "state",
    "model_state",
    "params_ema",
    "state_dict_ema",
    "ema_state_dict",
    "model_ema",
    "teacher",
    "student",
    "generator",
    "encoder",
    "backbone",
)
_BESIDE = ("optim", "sched", "scaler", "callbacks", "loops", "hyper_parameters", "hparams", "config", "args", "rng")
_DEEPEST = 3


def weight_sets(content: Any, place: str) -> dict[str, Tensors]:
    """The named tensors of a checkpoint by the keys under which they lie, likely ones first.

    `""` is the file itself, `"model.state_dict"` a set two keys down. What an optimizer, a scheduler or a log left
    beside them is passed over.

    Args:
        content: what the file holds.
        place: its path, for the errors.
    Raises:
        BadWeights: it holds no named tensors, or one that claims more than is stored for it.
    """
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if isinstance(content, list | tuple):  # (state_dict, epoch)
        content = {str(at): one for at, one in enumerate(content) if isinstance(one, Mapping | nn.Module)} or content
    if not isinstance(content, Mapping):
        raise BadWeights(
            Text(
                f"'{place}' holds {type(content).__name__}, not named tensors.",
                f"'{place}' 含有 {type(content).__name__}，而不是带名称的张量。",
            ),
            hint=SAVE_WEIGHTS,
        )
    sets = dict(_sets(content, (), _DEEPEST))
    if not sets:
        some = ", ".join(map(repr, list(content)[:5])) or "nothing"
        raise BadWeights(
            Text(
                f"'{place}' holds no tensors by name; it holds {some}.",
                f"'{place}' 中没有带名称的张量；其中有 {some}。",
            ),
            hint=SAVE_WEIGHTS,
        )
    for tensors in sets.values():
        _refuse_larger_than_stored(tensors, place)
    return sets


def chosen(sets: dict[str, Tensors], key: str, place: str) -> dict[str, Tensors]:
    """The set that was asked for by its key; all of them where none was.

    Raises:
        BadWeights: there is no such key.
    """
    if not key:
        return sets
    if key not in sets:
        near = quoted(f"{place}#{one}" for one in (nearest_names(key, sets) or list(sets)[:5]) if one)
        hint = f"its weights lie under no key: '{place}'" if "" in sets else ""
        raise BadWeights(
            Text(f"'{place}' holds no weights under '{key}'.", f"'{place}' 在 '{key}' 之下没有权重。"),
            nearest=near,
            hint=hint,
        )
    return {key: sets[key]}


def told(key: str, sets: dict[str, Tensors]) -> tuple[Text, ...]:
    """Under which key the weights lay, and which other ones were not used."""
    others = [one for one in sets if one != key and one]
    if not key and not others:
        return ()
    beside = f"; '{others[0]}' beside it was not used" if others else ""
    also = f"；同级的 '{others[0]}' 未使用。" if others else "。"
    if not key:
        return (Text(f"The weights are those of the file itself{beside}.", f"使用文件顶层的权重{also}"),)
    return (Text(f"The weights are those under '{key}' of the file{beside}.", f"使用文件中 '{key}' 下的权重{also}"),)


def _sets(content: Mapping[Any, Any], above: tuple[str, ...], depth: int) -> Iterator[tuple[str, Tensors]]:
    inner = {str(key): one.state_dict() if isinstance(one, nn.Module) else one for key, one in content.items()}
    nested = {key: one for key, one in inner.items() if isinstance(one, Mapping) and not _is_beside(key)}
    own = dict(_tensors(inner))
    found: list[tuple[str, Tensors]] = []
    if depth:
        for key in sorted(nested, key=lambda one: WRAPPERS.index(one) if one in WRAPPERS else len(WRAPPERS)):
            found += _sets(nested[key], (*above, key), depth - 1)
    known = any(key.rpartition(".")[2] in WRAPPERS for key, _ in found)
    if own and not known:  # beside a known wrapper, single tensors are numbers of the training
        yield ".".join(above), own
    yield from found


def _tensors(named: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Tensors by name; of a quantised layer, which packs weight and bias into one entry, each under its number."""
    for name, one in named.items():
        if isinstance(one, Tensor):
            yield name, one
        elif isinstance(one, np.ndarray) and one.dtype.kind in "fiubc":
            yield name, torch.as_tensor(one)
        elif isinstance(one, tuple) and name.endswith("_packed_params"):
            yield from ((f"{name}.{at}", part) for at, part in enumerate(one) if isinstance(part, Tensor))


def _is_beside(key: str) -> bool:
    return any(part in key.lower() for part in _BESIDE)


def _refuse_larger_than_stored(tensors: Tensors, place: str) -> None:
    for name, tensor in tensors.items():
        if tensor.is_meta:
            continue
        if tensor.layout is not torch.strided or tensor.numel() * tensor.itemsize > tensor.untyped_storage().nbytes():
            raise BadWeights(
                Text(
                    f"'{place}' is refused: '{name}' claims {tuple(tensor.shape)}, more than the file stores for it.",
                    f"拒绝读取 '{place}'：'{name}' 声称形状为 {tuple(tensor.shape)}，超过文件中所存的大小。",
                )
            )
