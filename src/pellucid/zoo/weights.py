"""Weights into a model: all of them fit, or nothing is changed."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pellucid.core.errors import BadWeights, nearest_names
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.alignment import best_reading
from pellucid.inputs.checkpoints.checkpoint import UNPICKLED, read_sets
from pellucid.inputs.checkpoints.wrapping import Tensors, told

_COUNTER = "num_batches_tracked"  # torch itself fills it in for files older than it
_SHOWN, _NEAREST = 10, 3


def load_weights(model: nn.Module, path: str | Path, *, unsafe_pickle: bool = False) -> tuple[Text, ...]:
    """Fill the model's parameters and buffers from a file.

    Of several sets of weights in a checkpoint the one is taken whose names agree best; `FILE#KEY` names one. Prefixes
    that training wrappers leave (`module.`, `model.`, `_orig_mod.`, ...) are taken off. Nothing is written into the
    model unless every name and every shape fits.

    Args:
        model: the network.
        path: safetensors, an index of shards, or what `torch.save` wrote.
        unsafe_pickle: whether a file may be unpickled that holds more than tensors; its code then runs.
    Returns:
        What the reader must know of how the file was read.
    Raises:
        BadWeights: the file is refused, or it does not fit; then every name that is missing, unexpected or of another
            shape is told, the first ten of each, and beside missing ones what comes nearest in the file.
    """
    model = getattr(model, "_orig_mod", model)
    sets = read_sets(path, unsafe_pickle=unsafe_pickle)
    wanted: dict[str, Tensor] = model.state_dict(keep_vars=True)
    reading = best_reading(sets, wanted.keys())
    named = dict(reading.tensors)
    strange = named.keys().isdisjoint(wanted)
    known = (*told(reading.key, sets), *reading.notes(), *_filled(named, wanted))
    if not wanted.keys() <= named.keys():
        named.update({name: sets[reading.key][name] for name in reading.beside if name in sets[reading.key]})
    kind = type(model).__name__
    _refuse_misfit(named, wanted, Text(f"'{path}' does not fit {kind}", f"'{path}' 与 {kind} 不符"), strange=strange)
    try:
        model.load_state_dict(named, strict=True)
    except RuntimeError as error:
        raise BadWeights(Text(f"'{path}' does not fit {kind}: {error}", f"'{path}' 与 {kind} 不符：{error}")) from error
    return (*((UNPICKLED,) if unsafe_pickle else ()), *known, *_not_finite(named))


def _filled(named: Tensors, wanted: dict[str, Tensor]) -> Iterator[Text]:
    """Fill in what a complete file may leave out: the twin of a shared parameter, counters of normalisation layers."""
    twins = {id(wanted[name]): name for name in wanted if name in named}
    lacking = [name for name in wanted if name not in named]
    tied = [name for name in lacking if id(wanted[name]) in twins]
    counters = [name for name in lacking if name.endswith(_COUNTER)]
    for name in tied:
        named[name] = named[twins[id(wanted[name])]]
        yield Text(
            f"'{name}' shares the weights of '{twins[id(wanted[name])]}'.",
            f"'{name}' 与 '{twins[id(wanted[name])]}' 共用权重。",
        )
    for name in counters:
        named[name] = wanted[name].detach().clone()
    if counters:
        yield Text(
            f"{len(counters)} batch counters are not in the file and stay as they are.",
            f"文件中没有 {len(counters)} 个批次计数器，保持不变。",
        )


_OTHER = Text("no name agrees: the file belongs to another architecture", "没有一个名称相符：该文件属于另一种网络结构")
_SIZES = Text(
    "the names agree: build the model with the sizes of the file, for instance its number of classes",
    "名称相符：请按文件中的尺寸构建模型，例如类别数",
)
_AS_SAVED = Text("build the model as it was built when the file was saved", "请按保存文件时的方式构建模型")


def _refuse_misfit(named: Tensors, wanted: dict[str, Tensor], what: Text, *, strange: bool) -> None:
    missing = [name for name in wanted if name not in named]
    extra = [name for name in named if name not in wanted]
    other = [name for name in wanted if name in named and not _fits(named[name], wanted[name])]
    if not (missing or extra or other):
        return
    shapes = [f"{name} {_form(named[name])} in the file, {_form(wanted[name])} in the model" for name in other]
    said = (
        (missing, Text("missing", "缺少")),
        (extra, Text("unexpected", "多出")),
        (shapes, Text("of another shape", "形状不同")),
    )
    en = "; ".join(f"{len(names)} {word} ({_first(names)})" for names, word in said if names)
    zh = "；".join(f"{word.zh} {len(names)} 个（{_first(names)}）" for names, word in said if names)
    if strange:
        hint = _OTHER
    elif other and not missing and not extra:
        hint = _SIZES
    else:
        hint = _AS_SAVED
    near = "" if strange else ", ".join(_nearest(missing[:_NEAREST], {name: named[name] for name in extra}, wanted))
    raise BadWeights(
        Text(f"{what}: {en}. Nothing was loaded.", f"{what.zh}：{zh}。没有载入任何内容。"), nearest=near, hint=hint
    )


def _nearest(missing: list[str], extra: Tensors, wanted: dict[str, Tensor]) -> Iterator[str]:
    """For each missing name the one in the file that comes nearest, of its own shape if there is any."""
    for name in missing:
        same = [one for one, tensor in extra.items() if not is_lazy(wanted[name]) and _fits(tensor, wanted[name])]
        near = nearest_names(name, same) or nearest_names(name, list(extra)) or same[:1]
        if near:
            yield f"'{near[0]}' {tuple(extra[near[0]].shape)} for '{name}' {tuple(wanted[name].shape)}"


def _fits(given: Tensor, place: Tensor) -> bool:
    if is_lazy(place):
        return True
    return (
        given.shape == place.shape
        and given.is_floating_point() == place.is_floating_point()
        and given.is_complex() == place.is_complex()
    )


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _first(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _not_finite(named: Tensors) -> Iterator[Text]:
    bad = [
        name for name, tensor in named.items() if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
    if bad:
        yield Text(
            f"{len(bad)} of {len(named)} tensors hold NaN or infinite values, the first is '{bad[0]}'.",
            f"{len(named)} 个张量中有 {len(bad)} 个含有 NaN 或无穷值，第一个是 '{bad[0]}'。",
        )
