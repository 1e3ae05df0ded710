"""Models by name: `torchvision:resnet18`, `timm:resnet18`, `hf:DIR`, `my.nets:Net`, `nets.py:Net`."""

from dataclasses import replace
from pathlib import Path

from pellucid.core.errors import BadSetting, quoted
from pellucid.zoo.checkpoint import is_torchscript
from pellucid.zoo.opened import OpenedModel
from pellucid.zoo.weights import load_weights

_GRAMMAR = "torchvision:NAME, timm:NAME, hf:DIR, module:Class or file.py:Class"
_WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")


def open_model(spec: str, weights: str | Path | None = None) -> OpenedModel:
    """Build the model that `spec` names, and fill it with `weights`.

    Nothing is ever downloaded: models of torchvision and timm begin with random weights, the same ones each time,
    unless a file is given. `module:Class` and `file.py:Class` run the code that they name.

    Args:
        spec: `torchvision:NAME`, `timm:NAME`; `hf:DIR`, a folder as transformers saves models; `demo`,
            EfficientNet-Lite0 with its ImageNet weights; `module:Class` of what Python finds, `path/file.py:Class` of a
            file; the name after the colon is an `nn.Module`, its class, or a function without arguments that makes one.
        weights: a safetensors file, or one that `torch.save` wrote of a state dict.
    Raises:
        BadSetting: there is no such model, with the nearest names; or its code failed.
        BadWeights: see `load_weights`.
    """
    from pellucid.zoo.libraries import open_timm, open_torchvision
    from pellucid.zoo.own import open_own

    library, _, name = spec.partition(":")
    if spec == "demo":
        return _demo(weights)
    if library == "hf" and name:
        return _hugging_face(name, weights)
    if library in ("torchvision", "timm") and name:
        opened = (open_torchvision if library == "torchvision" else open_timm)(name, trained=weights is not None)
    else:
        _refuse_what_is_no_code(spec)
        opened = open_own(spec, trained=weights is not None)
    notes = opened.notes if weights is None else (*opened.notes, *load_weights(opened.model, weights))
    opened.model.eval()
    return replace(opened, notes=notes)


def _demo(weights: str | Path | None) -> OpenedModel:
    from pellucid.zoo.efficientnet import open_efficientnet

    if weights is not None:
        raise BadSetting("The demo's network brings its own weights.", asked_by=f"weights='{weights}'")
    return open_efficientnet()


def _hugging_face(place: str, weights: str | Path | None) -> OpenedModel:
    from pellucid.zoo.hugging_face import open_hugging_face

    if weights is not None:
        raise BadSetting(
            "A folder as hf:DIR brings its own weights.",
            asked_by=f"weights='{weights}'",
            hint="put the file into a folder with its config.json",
        )
    return open_hugging_face(place)


def _refuse_what_is_no_code(spec: str) -> None:
    path = Path(spec)
    if path.suffix in _WEIGHTS and path.is_file():
        if is_torchscript(path):
            raise BadSetting(
                f"'{spec}' is a TorchScript model: its layers are compiled and cannot be looked into.",
                hint="open the class that it was made of; pl.Lens(torch.jit.load(path)) shows input gradients only",
            )
        raise BadSetting(
            f"'{spec}' holds weights; the network that they belong to is missing.",
            hint=f"pl.open('nets.py:Net', weights='{spec}')",
        )
    if path.suffix in (".onnx", ".pt2"):
        raise BadSetting(
            f"'{spec}': models of this kind are not opened by name yet.", hint="build it, then pl.Lens(model)"
        )
    if ":" not in spec or spec.startswith(":") or spec.endswith(":"):
        near = quoted([f"{spec}:Net"] if path.suffix == ".py" else [f"torchvision:{spec}", f"timm:{spec}"])
        raise BadSetting(f"'{spec}' does not name a model.", nearest=near, hint=_GRAMMAR)
