"""`pl.open`: a model by name or file, ready to be looked at."""

from inspect import signature
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.lens.lens import Lens
from pellucid.zoo.open import open_model
from pellucid.zoo.opened import StatedInput

_STATED: WeakKeyDictionary[Lens, tuple[StatedInput, ...]] = WeakKeyDictionary()


def open(  # noqa: A001 - the public name is pl.open
    spec: str | Path,
    *,
    weights: str | Path | None = None,
    trust: bool = False,
    unsafe_pickle: bool = False,
    **lens: Any,
) -> Lens:
    """A lens on the model that `spec` names.

    Args:
        spec: `torchvision:NAME`, `timm:NAME` (`:DEFAULT` after it fetches the library's own weights), `hf:DIR`,
            `module:Class`, `path/file.py:Class`, `path/file.py:Class(num_classes=10)`, or a file: `model.onnx`,
            `model.pt2`, TorchScript, or weights alone, whose names and shapes are then seen.
        weights: a file of a state dict; without it the weights are random or what your code makes, and every
            result says so. `FILE#KEY` names one of several sets; "DEFAULT" the library's own weights.
        trust: a file may be loaded that can run code of its author: an exported program, TorchScript.
        unsafe_pickle: a file may be unpickled, whatever it holds: a whole model saved by `torch.save(model)`.
        lens: arguments of `Lens`; they win over what the source of the model states.
    Raises:
        BadSetting: there is no such model, or opening it would run code that was not trusted.
        BadWeights: the file is refused or does not fit.
    """
    if isinstance(spec, Path):
        spec = str(spec)
    _refuse_other_kinds(spec, weights, lens)
    opened = open_model(spec, weights, trust=trust, unsafe_pickle=unsafe_pickle)
    stated: dict[str, Any] = {"name": opened.name, "labels": opened.labels, "preprocess": opened.preprocess}
    stated["tokenizer"] = opened.tokenizer
    made = Lens(opened.model, **{**stated, **lens})
    made.notes = opened.notes
    _STATED[made] = opened.inputs
    told = {"weights": weights, "trust": trust, "unsafe_pickle": unsafe_pickle, **lens}
    made.said = (
        f"pl.open({', '.join([repr(spec), *(f'{name}={_said(name, one)}' for name, one in told.items() if one)])})"
    )
    return made


def stated_inputs(lens: Lens) -> tuple[StatedInput, ...]:
    """The inputs of an opened model as its source states them; none where it does not."""
    return _STATED.get(lens, ())


def _refuse_other_kinds(spec: object, weights: object, lens: dict[str, Any]) -> None:
    if not isinstance(spec, str):
        model = isinstance(spec, nn.Module)
        raise BadSetting(
            Text(
                f"A model is opened by its name or file, and this is {type(spec).__name__}.",
                f"模型以名称或文件打开，而这里是 {type(spec).__name__}。",
            ),
            asked_by="pl.open(...)",
            hint=Text("pl.Lens(model)" if model else "pl.open('torchvision:resnet18'), pl.open('net.py:Net')"),
        )
    if weights is not None and not isinstance(weights, str | Path):
        raise BadSetting(
            Text(
                f"weights are named by their file, and this is {type(weights).__name__}.",
                f"权重以文件指定，而这里是 {type(weights).__name__}。",
            ),
            asked_by="pl.open(..., weights=...)",
            hint=Text(
                "model.load_state_dict(state), then pl.Lens(model)", "model.load_state_dict(state)，再 pl.Lens(model)"
            ),
        )
    known = [name for name in signature(Lens).parameters if name != "model"]
    for name in lens:
        if name not in known:
            near = nearest_names(name, ["weights", "trust", "unsafe_pickle", *known])
            raise BadSetting(
                Text(f"pl.open has no setting '{name}'.", f"pl.open 没有设置 '{name}'。"),
                asked_by=f"{name}=...",
                nearest=quoted(near),
            )


def _said(name: str, value: Any) -> str:
    """An argument as it can be typed again: words and truths as they are, anything else by its name."""
    if isinstance(value, bool):
        return repr(value)
    return repr(str(value)) if isinstance(value, (str, Path)) else name
