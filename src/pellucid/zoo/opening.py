"""`pl.open`: a model by name, ready to be looked at."""

from pathlib import Path
from typing import Any

from pellucid.lens.lens import Lens
from pellucid.zoo.open import open_model


def open(spec: str, *, weights: str | Path | None = None, **lens: Any) -> Lens:  # noqa: A001 - the public name is pl.open
    """A lens on the model that `spec` names.

    Args:
        spec: `torchvision:NAME`, `timm:NAME`, `hf:DIR`, `module:Class`, `path/file.py:Class`.
        weights: a file of a state dict; without it the weights are random or what your code makes, and every
            result says so.
        lens: arguments of `Lens`; they win over what the source of the model states.
    Raises:
        BadSetting: there is no such model.
        BadWeights: the file is refused or does not fit.
    """
    opened = open_model(spec, weights)
    stated: dict[str, Any] = {"name": opened.name, "labels": opened.labels, "preprocess": opened.preprocess}
    stated["tokenizer"] = opened.tokenizer
    made = Lens(opened.model, **{**stated, **lens})
    made.notes = opened.notes
    told = {"weights": weights, **lens}
    made.said = (
        f"pl.open({', '.join([repr(spec), *(f'{name}={_said(name, one)}' for name, one in told.items() if one)])})"
    )
    return made


def _said(name: str, value: Any) -> str:
    """An argument as it can be typed again: words as they are, anything else by its name."""
    return repr(str(value)) if isinstance(value, (str, Path)) else name
