"""Weights into a model: all of them fit, or nothing is changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pellucid.core.errors import BadWeights, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.zoo.checkpoint import Tensors, read_weights

PREFIXES = ("module.", "model.")
_COMPILED = "_orig_mod."
_COUNTER = "num_batches_tracked"  # torch itself fills it in for files older than it
_SHOWN = 10


def load_weights(model: nn.Module, path: str | Path) -> tuple[Text, ...]:
    """Fill the model's parameters and buffers from a file.

    Prefixes that training wrappers leave (`module.`, `model.`, `_orig_mod.`) are taken off. Nothing is written into the
    model unless every name and every shape fits.

    Returns:
        What the reader must know of how the file was read.
    Raises:
        BadWeights: the file is refused, or it does not fit; then every name that is missing, unexpected or of another
            shape is told, the first ten of each.
    """
    model = getattr(model, "_orig_mod", model)
    tensors, notes = read_weights(path)
    wanted: dict[str, Tensor] = model.state_dict(keep_vars=True)
    named, stripped = _aligned(tensors, wanted)
    strange = named.keys().isdisjoint(wanted)
    known = [*notes, *([stripped] if stripped else []), *_filled(named, wanted)]
    _refuse_misfit(named, wanted, f"'{path}' does not fit {type(model).__name__}", strange=strange)
    try:
        model.load_state_dict(named, strict=True)
    except RuntimeError as error:
        raise BadWeights(f"'{path}' does not fit {type(model).__name__}: {error}") from error
    return (*known, *_not_finite(named))


def _aligned(tensors: Tensors, wanted: Iterable[str]) -> tuple[Tensors, Text | None]:
    """The tensors under the names that agree best with the model's, and what was taken off."""
    names = set(wanted)
    best, taken = max(_readings(tensors), key=lambda reading: len(names & reading[0].keys()))
    off = quoted(taken)
    return best, Text(f"The prefix {off} was taken off the names.", f"已去掉名称中的前缀 {off}。") if taken else None


def _readings(tensors: Tensors) -> Iterator[tuple[Tensors, tuple[str, ...]]]:
    taken: tuple[str, ...] = ()
    yield tensors, taken
    bare = {name.replace(_COMPILED, ""): tensor for name, tensor in tensors.items()}
    if bare.keys() != tensors.keys() and len(bare) == len(tensors):
        tensors, taken = bare, (_COMPILED,)
        yield tensors, taken
    for _ in range(3):
        prefix = next(
            (one for one in PREFIXES if 2 * sum(name.startswith(one) for name in tensors) > len(tensors)), None
        )
        if prefix is None:
            return
        shorter = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        if len(shorter) < len(tensors):
            return
        tensors, taken = shorter, (*taken, prefix)
        yield tensors, taken


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


def _refuse_misfit(named: Tensors, wanted: dict[str, Tensor], what: str, *, strange: bool) -> None:
    missing = [name for name in wanted if name not in named]
    extra = [name for name in named if name not in wanted]
    other = [name for name in wanted if name in named and not _fits(named[name], wanted[name])]
    if not (missing or extra or other):
        return
    shapes = [f"{name} {_form(named[name])} in the file, {_form(wanted[name])} in the model" for name in other]
    parts = [
        f"{len(names)} {word} ({_first(names)})"
        for names, word in ((missing, "missing"), (extra, "unexpected"), (shapes, "of another shape"))
        if names
    ]
    if strange:
        hint = "no name agrees: the file belongs to another architecture"
    elif other and not missing and not extra:
        hint = "the names agree: build the model with the sizes of the file, for instance its number of classes"
    else:
        hint = "build the model as it was built when the file was saved"
    near = quoted(nearest_names(missing[0], extra)) if missing and extra else ""
    raise BadWeights(f"{what}: {'; '.join(parts)}. Nothing was loaded.", nearest=near, hint=hint)


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
